import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curation.seen import Seen

NAMES = st.one_of(st.integers(0, 20), st.integers(-(2**63), 2**63 - 1))


BATCHES = st.lists(st.tuples(st.booleans(), st.lists(NAMES, unique=True, max_size=12)), max_size=8)


@given(BATCHES, st.integers(0, 40), st.integers(1, 5))
def test_it_is_a_set_until_it_is_full(batches, most, few):
    names, known, missed = Seen(most, few=few), set[int](), 0
    for one_by_one, batch in batches:
        assert [name in names for name in batch] == [name in known for name in batch]
        if not one_by_one:
            assert names.none_of(array(batch)) == known.isdisjoint(batch)
            assert not names.none_of(array([*batch, *batch[:1]])) or not batch
        new = [name for name in batch if name not in known]
        if one_by_one:
            for name in new:
                names.add(name)
        else:
            names.update(array(new))
        room = most - len(known)
        known |= set(new[:room])
        missed += len(new[room:])
        assert (len(names), names.left_out) == (len(known), missed)


def array(names):
    return np.array(names, np.int64)
