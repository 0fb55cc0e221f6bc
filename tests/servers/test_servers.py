"""The servers that other tests trust: every fault is seen from outside, with nothing but http.client."""

import json
import time
from http.client import BadStatusLine, HTTPConnection, IncompleteRead
from itertools import count
from urllib.parse import urlsplit

import pytest

from tests.servers.faulty import (
    BROKEN_BODY,
    FAULTS,
    FAULTS_OF_JSON,
    HUGE_MB,
    REPLY_FAULTS,
    Faulty,
    clean_answer,
    request_id,
)
from tests.servers.start import Server, server

SEED = 7
RATING = {"type": "integer", "minimum": 1, "maximum": 5}
RATINGS = {
    "type": "object",
    "properties": {"A": RATING, "B": {"anyOf": [RATING, {"type": "null"}]}},
    "required": ["A", "B"],
}
SCHEMA = {
    "type": "object",
    "properties": {"rationale": {"type": "string"}, "ratings": RATINGS, "verdict": {"enum": ["A", "B", "tie"]}},
    "required": ["rationale", "ratings", "verdict"],
}


def question(number: int, schema: dict | None = SCHEMA) -> dict:
    body = {"model": "m", "messages": [{"role": "user", "content": f"Question {number}"}]}
    if schema:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    return body


def drawn_as(kind: str | None, faults: float = 1.0, schema: dict | None = SCHEMA) -> dict:
    """The first question that a server of this seed answers with this fault."""
    draws = Faulty(faults, SEED, None, 0)
    return next(body for n in count() if draws.drawn(request_id(body := question(n, schema)), 1) == kind)


def ask(url: str, path: str, body: dict | None = None, *, key: str = "", timeout: float = 5) -> tuple[int, dict, bytes]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        connection.request("POST" if body else "GET", path, body and json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, dict(reply.headers), reply.read()
    finally:
        connection.close()


def chat(url: str, body: dict, **options) -> tuple[int, dict, bytes]:
    return ask(url, "/v1/chat/completions", body, **options)


def message(url: str, body: dict) -> dict:
    status, _, content = chat(url, body)
    assert status == 200
    return json.loads(content)["choices"][0]["message"]


def counts(url: str) -> dict:
    return json.loads(ask(url, "/counts")[2])


def repeated_keys(text: str) -> dict[str, list]:
    """The keys that any one object of this JSON repeats, with their values."""
    found = {}

    def look(pairs: list[tuple[str, object]]) -> dict:
        keys = [key for key, _ in pairs]
        found.update({key: [v for k, v in pairs if k == key] for key in keys if keys.count(key) > 1})
        return dict(pairs)

    json.loads(text, object_pairs_hook=look)
    return found


@pytest.fixture(scope="module")
def always():
    """A server that fails each time."""
    with server("faulty.py", "--faults", 1, "--seed", SEED) as url:
        yield url


@pytest.fixture(scope="module")
def sometimes():
    with server("faulty.py", "--faults", 0.3, "--seed", SEED) as url:
        yield url


def test_stub_keeps_the_connection():
    with server("stub.py", "--latency-ms", 1) as url:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
        sockets = set()
        for number in range(3):
            connection.request("POST", "/v1/chat/completions", json.dumps(question(number)))
            reply = json.loads(connection.getresponse().read())
            assert isinstance(json.loads(reply["choices"][0]["message"]["content"]), dict)
            assert reply["usage"] == {"prompt_tokens": 50, "completion_tokens": 8, "total_tokens": 58}
            sockets.add(connection.sock.getsockname())
        connection.close()
        assert len(sockets) == 1
        assert json.loads(ask(url, "/v1/models")[2])["data"][0]["id"] == "stub"
        assert ask(url, "/health")[0] == 200
        assert ask(url, "/elsewhere")[0] == 404


def test_clean_answer_satisfies_its_schema(sometimes):
    body = drawn_as(None, faults=0.3)
    said = message(sometimes, body)["content"]
    assert said == clean_answer(body["messages"], SCHEMA)
    answer = json.loads(said)
    assert list(answer) == SCHEMA["required"]
    assert answer["verdict"] in {"A", "B", "tie"}
    assert all(1 <= answer["ratings"][label] <= 5 for label in "AB")
    assert answer["rationale"].endswith(".")


def test_clean_answers_differ_between_messages_and_properties():
    answers = [json.loads(clean_answer(question(n)["messages"], SCHEMA)) for n in range(50)]
    assert len({answer["rationale"] for answer in answers}) == 50
    assert any(answer["ratings"]["A"] != answer["ratings"]["B"] for answer in answers)


@pytest.mark.parametrize("number", range(20))
def test_reply_faults_leave_no_valid_answer(always, number):
    """Of each kind several, for the labels and the values are drawn."""
    kind = REPLY_FAULTS[number % len(REPLY_FAULTS)]
    draws = Faulty(1, SEED, None, 0)
    bodies = (body for n in count(1000 * number) if draws.drawn(request_id(body := question(n)), 1) == kind)
    body = next(bodies)
    said, clean = message(always, body), clean_answer(body["messages"], SCHEMA)
    match kind:
        case "truncated_json":
            assert said["content"] == clean[: len(clean) // 2]
        case "prose":
            assert clean in said["content"] and not said["content"].startswith("{")
        case "wrong_ids":
            assert len(json.loads(said["content"])["ratings"].keys() - {"A", "B"}) == 2
        case "duplicate_ids":
            ((label, values),) = repeated_keys(said["content"]).items()
            assert label in {"A", "B"} and len(set(values)) == 2 and all(1 <= value <= 5 for value in values)
        case "missing_items":
            assert len(json.loads(said["content"])["ratings"]) == 1
        case "empty":
            assert said["content"] == ""
        case "refusal":
            assert said["content"] is None and said["refusal"]


def test_faults_of_flat_json_fall_on_its_own_labels():
    flat = {"type": "object", "properties": {"verdict": {"enum": ["A", "B"]}}, "required": ["verdict"]}
    with server("faulty.py", "--only", "duplicate_ids") as url:
        body = question(0, flat)
        assert repeated_keys(message(url, body)["content"]).keys() == {"verdict"}
        assert message(url, body)["content"] == clean_answer(body["messages"], flat), "forced the first time only"
        assert counts(url)["faults"] == {"duplicate_ids": 1}


def test_without_a_schema_faults_of_json_break_the_body():
    with server("faulty.py", "--only", "wrong_ids") as url:
        status, _, content = chat(url, question(0, None))
        assert status == 200
        with pytest.raises(json.JSONDecodeError):
            json.loads(content)
        assert message(url, question(0, None))["content"] == clean_answer(question(0)["messages"], None)
        assert counts(url)["faults"] == {BROKEN_BODY: 1}


def test_statuses(always):
    status, headers, _ = chat(always, drawn_as("rate_limit"))
    assert status == 429 and "Retry-After" not in headers
    status, headers, _ = chat(always, drawn_as("rate_limit_after"))
    assert status == 429 and headers["Retry-After"] == "1"
    assert chat(always, drawn_as("server_error"))[0] == 500
    status, headers, content = chat(always, drawn_as("wrong_type"))
    assert status == 200 and headers["Content-Type"].startswith("text/html") and content.startswith(b"<!doctype html>")


def test_reset_comes_before_or_within_the_reply(always):
    draws = Faulty(1, SEED, None, 0)
    bodies = (body for n in count(5000) if draws.drawn(request_id(body := question(n)), 1) == "reset")
    seen = set()
    for _ in range(12):
        with pytest.raises((ConnectionResetError, BadStatusLine, IncompleteRead)) as caught:
            chat(always, next(bodies))
        seen.add(caught.type)
    assert seen == {ConnectionResetError, IncompleteRead}


@pytest.mark.parametrize("kind", ["drip", "silence"])
def test_slow_faults_outlast_a_patient_client(always, kind):
    started = time.monotonic()
    connection = HTTPConnection(urlsplit(always).netloc, timeout=0.5)
    connection.request("POST", "/v1/chat/completions", json.dumps(drawn_as(kind)))
    if kind == "silence":
        with pytest.raises(TimeoutError):
            connection.getresponse()
    else:
        reply = connection.getresponse()
        assert reply.read(4) == b'{"id'
        assert 0.4 < time.monotonic() - started < 3
    connection.close()


def test_huge_never_ends_its_json(always):
    status, headers, content = chat(always, drawn_as("huge"))
    assert status == 200 and "Content-Length" not in headers
    assert content.startswith(b'{"id"') and len(content) > HUGE_MB << 20
    assert content.endswith(b"junk")


def test_a_request_sent_again_draws_again(sometimes):
    before = counts(sometimes)
    draws = Faulty(0.3, SEED, None, 0)
    quick = {None, *FAULTS} - {"drip", "silence", "huge", "reset"}
    expected = {}
    for number in range(10_000, 10_100):
        body = question(number)
        kinds = [draws.drawn(request_id(body), time) for time in (1, 2)]
        if kinds[0] is not None and kinds[1] is None and kinds[0] in quick:
            chat(sometimes, body)
            expected[request_id(body)] = 2
            assert message(sometimes, body)["content"] == clean_answer(body["messages"], SCHEMA)
    after = counts(sometimes)
    assert expected.items() <= after["by_request"].items()
    assert after["total"] - before["total"] == 2 * len(expected) > 10


def test_draws_are_fair_and_reproducible():
    draws = [Faulty(0.3, SEED, None, 0).drawn(f"{n}", 1) for n in range(5000)]
    assert draws == [Faulty(0.3, SEED, None, 0).drawn(f"{n}", 1) for n in range(5000)]
    assert 0.27 < sum(kind is not None for kind in draws) / 5000 < 0.33
    assert all(60 < draws.count(kind) < 145 for kind in FAULTS)
    assert FAULTS_OF_JSON < set(REPLY_FAULTS) < set(FAULTS)
    assert len(FAULTS) == 15


def test_who_brings_no_key_is_refused():
    with server("faulty.py", "--key", "SECRET") as url:
        assert chat(url, question(0))[0] == 401
        assert chat(url, question(0), key="other")[0] == 401
        assert chat(url, question(0), key="SECRET")[0] == 200
        assert json.loads(ask(url, "/counts", key="SECRET")[2])["total"] == 1


def test_what_is_no_chat_request_is_refused(sometimes):
    assert chat(sometimes, {"model": "m"})[0] == 400
    assert chat(sometimes, {**question(0), "n": 2})[0] == 400


@pytest.mark.parametrize("script", ["stub.py", "faulty.py"])
def test_server_comes_back_on_its_port(script):
    again = Server(script)
    again.start()
    url = again.url
    try:
        assert ask(url, "/health")[0] == 200
        again.stop()
        with pytest.raises(ConnectionRefusedError):
            ask(url, "/health")
        again.start()
        assert again.url == url
        assert ask(url, "/v1/models")[0] == 200
    finally:
        again.stop()


def test_server_stops_while_it_answers():
    """A silent answer of a minute does not keep the process alive."""
    with server("faulty.py", "--only", "silence") as url:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=0.3)
        connection.request("POST", "/v1/chat/completions", json.dumps(question(0)))
        with pytest.raises(TimeoutError):
            connection.getresponse()
        started = time.monotonic()
    assert time.monotonic() - started < 3
    connection.close()


def test_a_script_that_cannot_start_says_so():
    with pytest.raises(RuntimeError, match="before it named its port"), server("stub.py", "--nonsense"):
        pass
