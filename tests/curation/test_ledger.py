import itertools
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.budget import Budget, Limits
from curation.engines import Engine
from curation.generate import Generation, assignments
from curation.ledger import MOST_OUTAGES, Served, Tally, answers, ask, plan
from schemas.calls import CALLS, Outage, Reply, Request, Sampling, Structure
from schemas.errors import UpstreamError
from schemas.prompts import user
from tests.rows import some_prompts


class Echo(Engine):
    """Says the prompt back, and counts how often it is asked. Prompts that begin with "down" get no reply."""

    name = "echo"
    asked: ClassVar[list[str]] = []

    def revision(self, model):
        return f"revision of {model}"

    @contextmanager
    def start(self, model, adapter=None):
        yield self.answer

    def answer(self, requests):
        for request in requests:
            text = request.messages[-1]["content"]
            self.asked.append(text)
            if text.startswith("down"):
                yield request, Outage(kind="timeout", detail="nobody there")
            else:
                yield request, Reply(text=text, finish_reason="stop", prompt_tokens=100, completion_tokens=10)


@pytest.fixture
def served():
    Echo.asked.clear()
    return Served.of(Echo(), "m", "m")


def requests(count, text="question", **changes):
    facts = {"sampling": Sampling(), "seed": 0, "purpose": "test"} | changes
    return [Request(messages=user(f"{text} {i}"), **facts) for i in range(count)]


def finish(lake, served, wanted, **limits):
    todo = plan(lake, served, lambda: wanted)
    with served.engine.start(served.path) as answer:
        tally = ask(lake, todo, answer, run_id="run", budget=Budget(limits=Limits(**limits)))
    return todo, tally


def test_one_more_request_is_one_more_call(lake, served):
    finish(lake, served, requests(10_000))
    Echo.asked.clear()
    todo, _ = finish(lake, served, requests(10_001))
    assert Echo.asked == ["question 10000"]
    assert (todo.reused, todo.missing) == (10_000, 1)


def test_answers_come_in_the_order_of_the_requests(lake, served):
    wanted = requests(30)[::-1]
    done = finish(lake, served, wanted)
    assert [one.raw_text for one in answers(lake, *done)] == [request.messages[0]["content"] for request in wanted]


def test_equal_requests_are_asked_once(lake, served):
    todo, _ = finish(lake, served, requests(3) + requests(3))
    assert len(Echo.asked) == todo.missing == 3
    assert lake.read(CALLS).num_rows == 3


def test_an_outage_is_reported_and_never_an_answer(lake, served):
    wanted = requests(2) + requests(1, text="down")
    done = finish(lake, served, wanted)
    assert lake.read(CALLS).num_rows == 2
    assert [one.status for one in answers(lake, *done)] == ["ok", "ok", "timeout"]
    assert plan(lake, served, lambda: wanted).missing == 1


def test_a_run_that_gets_no_reply_at_all_stops(lake, served):
    with pytest.raises(UpstreamError, match="nobody there"):
        finish(lake, served, requests(3) + requests(2 * MOST_OUTAGES, text="down"))
    assert lake.read(CALLS).num_rows == 3


def test_what_is_finished_before_an_error_is_kept(lake, served):
    def answer(wanted):
        yield from itertools.islice(served.engine.answer(wanted), 5)
        raise UpstreamError("the engine died")

    todo = plan(lake, served, lambda: requests(9))
    with pytest.raises(UpstreamError):
        ask(lake, todo, answer, run_id="run", budget=Budget(limits=Limits()))
    assert plan(lake, served, lambda: requests(9)).missing == 4


def test_a_run_stops_at_its_most_calls_and_goes_on_from_there(lake, served):
    _, tally = finish(lake, served, requests(10), max_calls=4)
    assert (tally.done, tally.stopped) == (4, "max_calls 4")
    _, tally = finish(lake, served, requests(10))
    assert (tally.done, tally.stopped) == (6, None)
    assert len(set(Echo.asked)) == len(Echo.asked) == 10


@pytest.mark.parametrize("dollars", [0.0, 0.001, 0.0042, 0.01])
def test_a_run_never_costs_more_than_it_may(lake, dollars):
    """A call costs 100 x 1 + 10 x 10 = 200 millionths of a dollar, and is reckoned at its longest reply before."""
    Echo.asked.clear()
    served = Served.of(Echo(prompt_usd=1.0, completion_usd=10.0), "m", "m")
    wanted = requests(40, sampling=Sampling(max_tokens=20))
    _, tally = finish(lake, served, wanted, max_cost=dollars)
    assert tally.cost <= dollars
    assert tally.done >= min(40, int(dollars / 200e-6)) - 2
    assert (tally.stopped is None) == (tally.done == 40)


def test_a_run_begins_no_call_after_its_time(lake, served):
    _, tally = finish(lake, served, requests(10), max_minutes=0)
    assert (tally.done, tally.stopped) == (0, "max_minutes 0")


def test_the_plan_reckons_with_what_earlier_calls_took(lake):
    served = Served.of(Echo(prompt_usd=1.0, completion_usd=10.0), "m", "m")
    finish(lake, served, requests(100))
    estimate = plan(lake, served, lambda: requests(300)).estimate
    assert estimate.completion_tokens == 200 * 10
    assert estimate.cost == pytest.approx((estimate.prompt_tokens + 10 * estimate.completion_tokens) / 1e6)
    assert estimate.seconds is not None


REQUEST = requests(1)[0]
NOTES = {"purpose", "subject", "flags"}
"""Fields that are stored with a call and cannot change its answer."""
CHANGED_SAMPLING = st.sampled_from(
    [{name: type(value)(value + 1)} for name, value in Sampling() if name != "stop"] + [{"stop": ("x",)}]
)
CHANGES = st.one_of(
    st.fixed_dictionaries({"seed": st.integers(1, 2**31 - 1)}),
    st.fixed_dictionaries({"top_logprobs": st.integers(1, 20)}),
    st.fixed_dictionaries({"template_hash": st.text(min_size=1)}),
    st.fixed_dictionaries(
        {"structure": st.builds(Structure, kind=st.sampled_from(["json", "regex", "choice"]), text=st.text())}
    ),
    st.fixed_dictionaries({"sampling": CHANGED_SAMPLING.map(lambda change: Sampling(**change))}),
    st.fixed_dictionaries({"messages": st.text().map(user)}),
    st.fixed_dictionaries(
        {"messages": st.text().map(lambda s: ({"role": "system", "content": s}, *user("question 0")))}
    ),
)


@given(CHANGES)
def test_whatever_can_change_an_answer_changes_the_key(change):
    served = Served.of(Echo(), "m", "m")
    changed = replace(REQUEST, **change)
    assert served.call_id(changed) != served.call_id(REQUEST)
    assert served.call_id(changed) == served.call_id(replace(REQUEST, **change))


def test_every_field_of_a_request_is_either_a_note_or_in_the_key():
    in_body = set(REQUEST.body())
    assert {field.name for field in fields(Request)} - NOTES == in_body
    assert set(Sampling.model_fields) == set(REQUEST.body()["sampling"])


@given(st.fixed_dictionaries({"purpose": st.text(), "subject": st.text(), "flags": st.lists(st.text()).map(tuple)}))
def test_notes_do_not_change_the_key(notes):
    served = Served.of(Echo(), "m", "m")
    assert served.call_id(replace(REQUEST, **notes)) == served.call_id(REQUEST)


class Louder(Echo):
    """Another engine, with a setting that changes answers."""

    name = "louder"
    volume: int = 1

    def identity(self):
        return {"name": self.name, "volume": self.volume}


def test_another_engine_setting_model_or_revision_is_another_call(tmp_path):
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"x")
    others = [
        Served.of(Echo(), "m", "m"),
        Served.of(Echo(), "n", "m"),
        Served.of(Echo(), "m", "n"),
        Served.of(Louder(), "m", "m"),
        Served.of(Louder(volume=2), "m", "m"),
        Served.of(Echo(), "m", "m", str(adapter)),
    ]
    assert len({served.call_id(REQUEST) for served in others}) == len(others)
    before = Served.of(Echo(), "m", "m", str(adapter)).call_id(REQUEST)
    (adapter / "adapter_model.safetensors").write_bytes(b"other weights")
    assert Served.of(Echo(), "m", "m", str(adapter)).call_id(REQUEST) != before


@given(st.integers(0, 5), st.integers(1, 4), st.integers(1, 4))
def test_replicas_never_duplicate_and_cuts_do_not_matter(seed, models, samples):
    """Seeds come from run, prompt, model and sample, wherever the work is cut."""
    generation = Generation(models=tuple(f"m{i}" for i in range(models)), responses_per_prompt=models * samples)
    prompts = some_prompts(6)

    def seeds(some):
        return [one.request(Sampling(), seed).seed for one in assignments(some, generation, seed)]

    whole = seeds(prompts)
    assert len(set(whole)) == len(whole)
    assert seeds(prompts[:2]) + seeds(prompts[2:]) == whole


WORKER = """
import sys, time
from pathlib import Path
from tests.curation.test_ledger import Echo, requests, finish, Served
from warehouse.lake import Lake
class Slow(Echo):
    name = "echo"
    def answer(self, wanted):
        for n, found in enumerate(super().answer(wanted)):
            yield found
            print(n, flush=True)
            time.sleep(0.001)
with Lake.open(Path(sys.argv[1])) as lake:
    finish(lake, Served.of(Slow(), "m", "m"), requests(20_000))
"""


def test_a_killed_run_loses_no_finished_call(lake, served):
    """SIGKILL long before the first commit is due: what was finished is in the journal."""
    with subprocess.Popen([sys.executable, "-c", WORKER, lake.folder], stdout=subprocess.PIPE, text=True) as worker:
        for _ in range(300):
            last = int(worker.stdout.readline())
        os.kill(worker.pid, signal.SIGKILL)
        last = max([last, *(int(line) for line in worker.stdout.read().splitlines() if line.isdigit())])
    assert lake.read(CALLS).num_rows == 0
    todo = plan(lake, served, lambda: requests(20_000))
    finished = lake.read(CALLS).num_rows
    assert finished >= last + 1
    assert todo.missing == 20_000 - finished
    assert not list((lake.folder / "journal").iterdir())


def test_a_torn_line_of_a_journal_is_a_call_that_was_not_finished(lake, served):
    finish(lake, served, requests(2))
    rows = served.call(requests(3)[2], Reply(text="x", finish_reason="stop", prompt_tokens=1, completion_tokens=1), "r")
    import orjson

    line = orjson.dumps(rows)
    (lake.folder / "journal" / "calls-dead.jsonl").write_bytes(line + b"\n" + line[:50])
    assert plan(lake, served, lambda: requests(4)).missing == 1


def test_tallies_show_rates_and_failures():
    tally = Tally(total=3)
    tally.miss("c", Outage(kind="timeout", detail="x"))
    assert tally.metrics["timeout"] == 1
    assert {"calls/s", "tokens/s"} <= tally.metrics.keys()
