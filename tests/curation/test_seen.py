from hypothesis import given
from hypothesis import strategies as st

from curation.seen import Seen

NAMES = st.one_of(st.integers(0, 20), st.integers(-(2**63), 2**63 - 1))


@given(st.lists(st.lists(NAMES, unique=True, max_size=12), max_size=8), st.integers(0, 40), st.integers(1, 9))
def test_it_is_a_set_until_it_is_full(batches, most, late):
    names, known, missed = Seen(most, late=late), set[int](), 0
    for batch in batches:
        assert [name in names for name in batch] == [name in known for name in batch]
        assert names.none_of(batch) == known.isdisjoint(batch)
        assert not names.none_of([*batch, *batch[:1]]) or not batch
        new = [name for name in batch if name not in known]
        names.update(new)
        room = most - len(known)
        known |= set(new[:room])
        missed += len(new[room:])
        assert (len(names), names.left_out) == (len(known), missed)
