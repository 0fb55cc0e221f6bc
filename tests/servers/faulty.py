"""A server that answers well or fails in one of many ways, the same way each time it is started."""

import argparse
import asyncio
import json
import signal
import socket
import struct
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any

from aiohttp import web

REPLY_FAULTS = ("truncated_json", "prose", "wrong_ids", "duplicate_ids", "missing_items", "empty", "refusal")
"""Facts about a reply: the call worked, and its text is no answer. All others are troubles of the server."""
OUTAGES = "rate_limit rate_limit_after server_error reset drip silence wrong_type huge".split()
FAULTS = (*OUTAGES, *REPLY_FAULTS)
BROKEN_BODY = "broken_body"
"""Half of an HTTP body: takes the place of a fault of JSON where no JSON was asked for. Counted, but never drawn."""
FAULTS_OF_JSON = frozenset(REPLY_FAULTS) - {"empty", "refusal"}

DRIP_S = 0.2
SILENCE_S = 60
HUGE_MB = 64
MODELS = {
    "object": "list",
    "data": [{"id": "faulty", "object": "model", "created": 1_700_000_000, "owned_by": "tests"}],
}
WORDS = "a river bends where old stones wait and cold rain keeps its quiet promise to every field".split()

Body = dict[str, Any]
Schema = dict[str, Any]


def digest(*parts: object) -> int:
    """A number of 128 bits that is the same on every machine."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest())


def request_id(body: Body) -> str:
    """The name of a request in the counts: a hash of all that was sent, sampling seed included."""
    return f"{digest(body):032x}"


def clean_answer(messages: list[dict], schema: Schema | None, salt: int = 0) -> str:
    """What the server says to these messages when it does not fail: JSON that satisfies the schema, or a sentence."""
    seed = digest(messages, salt)
    return sentence(seed) if schema is None else json.dumps(value_of(schema, seed, ""))


def sentence(seed: int, words: int = 8) -> str:
    return " ".join(WORDS[digest(seed, place) % len(WORDS)] for place in range(words)).capitalize() + "."


def value_of(schema: Schema, seed: int, path: str) -> Any:
    """A value that satisfies a JSON schema, drawn from the seed and the value's path."""
    schema = first_branch(schema)
    draw = digest(seed, path)
    if "enum" in schema:
        return schema["enum"][draw % len(schema["enum"])]
    match schema.get("type"):
        case "object":
            return {key: value_of(one, seed, f"{path}/{key}") for key, one in schema.get("properties", {}).items()}
        case "integer":
            least = schema.get("minimum", 0)
            return least + draw % (schema.get("maximum", least + 100) - least + 1)
        case "boolean":
            return bool(draw % 2)
        case "number":
            return schema.get("minimum", 0)
        case "string":
            return sentence(draw)
        case "array":
            count = schema.get("minItems", draw % 2)
            return [value_of(schema["items"], seed, f"{path}/{place}") for place in range(count)]
    raise web.HTTPBadRequest(text=f"this server cannot satisfy {schema}")


def first_branch(schema: Schema) -> Schema:
    return first_branch(schema["anyOf"][0]) if "anyOf" in schema else schema


def spoiled(kind: str, messages: list[dict], schema: Schema) -> str:
    """The clean answer with one fault of its JSON."""
    clean = clean_answer(messages, schema)
    if kind == "truncated_json":
        return clean[: len(clean) // 2]
    if kind == "prose":
        return f"Certainly! Here is what I think:\n\n{clean}\n\nLet me know if you need anything else."
    answer = json.loads(clean)
    path = labels_path(answer)
    labelled, described = at(answer, path), labels_schema(schema, path)
    draw = digest(messages, kind)
    if kind == "wrong_ids":
        renamed = {f"{key}_{draw % 1000}": value for key, value in labelled.items()}
        labelled.clear()
        labelled.update(renamed)
        return json.dumps(answer)
    required = [key for key in described.get("required", ()) if key in labelled] or list(labelled)
    key = required[draw % len(required)]
    if kind == "missing_items":
        del labelled[key]
        return json.dumps(answer)
    again = f"{key}, again {draw}"
    labelled[again] = another_value(messages, schema, (*path, key), labelled[key])
    return json.dumps(answer).replace(f"{json.dumps(again)}:", f"{json.dumps(key)}:")


def labels_path(answer: Any) -> tuple[str, ...]:
    """Where the labelled items are: the innermost object, or the first that holds several objects."""
    inner = [key for key, value in answer.items() if isinstance(value, dict) and value]
    return (inner[0], *labels_path(answer[inner[0]])) if len(inner) == 1 else ()


def at(answer: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        answer = answer[key]
    return answer


def labels_schema(schema: Schema, path: tuple[str, ...]) -> Schema:
    for key in path:
        schema = first_branch(schema)["properties"][key]
    return first_branch(schema)


def another_value(messages: list[dict], schema: Schema, path: tuple[str, ...], value: object) -> object:
    """A value that the schema also allows there, or if there is none, one that it does not."""
    for salt in range(1, 100):
        found = at(json.loads(clean_answer(messages, schema, salt)), path)
        if found != value:
            return found
    return f"{value}, again"


class Faulty:
    """Draws a fault for each request, and counts. A request that is sent again draws again."""

    def __init__(self, faults: float, seed: int, only: str | None, latency_s: float) -> None:
        self.faults = faults
        self.seed = seed
        self.only = only
        self.latency_s = latency_s
        self.seen: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
            messages, schema = body["messages"], schema_of(body)
            content = clean_answer(messages, schema)
        except (ValueError, KeyError) as error:
            raise web.HTTPBadRequest(text=f"not a chat request: {error!r}") from error
        if body.get("stream") or body.get("n") not in (None, 1):
            raise web.HTTPBadRequest(text="this server gives one answer, in one piece")
        kind = self.fault_of(body, schema)
        await asyncio.sleep(self.latency_s)
        if kind is None:
            return web.json_response(completion(body, content))
        if kind in FAULTS_OF_JSON:
            return web.json_response(completion(body, spoiled(kind, messages, schema)))
        return await ANSWERS[kind](request, completion(body, content))

    def fault_of(self, body: Body, schema: Schema | None) -> str | None:
        name = request_id(body)
        self.seen[name] += 1
        kind = self.drawn(name, self.seen[name])
        if kind in FAULTS_OF_JSON and not has_properties(schema):
            kind = BROKEN_BODY
        if kind:
            self.failed[kind] += 1
        return kind

    def drawn(self, name: str, time: int) -> str | None:
        if self.only:
            return self.only if time == 1 else None
        draw = digest(self.seed, name, time)
        which, chance = divmod(draw, 1 << 64)
        return FAULTS[which % len(FAULTS)] if chance < self.faults * (1 << 64) else None

    async def total(self, _: web.Request) -> web.Response:
        return web.json_response(self.seen.total())

    async def counts(self, _: web.Request) -> web.Response:
        return web.json_response({"total": self.seen.total(), "by_request": self.seen, "faults": self.failed})


def schema_of(body: Body) -> Schema | None:
    wanted = body.get("response_format") or {}
    return wanted["json_schema"]["schema"] if wanted.get("type") == "json_schema" else None


def has_properties(schema: Schema | None) -> bool:
    return bool(schema and first_branch(schema).get("properties"))


def completion(body: Body, content: str | None, refusal: str | None = None) -> Body:
    words = len(json.dumps(body["messages"]).split()), len((content or "").split())
    return {
        "id": f"chatcmpl-{request_id(body)}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body.get("model", "faulty"),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": refusal},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": words[0], "completion_tokens": words[1], "total_tokens": sum(words)},
    }


def trouble(status: int, kind: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": {"message": kind, "type": kind, "code": kind}}, status=status, headers=headers)


async def rate_limit(_: web.Request, __: Body) -> web.StreamResponse:
    return trouble(429, "rate_limit_error")


async def rate_limit_after(_: web.Request, __: Body) -> web.StreamResponse:
    return trouble(429, "rate_limit_error", {"Retry-After": "1"})


async def server_error(_: web.Request, __: Body) -> web.StreamResponse:
    return trouble(500, "server_error")


async def reset(request: web.Request, clean: Body) -> web.StreamResponse:
    """Cuts the connection: half of the requests get nothing but a reset, half get the beginning of a reply."""
    if digest(clean) % 2:
        reply = await begun(request, length=len(json.dumps(clean)))
        await reply.write(b"{")
        await asyncio.sleep(0.01)
    else:
        reply = web.Response()
        linger = struct.pack("ii", 1, 0)  # close with a reset, not with a goodbye
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.transport.abort()
    return reply


async def drip(request: web.Request, clean: Body) -> web.StreamResponse:
    content = json.dumps(clean).encode()
    reply = await begun(request, length=len(content))
    for byte in content:
        await reply.write(bytes([byte]))
        await asyncio.sleep(DRIP_S)
    return reply


async def silence(_: web.Request, clean: Body) -> web.StreamResponse:
    await asyncio.sleep(SILENCE_S)
    return web.json_response(clean)


async def wrong_type(_: web.Request, __: Body) -> web.StreamResponse:
    return web.Response(
        text="<!doctype html><title>Sign in</title><h1>Welcome to the network</h1>", content_type="text/html"
    )


async def huge(request: web.Request, clean: Body) -> web.StreamResponse:
    """Begins like a completion, and never closes its content."""
    head, _, _ = json.dumps(completion({"messages": []}, "HERE")).partition("HERE")
    reply = await begun(request, length=None)
    await reply.write(head.encode())
    for _ in range(HUGE_MB):
        await reply.write(b"junk" * (1 << 18))
    return reply


async def empty(_: web.Request, clean: Body) -> web.StreamResponse:
    clean["choices"][0]["message"]["content"] = ""
    return web.json_response(clean)


async def refusal(_: web.Request, clean: Body) -> web.StreamResponse:
    clean["choices"][0]["message"] |= {"content": None, "refusal": "I am sorry, but I cannot help with that."}
    return web.json_response(clean)


async def broken_body(_: web.Request, clean: Body) -> web.StreamResponse:
    content = json.dumps(clean).encode()
    return web.Response(body=content[: len(content) // 2], content_type="application/json")


ANSWERS: dict[str, Callable[[web.Request, Body], Awaitable[web.StreamResponse]]] = {
    answer.__name__: answer
    for answer in (
        rate_limit,
        rate_limit_after,
        server_error,
        reset,
        drip,
        silence,
        wrong_type,
        huge,
        empty,
        refusal,
        broken_body,
    )
}


async def begun(request: web.Request, length: int | None) -> web.StreamResponse:
    """A reply of JSON whose head is ready to leave; without a length it is sent in chunks."""
    reply = web.StreamResponse(headers={"Content-Type": "application/json"})
    reply.content_length = length
    await reply.prepare(request)
    return reply


@web.middleware
async def only_with_key(request: web.Request, handler: Any) -> web.StreamResponse:
    """Refuses whoever does not bring the key, and says what they brought, as some servers do."""
    key = request.app[KEY]
    brought = request.headers.get("Authorization", "")
    if key and brought != f"Bearer {key}":
        return trouble(401, f"Incorrect API key provided: {brought.removeprefix('Bearer ')}")
    return await handler(request)


async def models(_: web.Request) -> web.Response:
    return web.json_response(MODELS)


async def health(_: web.Request) -> web.Response:
    return web.json_response({})


KEY = web.AppKey("key", str)


def application(faulty: Faulty, key: str) -> web.Application:
    app = web.Application(middlewares=[only_with_key], client_max_size=1 << 26)
    app[KEY] = key
    app.router.add_post("/v1/chat/completions", faulty.chat)
    app.router.add_get("/v1/models", models)
    app.router.add_get("/health", health)
    app.router.add_get("/counts", faulty.counts)
    app.router.add_get("/total", faulty.total)
    return app


async def serve(app: web.Application, port: int) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await stopped.wait()
    await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=FAULTS)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--key", default="")
    settings = parser.parse_args()
    drawn = Faulty(settings.faults, settings.seed, settings.only, settings.latency_ms / 1000)
    asyncio.run(serve(application(drawn, settings.key), settings.port))
