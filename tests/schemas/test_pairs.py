"""Flipping a pair makes another pair, and flipping that one gives the first again."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.pairs import Pair, pair_id_of

NAMES = st.text("abc", min_size=1, max_size=3)


@given(st.tuples(NAMES, NAMES, NAMES, NAMES))
def test_flipping_twice_is_nothing(sides):
    prompt, chosen, other_prompt, rejected = sides
    pair = Pair(
        pair_id=pair_id_of(*sides), prompt_id=prompt, chosen_id=chosen, rejected_prompt_id=other_prompt,
        rejected_id=rejected, run_id="r",
    )  # fmt: skip
    once = pair.flipped("r")
    assert (once.chosen_id, once.prompt_id) == (rejected, other_prompt)
    assert (once.pair_id == pair.pair_id) == ((prompt, chosen) == (other_prompt, rejected))
    assert once.flipped("r") == pair
