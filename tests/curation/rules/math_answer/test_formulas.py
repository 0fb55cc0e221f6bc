"""The process that compares formulas: given up when it hangs, started anew when it is gone."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from curation.rules.math_answer.formulas import Comparer


@pytest.fixture(scope="module")
def comparer():
    opened = Comparer()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("key", "answer", "equal"),
    [
        pytest.param("x^2-1", "(x-1)(x+1)", True, id="equal"),
        pytest.param("x^2-1", "(x-1)^2", False, id="unequal"),
        pytest.param("x^2", "x+", None, id="unreadable"),
        pytest.param("3", "10^{10^{10}}", None, id="too-large"),
    ],
)
def test_verdicts(comparer, key, answer, equal):
    assert comparer.equal(key, answer) is equal


def test_threads_take_turns(comparer):
    """math-verify's own time limit works in a main thread only."""
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda n: comparer.equal(f"{n}x", f"{n % 5}x"), range(10)))
    assert found == [n < 5 for n in range(10)]


def test_a_worker_that_hangs_is_given_up():
    comparer = Comparer(time_limit_s=1)
    assert comparer.equal("x", "x") is True
    os.kill(comparer.process_id, signal.SIGSTOP)
    assert comparer.equal("x", "x") is None
    comparer.time_limit_s = 30
    assert comparer.equal("x", "x") is True
    comparer.close()


def test_a_worker_that_died_is_replaced(comparer):
    assert comparer.equal("x", "x") is True
    os.kill(comparer.process_id, signal.SIGKILL)
    os.waitid(os.P_PID, comparer.process_id, os.WEXITED | os.WNOWAIT)
    assert comparer.equal("x", "x") is True


def test_it_starts_again_after_it_was_closed(comparer):
    comparer.close()
    assert comparer.equal("x", "y") is False
