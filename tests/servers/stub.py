"""The fastest server a client can be measured against: every chat completion gets the same small answer."""

import argparse
import asyncio
import json
import signal
import sys

try:
    from uvloop import run
except ImportError:
    from asyncio import run

COMPLETION = {
    "id": "chatcmpl-stub",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "stub",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": '{"verdict": "A"}', "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 50, "completion_tokens": 8, "total_tokens": 58},
}
MODELS = {"object": "list", "data": [{"id": "stub", "object": "model", "created": 1_700_000_000, "owned_by": "tests"}]}


def reply(status: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


CHAT = b"POST /v1/chat/completions"
REPLIES = {
    CHAT: reply("200 OK", COMPLETION),
    b"GET /v1/models": reply("200 OK", MODELS),
    b"GET /health": reply("200 OK", {}),
}
UNKNOWN = reply("404 Not Found", {"error": {"message": "no such page", "type": "not_found_error"}})


class Stub(asyncio.Protocol):
    """One kept-alive connection; reads no more of a request than where it ends."""

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.unread = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.unread += data
        while (head := self.next_head()) is not None:
            self.answer(b" ".join(head.split(b" ", 2)[:2]))

    def next_head(self) -> bytes | None:
        """The head of a request that has arrived whole; its body is thrown away."""
        head, blank, rest = self.unread.partition(b"\r\n\r\n")
        if not blank or len(rest) < (size := body_bytes(head)):
            return None
        self.unread = rest[size:]
        return head

    def answer(self, page: bytes) -> None:
        content = REPLIES.get(page, UNKNOWN)
        if self.latency_s and page == CHAT:
            asyncio.get_running_loop().call_later(self.latency_s, self.transport.write, content)
        else:
            self.transport.write(content)


def body_bytes(head: bytes) -> int:
    _, found, value = head.lower().partition(b"\r\ncontent-length:")
    return int(value.split(b"\r\n", 1)[0]) if found else 0


async def serve(port: int, latency_s: float) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    listener = await loop.create_server(lambda: Stub(latency_s), "127.0.0.1", port, backlog=1024)
    sys.stdout.write(f"{listener.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stopped.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0)
    settings = parser.parse_args()
    run(serve(settings.port, settings.latency_ms / 1000))
