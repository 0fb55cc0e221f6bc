import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from warehouse.hashes import Hashes, row_hashes

HASHES = st.lists(st.one_of(st.integers(0, 20), st.integers(-(2**63), 2**63 - 1)), max_size=40)


@given(st.lists(HASHES, max_size=8), HASHES, st.integers(1, 9))
def test_they_are_a_set_however_long_its_runs_are(batches, others, longest):
    hashes, known = Hashes(longest=longest), set[int]()
    for batch in batches:
        hashes.add(np.array(batch, np.int64))
        known |= set(batch)
        wanted = [*batch, *others]
        assert hashes.among(np.array(wanted, np.int64)).tolist() == [one in known for one in wanted]
        assert [one in hashes for one in wanted] == [one in known for one in wanted]
    assert len(hashes) == sum(map(len, batches))


@given(st.lists(st.text(), min_size=1, unique=True), st.integers(1, 5))
def test_a_row_has_one_hash_in_whatever_part_of_a_column_it_is(texts, part):
    parts = [pa.array(texts[start : start + part], pa.string()) for start in range(0, len(texts), part)]
    hashes = row_hashes(pa.chunked_array(parts))
    assert len(set(hashes.tolist())) == len(texts)
    assert hashes.tolist() == [one for each in parts for one in row_hashes(pa.chunked_array([each])).tolist()]
