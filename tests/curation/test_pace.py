from hypothesis import given
from hypothesis import strategies as st

from curation.pace import Pace


def pace(limit=8, least=2, most=64):
    return Pace(limit=limit, least=least, most=most)


def test_a_server_that_keeps_up_gets_one_more_for_every_round():
    one = pace()
    for _ in range(8):
        one.end(one.begin(), refused=False, seconds=1.0)
    assert 8.9 < one.limit < 9.1


def test_a_refusal_halves_and_others_of_the_same_round_change_nothing():
    one = pace(limit=32)
    round_ = [one.begin() for _ in range(32)]
    for number in round_:
        one.end(number, refused=True)
    assert one.limit == 16
    one.end(one.begin(), refused=True)
    assert one.limit == 8


def test_replies_that_take_far_longer_count_as_refusals():
    one = pace(limit=16)
    for _ in range(50):
        one.end(one.begin(), refused=False, seconds=1.0)
    before = one.limit
    one.end(one.begin(), refused=False, seconds=30.0)
    assert one.limit == before / 2


@given(st.lists(st.booleans(), max_size=200))
def test_the_limit_stays_within_its_bounds(refusals):
    one = pace()
    for refused in refusals:
        one.end(one.begin(), refused=refused, seconds=1.0)
        assert 2 <= one.limit <= 64
        assert one.under_way == 0
