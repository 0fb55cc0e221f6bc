from contextlib import contextmanager
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.engines import Engine
from curation.ledger import SHARD_REQUESTS, Served, answers, ask, plan
from schemas.calls import CALLS, Reply, Request, Sampling
from schemas.errors import UpstreamError
from schemas.prompts import user


class Echo(Engine):
    """Says the prompt back, and counts how often it is asked."""

    name = "echo"
    asked: ClassVar[list[str]] = []

    def revision(self, model):
        return f"revision of {model}"

    @contextmanager
    def start(self, model):
        def complete(requests):
            self.asked.extend(request.messages[-1]["content"] for request in requests)
            return [
                Reply(text=r.messages[-1]["content"], finish_reason="stop", prompt_tokens=1, completion_tokens=1)
                for r in requests
            ]

        yield complete


@pytest.fixture
def served():
    Echo.asked.clear()
    return Served.of(Echo(), "m", "m")


def requests(count, **changes):
    facts = {"sampling": Sampling(), "seed": 0, "purpose": "test"} | changes
    return [Request(messages=user(f"question {i}"), **facts) for i in range(count)]


def finish(lake, served, wanted):
    todo = plan(lake, served, wanted)
    with served.engine.start(served.path) as complete:
        for shard in todo.shards():
            ask(lake, served, complete, shard, "run")
    return todo


def test_one_more_request_is_one_more_call(lake, served):
    finish(lake, served, requests(20))
    Echo.asked.clear()
    todo = finish(lake, served, requests(21))
    assert Echo.asked == ["question 20"]
    assert (todo.reused, len(todo.missing)) == (20, 1)


def test_answers_come_in_the_order_of_the_requests(lake, served):
    wanted = requests(30)[::-1]
    todo = finish(lake, served, wanted)
    assert [call.raw_text for call in answers(lake, todo)] == [request.messages[0]["content"] for request in wanted]


def test_equal_requests_are_asked_once(lake, served):
    finish(lake, served, requests(3) + requests(3))
    assert len(Echo.asked) == 3
    assert lake.read(CALLS).num_rows == 3


def test_an_engine_that_is_down_stores_nothing(lake, served):
    def down(_):
        raise UpstreamError("down")

    with pytest.raises(UpstreamError):
        ask(lake, served, down, requests(2), "run")
    assert lake.read(CALLS).num_rows == 0
    assert len(plan(lake, served, requests(2)).missing) == 2


def test_shards_after_a_kill_are_cut_at_the_same_places(lake, served):
    wanted = requests(3 * SHARD_REQUESTS)
    whole = list(plan(lake, served, wanted).shards())
    with served.engine.start("m") as complete:
        ask(lake, served, complete, whole[0], "run")
    assert list(plan(lake, served, wanted).shards()) == whole[1:]


CHANGES = st.sampled_from(
    [
        {"seed": 1},
        {"sampling": Sampling(temperature=0.5)},
        {"sampling": Sampling(top_p=0.5)},
        {"sampling": Sampling(max_tokens=5)},
        {"sampling": Sampling(stop=("x",))},
        {"json_schema": "{}"},
        {"template_hash": "other"},
    ]
)


@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_whatever_can_change_an_answer_changes_the_key(changes):
    merged = {key: value for change in changes for key, value in change.items()}
    (plain,), (changed,) = requests(1), requests(1, **merged)
    assert plain.call_id("e", "m", "r") != changed.call_id("e", "m", "r")
    assert changed.call_id("e", "m", "r") == requests(1, **merged)[0].call_id("e", "m", "r")


@pytest.mark.parametrize(
    "other", [("x", "m", "r"), ("e", "x", "r"), ("e", "m", "x")], ids=["engine", "model", "revision"]
)
def test_another_engine_model_or_revision_is_another_call(other):
    assert requests(1)[0].call_id("e", "m", "r") != requests(1)[0].call_id(*other)
