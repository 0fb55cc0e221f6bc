"""A server that says what a script tells it to: for tests in which the replies are the case.

The script is a JSON list of rules. The first whose `about` texts are all in the request gives the reply; a rule with
`is` is about the request that is this text. In a reply, `LABEL:TEXT;` stands for the label of the answer that holds
TEXT, and `TIE;` for that of a tie; in `logprobs`, the alternatives of every token with their log-probabilities, too. A
rule with a `status` instead of a reply is an error of the server, and so is a request with a field that it `--rejects`.
"""

import argparse
import json
import re
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

FENCE = re.compile(r"<([A-Z]+_[0-9a-f]+)>\n(.*?)\n</\1>", re.DOTALL)


def filled_in(reply: str, request: str) -> str:
    """The reply with the labels of this request."""
    answers = FENCE.findall(request)

    def label(found: re.Match[str]) -> str:
        return next((label for label, text in answers if found[1] in text), "no_such_answer")

    nonce = answers[0][0].partition("_")[2] if answers else ""
    return re.sub(r"LABEL:(.*?);", label, reply).replace("TIE;", f"tie_{nonce}")


def logprobs(rule: dict, request: str) -> dict | None:
    if "logprobs" not in rule:
        return None
    listed = [{filled_in(token, request): p for token, p in at.items()} for at in rule["logprobs"]]
    content = [{"top_logprobs": [{"token": token, "logprob": p} for token, p in at.items()]} for at in listed]
    return {"content": content}


class Scripted(BaseHTTPRequestHandler):
    """Answers chats by the script, and counts them."""

    protocol_version = "HTTP/1.1"
    rules: ClassVar[list[dict]] = []
    exact: ClassVar[dict[str, dict]] = {}
    rejects: ClassVar[frozenset[str]] = frozenset()
    total = 0
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"]
        with Scripted.lock:
            Scripted.total += 1
        if unknown := sorted(self.rejects & body.keys()):
            self.send({"error": {"message": f"unknown field {unknown[0]}", "type": "scripted"}}, 400)
            return
        rule = self.rule_for(text)
        if "status" in rule:
            self.send({"error": {"message": "as the script says", "type": "scripted"}}, rule["status"])
            return
        said = {"role": "assistant", "content": filled_in(rule["reply"], text), "refusal": None}
        choice = {"index": 0, "message": said, "logprobs": logprobs(rule, text), "finish_reason": "stop"}
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "scripted"}
        self.send(head | {"choices": [choice], "usage": usage})

    def rule_for(self, text: str) -> dict:
        if text in self.exact:
            return self.exact[text]
        return next((rule for rule in self.rules if all(part in text for part in rule["about"])), {"status": 400})

    def do_GET(self) -> None:
        self.send(Scripted.total if self.path == "/total" else {"object": "list", "data": []})

    def send(self, value: object, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rejects", nargs="*", default=[])
    settings = parser.parse_args()
    script = json.loads(settings.script.read_text())
    Scripted.rules = [rule for rule in script if "about" in rule]
    Scripted.exact = {rule["is"]: rule for rule in script if "is" in rule}
    Scripted.rejects = frozenset(settings.rejects)
    listener = ThreadingHTTPServer(("127.0.0.1", settings.port), Scripted)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    sys.stdout.write(f"{listener.server_port}\n")
    sys.stdout.flush()
    listener.serve_forever()
