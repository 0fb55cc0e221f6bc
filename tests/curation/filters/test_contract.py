"""What every filter promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.filters import FILTERS, filtered
from schemas.prompts import Prompt
from tests.rows import some_prompts

turns = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant", "tool"]), "content": st.text()})
)
prompts = st.builds(
    lambda earlier, last: Prompt.of([*earlier, {"role": "user", "content": last}], source="hand"),
    turns,
    st.text().filter(str.strip),
)


@pytest.fixture(params=FILTERS.classes, scope="module")
def one(request):
    return FILTERS.build(request.param)


def test_a_filter_is_rebuilt_from_its_spec(one):
    assert FILTERS.build(one.spec()) == one


def test_an_ordinary_prompt_passes_a_filter_without_settings(one):
    (prompt,) = some_prompts(1)
    assert one.fault(prompt) is None


@given(prompt=prompts)
def test_a_filter_decides_on_any_prompt_and_twice_alike(one, prompt):
    assert one.fault(prompt) == one.fault(prompt)


@given(st.lists(prompts, max_size=6, unique_by=lambda prompt: prompt.prompt_id))
def test_every_prompt_is_kept_once_or_dropped_once_with_a_reason(found):
    filters = [FILTERS.build(name) for name in FILTERS.classes]
    kept, drops = filtered(filters, found, "run")
    assert sorted([*(one.prompt_id for one in kept), *(drop.row_id for drop in drops)]) == sorted(
        one.prompt_id for one in found
    )
    assert all(
        (drop.stage, drop.row_kind, drop.run_id) == ("filter", "prompt", "run") and drop.reason for drop in drops
    )
    assert filtered(filters, kept) == (kept, [])
