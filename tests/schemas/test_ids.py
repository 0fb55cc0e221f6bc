import json
from hashlib import blake2b

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.ids import canonical, content_id, draw, seed_of, split_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)

any_text = st.text(st.characters(codec=None, exclude_categories=()))
"""Half surrogate pairs too, which JSON can write and UTF-8 cannot."""
texts = st.recursive(
    st.none() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(st.lists(texts | json_values | st.floats() | st.integers(), max_size=4))
@example([[1e16, 1e-5, -0.0, float("nan"), float("inf"), 2**64, 0.1]])
@example(["".join(map(chr, range(0x2100)))])
def test_an_id_is_the_digest_of_the_canonical_json(parts):
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert content_id(*parts) == blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_key_order_does_not_matter(mapping):
    backwards = dict(reversed(mapping.items()))
    assert content_id(mapping) == content_id(backwards)


@given(json_values, json_values)
def test_different_content_has_different_ids(one, other):
    assert (content_id(one) == content_id(other)) == (canonical([one]) == canonical([other]))


@given(st.text(), st.text())
def test_parts_are_not_glued_together(one, other):
    assert content_id(one, other) != content_id(one + other)


@given(st.text())
def test_draws_and_seeds_stay_in_range(text):
    assert 0 <= draw(text) < 1
    assert 0 <= seed_of(text) < 2**31


def test_one_prompt_in_ten_is_held_out():
    held_out = sum(split_of(str(i)) == "test" for i in range(10_000))
    assert held_out == pytest.approx(1000, abs=4 * 30)


def test_ids_never_change_between_releases():
    """A changed id would orphan every stored row."""
    assert content_id("prompt", [["user", "hello"]]) == "9a2d7ae013ab20d97e60967a2ddbceda"
    assert seed_of(1, "x") == 931557691
