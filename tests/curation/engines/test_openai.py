"""The client against real HTTP servers: one that is well, one that fails in every way, one that dies and returns."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from dataclasses import replace
from urllib.request import urlopen

import pytest

from curation.asking import json_object
from curation.budget import Budget, Limits
from curation.engines.openai import OpenAI, body
from curation.ledger import Served, answers, ask, plan
from schemas.calls import CALLS, STATUSES, Request, Sampling, Structure
from schemas.errors import ConfigError, UpstreamError
from schemas.ids import canonical
from schemas.prompts import user
from tests.servers.faulty import FAULTS, REPLY_FAULTS, clean_answer
from tests.servers.start import Server, server

RATING = {"type": "integer", "minimum": 1, "maximum": 5}
SCHEMA = json_object({"ratings": json_object(dict.fromkeys(("A_0", "B_0", "C_0"), RATING))})


STRUCTURE = Structure(kind="json", text=canonical(SCHEMA))
SAMPLING = Sampling(max_tokens=64)
MIXED = 2500
"""Some fifty faults of each kind."""
AWAY_S = 7


def requests(count, first=0):
    return [
        Request(
            messages=user(f"rate the answers to question {i}"),
            sampling=SAMPLING,
            seed=i,
            structure=STRUCTURE,
            purpose="test",
        )
        for i in range(first, first + count)
    ]


def engine(*urls, **changes):
    settings = {"timeout_s": 1.0, "concurrency": 32, "least_concurrency": 16, "patience_s": 60.0}
    return OpenAI(base_urls=urls, **settings | changes)


def finish(lake, served, wanted):
    todo = plan(lake, served, lambda: wanted)
    with served.engine.start(served.path) as answer:
        tally = ask(lake, todo, answer, run_id="run", budget=Budget(limits=Limits()))
    return todo, tally


def counts(url):
    with urlopen(url.replace("/v1", "/counts")) as reply:
        return json.load(reply)


def total(url):
    with urlopen(url.replace("/v1", "/total")) as reply:
        return json.load(reply)


def clean(request):
    return clean_answer([dict(message) for message in request.messages], SCHEMA)


def test_a_mixture_of_all_faults_ends_in_one_final_status_each(lake):
    """30 % of the replies are faulty. Every ok is the clean server's answer, and the tries stay within their bound."""
    wanted = requests(MIXED)
    with server("faulty.py", "--faults", 0.3, "--seed", 7) as url:
        served = Served.of(engine(url, max_retries=6), "m", "m")
        done = finish(lake, served, wanted)
        seen = counts(url)
    found = list(answers(lake, *done))
    assert len(found) == len(wanted)
    statuses = Counter(one.status for one in found)
    assert statuses.keys() <= set(STATUSES)
    assert statuses == done[1].statuses
    for request, one in zip(wanted, found, strict=True):
        if one.status == "ok":
            assert json.loads(one.raw_text) == json.loads(clean(request))
    assert max(seen["by_request"].values()) <= 7
    assert set(seen["faults"]) == set(FAULTS)
    # Facts about a reply are final: those of each kind that were sent are exactly those that are stored.
    assert statuses["refused"] == seen["faults"]["refusal"]
    assert statuses["unparsable"] == seen["faults"]["truncated_json"]
    assert statuses["bracketed"] == seen["faults"]["prose"]
    invalid = ("wrong_ids", "duplicate_ids", "missing_items", "empty")
    assert statuses["invalid"] == sum(seen["faults"][kind] for kind in invalid)
    assert statuses["ok"] + sum(seen["faults"][kind] for kind in REPLY_FAULTS) + len(done[1].outages) == MIXED
    stored = lake.read(CALLS)
    assert stored.num_rows == len(set(stored["call_id"].to_pylist())) == MIXED - len(done[1].outages)
    assert max(stored["tries"].to_pylist()) <= 7


@pytest.mark.parametrize("kind", sorted(set(FAULTS) - set(REPLY_FAULTS)))
def test_trouble_of_the_server_is_asked_again(lake, kind):
    wanted = requests(6)
    with server("faulty.py", "--only", kind) as url:
        _, tally = finish(lake, Served.of(engine(url), "m", "m"), wanted)
        seen = counts(url)
    assert tally.statuses == {"ok": 6}
    assert seen["total"] == 12


def test_retry_after_is_honoured(lake):
    with server("faulty.py", "--only", "rate_limit_after") as url:
        start = time.monotonic()
        finish(lake, Served.of(engine(url), "m", "m"), requests(1))
        assert time.monotonic() - start >= 1.0


def test_an_outage_that_lasts_is_reported_and_not_stored(lake):
    with server("faulty.py", "--faults", 1.0) as url:
        served = Served.of(engine(url, max_retries=0, timeout_s=0.3), "m", "m")
        _, tally = finish(lake, served, requests(60))
    assert tally.outages
    assert {one.kind for one in tally.outages.values()} == {"timeout", "upstream_error"}
    stored = set(lake.read(CALLS)["call_id"].to_pylist())
    assert not stored & tally.outages.keys()


def test_the_server_dies_for_a_while_and_the_run_goes_on(lake):
    """Seconds without a server cost no request and no try."""
    dying = Server("faulty.py", "--latency-ms", 20)
    dying.start()
    first = Counter()

    def die():
        time.sleep(1.0)
        first.update(counts(dying.url)["by_request"])
        dying.stop()
        time.sleep(AWAY_S)
        dying.start()

    accident = threading.Thread(target=die)
    accident.start()
    try:
        served = Served.of(engine(dying.url), "m", "m")
        start = time.monotonic()
        _, tally = finish(lake, served, requests(3000))
        assert tally.statuses == {"ok": 3000}
        assert time.monotonic() - start > AWAY_S
    finally:
        accident.join()
        dying.stop()


def test_a_server_that_stays_away_stops_the_run(lake):
    served = Served.of(engine("http://127.0.0.1:9/v1", patience_s=1.0), "m", "m")
    with pytest.raises(UpstreamError, match="start it again"):
        finish(lake, served, requests(3))


def test_several_endpoints_share_the_work_and_one_may_die(lake):
    one, other = (Server("faulty.py", "--latency-ms", 20) for _ in range(2))
    one.start(), other.start()
    try:

        def die():
            while total(one.url) < 200:
                time.sleep(0.02)
            one.stop()

        accident = threading.Thread(target=die)
        accident.start()
        _, tally = finish(lake, Served.of(engine(one.url, other.url), "m", "m"), requests(3000))
        accident.join()
        assert tally.statuses == {"ok": 3000}
        assert 1000 < counts(other.url)["total"] < 3000
    finally:
        one.stop(), other.stop()


SECRET = "sk-this-must-not-be-seen-anywhere"


def test_the_key_reaches_the_server_and_nothing_else(lake, monkeypatch):
    monkeypatch.setenv("PREFINERY_TEST_KEY", SECRET)
    with server("faulty.py", "--key", SECRET) as url:
        served = Served.of(engine(url, api_key_env="PREFINERY_TEST_KEY"), "m", "m")
        _, tally = finish(lake, served, requests(5))
    assert tally.statuses == {"ok": 5}
    for file in lake.folder.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()


def test_a_wrong_key_stops_the_run_without_being_repeated(lake, monkeypatch):
    monkeypatch.setenv("PREFINERY_TEST_KEY", SECRET)
    with server("faulty.py", "--key", "another") as url:
        served = Served.of(engine(url, api_key_env="PREFINERY_TEST_KEY"), "m", "m")
        with pytest.raises(UpstreamError, match="401") as caught:
            finish(lake, served, requests(5))
    assert SECRET not in "".join(traceback.format_exception(caught.value))


NURSERY = """
import os, sys
from pathlib import Path
import curation.fleet, openai  # what takes long to load is loaded once
from tests.curation.engines.test_openai import Served, engine, finish, requests
from warehouse.lake import Lake
for _ in sys.stdin:
    if child := os.fork():
        print(child, flush=True)
        os.waitpid(child, 0)
        continue
    with Lake.open(Path(sys.argv[1])) as lake:
        wanted = requests(int(sys.argv[3]))
        finish(lake, Served.of(engine(sys.argv[2], most_concurrency=32), "m", "m"), wanted)
    os._exit(0)
"""
"""A process that begins a run for every line it reads, each in a process of its own."""
KILLS = int(os.environ.get("PREFINERY_KILLS", "20"))
"""The long form, `make kills`, kills 50 times."""
WANTED = 800 * KILLS
"""More calls than the killed runs finish together."""


def test_kills_at_random_lose_no_finished_call_and_repeat_only_what_was_under_way(lake):
    draw = random.Random(0)
    with server("faulty.py", "--latency-ms", 2) as url:
        command = [sys.executable, "-c", NURSERY, lake.folder, url, str(WANTED)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
            for _ in range(KILLS):
                before = total(url)
                nursery.stdin.write("\n")
                nursery.stdin.flush()
                worker = int(nursery.stdout.readline())
                _await(lambda before=before: total(url) > before)
                time.sleep(draw.uniform(0.0, 0.4))
                os.kill(worker, signal.SIGKILL)
        seen = counts(url)
    todo = plan(lake, Served.of(engine(url), "m", "m"), lambda: requests(WANTED))
    stored = lake.read(CALLS)["call_id"].to_pylist()
    assert len(stored) == len(set(stored)) == WANTED - todo.missing
    repeated = seen["total"] - len(seen["by_request"])
    never_stored = len(seen["by_request"]) - len(stored)
    assert repeated + never_stored <= KILLS * 32
    assert 20 * KILLS < len(stored) < WANTED


def _await(done):
    for _ in range(1200):
        if done():
            return
        time.sleep(0.02)
    raise AssertionError("the worker did not begin")


def test_what_only_some_servers_know_is_sent_only_where_it_is_asked_for():
    plain = json.loads(body("m", Request(messages=user("x"), sampling=Sampling(), seed=3, purpose="test")))
    assert plain.keys() == {"model", "messages", "temperature", "top_p", "max_tokens", "seed"}
    sampling = Sampling(top_k=5, min_p=0.1, repetition_penalty=1.1, presence_penalty=0.5, stop=("x",))
    rich = json.loads(body("m", Request(messages=user("x"), sampling=sampling, seed=3, top_logprobs=2, purpose="test")))
    assert rich["top_k"] == 5
    assert rich["stop"] == ["x"]
    assert rich["top_logprobs"] == 2


@pytest.mark.parametrize(
    ("structures", "rejected"), [("json", ["structured_outputs"]), ("none", ["structured_outputs", "response_format"])]
)
def test_a_server_that_rejects_forms_is_asked_without_them(lake, tmp_path, structures, rejected):
    """The reply is held to the form all the same, and the call is another one than where the form is enforced."""
    choice = Structure(kind="choice", text='["Yes", "No"]')
    wanted = [*requests(1), replace(requests(1)[0], structure=choice)]
    (tmp_path / "script.json").write_text('[{"about": [], "reply": "Yes"}]')
    with server("scripted.py", tmp_path / "script.json", "--rejects", *rejected) as url:
        plain, careful = (
            Served.of(OpenAI(base_urls=(url,), structures=told), "m", "m") for told in ("all", structures)
        )
        refused, found = (finish(lake, served, wanted) for served in (plain, careful))
        assert "quarantined" in {one.status for one in answers(lake, *refused)}
    assert [one.status for one in answers(lake, *found)] == ["unparsable", "ok"]


def test_an_engine_without_a_server_says_what_it_needs():
    with pytest.raises(ConfigError, match="base_urls"), OpenAI().start("m"):
        pass


@pytest.mark.slow
def test_a_server_of_our_own_answers_as_vllm_in_this_process_does(lake, tmp_path):
    from flows.recipe import load
    from flows.sandbox import HELD_OUT, RECIPE, prompts, sandbox_path

    model = str(sandbox_path("base"))
    wanted = [
        Request(messages=user(text), sampling=Sampling(temperature=0, max_tokens=16), seed=0, purpose="test")
        for text in prompts(HELD_OUT, 8)
    ]
    arguments = ("--dtype", "float32", "--max-model-len", "256", "--enforce-eager")
    texts = []
    for engine in (OpenAI(serve=arguments), load(RECIPE).engine):
        with engine.start(model) as answer:
            texts.append({request.messages[0]["content"]: reply.text for request, reply in answer(wanted)})
    assert texts[0] == texts[1]
