"""Two real Ray workers on this machine, each with an engine of its own."""

import os
import signal
import threading
from collections import Counter

import psutil
import pytest

from curation.engines.ray import Ray
from curation.engines.transformers import Transformers
from flows.sandbox import HELD_OUT, prompts, sandbox_path
from schemas.calls import Outage, Reply
from schemas.errors import ConfigError, ModelError, UnknownPlugin, UpstreamError
from schemas.prompts import user
from tests.rows import requests

INNER = {"name": "transformers", "dtype": "float32"}

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def base():
    return str(sandbox_path("base"))


@pytest.fixture(scope="module")
def answer(base):
    with Ray(engine=INNER, workers=2, shard_requests=4).start(base) as started:
        yield started


@slow
def test_every_request_is_answered_once_and_as_in_one_process(base, answer):
    texts = prompts(HELD_OUT, 40)
    wanted = requests(texts) + requests(texts[:1] * 8)
    pairs = list(answer(wanted))
    assert Counter(request.seed for request, _ in pairs) == Counter(request.seed for request in wanted)
    assert {id(request) for request, _ in pairs} == {id(request) for request in wanted}
    with Transformers(dtype="float32").start(base) as alone:
        assert {id(request): reply.text for request, reply in alone(wanted)} == {
            id(request): reply.text for request, reply in pairs
        }
    assert len({reply.text for request, reply in pairs if request.messages == user(texts[0])}) > 2


@slow
def test_requests_are_drawn_as_they_can_be_served(answer):
    drawn = []

    def stream():
        for request in requests(prompts(HELD_OUT, 60)):
            drawn.append(request)
            yield request

    replies = answer(stream())
    next(replies)
    assert len(drawn) <= 4 * 5
    assert len(list(replies)) == 59
    assert len(drawn) == 60


def _workers():
    """The worker processes of this process's own Ray."""
    ours = psutil.Process().children(recursive=True)
    return [one for one in ours if one.is_running() and _title(one).startswith("ray::Worker")]


def _title(process):
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


@slow
def test_a_killed_worker_costs_no_reply(base, answer):
    wanted = requests(prompts(HELD_OUT, 240))
    before = {one.pid for one in _workers()}
    replies = answer(wanted)
    found = [next(replies)]
    os.kill(max(before), signal.SIGKILL)
    found += replies
    assert len(before) == 2
    assert {request.seed for request, _ in found} == {request.seed for request in wanted}
    assert len(found) == len(wanted)
    assert all(isinstance(reply, Reply) for _, reply in found)
    with Transformers(dtype="float32").start(base) as alone:
        texts = {request.seed: reply.text for request, reply in alone(wanted)}
    assert {request.seed: reply.text for request, reply in found} == texts
    assert len({one.pid for one in _workers()} - before) == 1


@slow
def test_a_shard_whose_workers_die_again_and_again_is_an_outage(answer):
    """All are killed first, so that each must load its engine again: time enough to kill it while it is asked."""
    over = threading.Event()

    def hunt():
        while not over.wait(0.02):
            for one in _workers():
                if _title(one) == "ray::Worker.ask":
                    one.kill()

    for one in _workers():
        one.kill()
    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        found = [outage for _, outage in answer(requests(prompts(HELD_OUT, 12)))]
    finally:
        over.set()
        hunter.join()
    assert [isinstance(one, Outage) and (one.kind, one.tries) for one in found] == [("upstream_error", 3)] * 12
    assert all(isinstance(reply, Reply) for _, reply in answer(requests(prompts(HELD_OUT, 12))))


@slow
def test_shards_of_a_dead_worker_go_to_the_others_until_none_is_left(base, answer):
    import ray

    from curation.engines.ray import Worker, _answer, _shards

    held = ray.remote(num_cpus=0)(Worker)
    first, second = (held.remote(INNER, base, None) for _ in range(2))
    wanted = requests(prompts(HELD_OUT, 12))
    ray.kill(first)
    assert {request.seed for request, _ in _answer(ray, [first, second], _shards(wanted, 4))} == set(range(12))
    ray.kill(second)
    with pytest.raises(UpstreamError, match="Every Ray worker is dead"):
        list(_answer(ray, [first, second], _shards(wanted, 4)))


@slow
def test_nothing_of_a_local_ray_is_open_to_the_network(answer):
    import ray

    assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"]
    ours = {os.getpid(), *(one.pid for one in psutil.Process().children(recursive=True))}
    links = [one for one in psutil.net_connections("tcp") if one.pid in ours and one.status == psutil.CONN_LISTEN]
    listening = {one.laddr.ip for one in links}
    assert listening
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


@slow
def test_what_a_worker_cannot_load_is_said_in_one_sentence(base, answer, tmp_path):
    with (
        pytest.raises(ModelError, match="is no adapter"),
        Ray(engine=INNER, workers=1, cpus_per_worker=0).start(base, str(tmp_path)),
    ):
        pass


def test_its_identity_is_that_of_the_inner_engine():
    assert Ray(engine=INNER, workers=8).identity() == Transformers(dtype="float32").identity()


def test_an_engine_that_cannot_be_held_is_an_error_before_anything_starts():
    with pytest.raises(ConfigError, match="another engine"):
        Ray(engine={"name": "ray"})
    with pytest.raises(UnknownPlugin, match="transformers"):
        Ray(engine={"name": "transformer"})
