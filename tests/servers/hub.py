"""A dataset hub: the few endpoints by which `huggingface_hub` creates, fills, lists and reads a dataset repository.

Repositories are private to one token. Files that end in `.parquet` are large ones, which go their own way (LFS).
"""

import argparse
import base64
import json
import re
import signal
import sys
import threading
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import unquote, urlsplit

Files = dict[str, bytes]


class Hub(BaseHTTPRequestHandler):
    """Commits are named by their content; `main` is the last one."""

    protocol_version = "HTTP/1.1"
    token = ""
    large_files = False
    lock = threading.Lock()
    commits: ClassVar[dict[str, dict[str, Files]]] = {}
    heads: ClassVar[dict[str, str]] = {}
    blobs: ClassVar[Files] = {}

    def answer(self, method: str) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) if method != "HEAD" else b""
        path = unquote(urlsplit(self.path).path)
        if not path.startswith("/blobs/") and self.headers.get("Authorization") != f"Bearer {self.token}":
            self.fail(401, "RepoNotFound")
            return
        for of, pattern, action in ROUTES:
            if of == method and (found := re.fullmatch(pattern, path)):
                with Hub.lock:
                    action(self, *found.groups())
                return
        self.fail(404, "EntryNotFound")

    def do_GET(self) -> None:
        self.answer("GET")

    def do_HEAD(self) -> None:
        self.answer("GET")

    def do_POST(self) -> None:
        self.answer("POST")

    def do_PUT(self) -> None:
        self.answer("PUT")

    @property
    def url(self) -> str:
        return f"http://{self.headers['Host']}"

    def create(self) -> None:
        asked = json.loads(self.body)
        name = "/".join(filter(None, [asked.get("organization"), asked["name"]]))
        name = name if "/" in name else f"me/{name}"
        if name in Hub.heads:
            self.send({"error": "exists", "url": f"{self.url}/datasets/{name}"}, 409)
            return
        assert asked["visibility"] == "private"
        self.store(name, {})
        self.send({"url": f"{self.url}/datasets/{name}"})

    def store(self, name: str, files: Files) -> str:
        facts = [name, *(part for path in sorted(files) for part in (path, sha1(files[path]).hexdigest()))]
        sha = sha1("\n".join(facts).encode()).hexdigest()
        Hub.commits.setdefault(name, {})[sha] = files
        Hub.heads[name] = sha
        return sha

    def files(self, name: str, revision: str) -> Files | None:
        """The files of a revision; None after a reply that there is none."""
        if name not in Hub.heads:
            self.fail(404, "RepoNotFound")
            return None
        sha = Hub.heads[name] if revision == "main" else revision
        if sha not in Hub.commits[name]:
            self.fail(404, "RevisionNotFound")
            return None
        return Hub.commits[name][sha]

    def info(self, name: str, revision: str = "main") -> None:
        if (files := self.files(name, revision)) is not None:
            sha = Hub.heads[name] if revision == "main" else revision
            self.send({"id": name, "sha": sha, "private": True, "siblings": [{"rfilename": path} for path in files]})

    def tree(self, name: str, revision: str) -> None:
        if (files := self.files(name, revision)) is not None:
            entries = [
                {"type": "file", "path": path, "size": len(content), "oid": sha1(content).hexdigest()}
                for path, content in files.items()
            ]
            self.send(entries)

    def preupload(self, name: str, _: str) -> None:
        paths = [file["path"] for file in json.loads(self.body)["files"]]
        modes = ["lfs" if Hub.large_files and path.endswith(".parquet") else "regular" for path in paths]
        pairs = zip(paths, modes, strict=True)
        self.send({"files": [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in pairs]})

    def batch(self, name: str) -> None:
        wanted = json.loads(self.body)["objects"]
        upload = {one["oid"]: {"upload": {"href": f"{self.url}/blobs/{one['oid']}"}} for one in wanted}
        objects = [{"oid": one["oid"], "size": one["size"], "actions": upload[one["oid"]]} for one in wanted]
        self.send({"transfer": "basic", "objects": objects})

    def take(self, oid: str) -> None:
        assert sha256(self.body).hexdigest() == oid
        Hub.blobs[oid] = self.body
        self.send({})

    def commit(self, name: str, revision: str) -> None:
        files = dict(self.files(name, revision) or {})
        for line in self.body.splitlines():
            match json.loads(line):
                case {"key": "file", "value": {"path": path, "content": content}}:
                    files[path] = base64.b64decode(content)
                case {"key": "lfsFile", "value": {"path": path, "oid": oid}}:
                    files[path] = Hub.blobs[oid]
                case {"key": "deletedFile", "value": {"path": path}}:
                    del files[path]
        sha = self.store(name, files)
        self.send({"commitUrl": f"{self.url}/datasets/{name}/commit/{sha}", "commitOid": sha, "success": True})

    def resolve(self, name: str, revision: str, path: str) -> None:
        if (files := self.files(name, revision)) is None:
            return
        if path not in files:
            self.fail(404, "EntryNotFound")
            return
        facts = {"ETag": f'"{sha1(files[path]).hexdigest()}"', "X-Repo-Commit": revision}
        self.reply(files[path], 200, facts)

    def valid(self) -> None:
        self.send({"errors": [], "warnings": []})

    def send(self, value: object, status: int = 200) -> None:
        self.reply(json.dumps(value).encode(), status, {"Content-Type": "application/json"})

    def fail(self, status: int, code: str) -> None:
        self.reply(b"{}", status, {"X-Error-Code": code, "X-Error-Message": code})

    def reply(self, content: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


NAME = r"([\w.-]+/[\w.-]+)"
ROUTES = [
    ("POST", "/api/repos/create", Hub.create),
    ("POST", "/api/validate-yaml", Hub.valid),
    ("POST", rf"/api/datasets/{NAME}/preupload/(.+)", Hub.preupload),
    ("POST", rf"/datasets/{NAME}\.git/info/lfs/objects/batch", Hub.batch),
    ("PUT", r"/blobs/(\w+)", Hub.take),
    ("POST", rf"/api/datasets/{NAME}/commit/(.+)", Hub.commit),
    ("GET", rf"/api/datasets/{NAME}", Hub.info),
    ("GET", rf"/api/datasets/{NAME}/revision/(.+)", Hub.info),
    ("GET", rf"/api/datasets/{NAME}/tree/([^/]+)", Hub.tree),
    ("GET", rf"/datasets/{NAME}/resolve/([^/]+)/(.+)", Hub.resolve),
]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--token", required=True)
    parser.add_argument("--large-files", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    settings = parser.parse_args()
    Hub.token, Hub.large_files = settings.token, settings.large_files
    listener = ThreadingHTTPServer(("127.0.0.1", settings.port), Hub)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    sys.stdout.write(f"{listener.server_port}\n")
    sys.stdout.flush()
    listener.serve_forever()
