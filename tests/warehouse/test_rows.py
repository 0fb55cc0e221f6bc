"""Rows as notebooks take them; what is said to share memory does."""

from itertools import chain

import polars as pl
import pyarrow as pa
import pytest

from schemas.pairs import Pair, pair_id_of
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from tests.rows import draft, some_pairs
from warehouse import query, read_version
from warehouse.readonly import reading
from warehouse.rows import Rows
from warehouse.versions import publish


def addresses(column: pa.ChunkedArray) -> list[int]:
    return [buffer.address for chunk in column.chunks for buffer in chunk.buffers() if buffer]


@pytest.fixture
def rows():
    texts = pa.chunked_array([["short", "a text of more than twelve bytes"], ["another text that is long"]])
    return Rows(pa.table({"number": pa.chunked_array([[1.5, 2.5], [3.5]]), "text": texts}))


def test_a_dataset_is_the_same_memory(rows):
    dataset = rows.dataset()
    assert dataset.to_list() == rows.to_pylist()
    for name in rows.arrow.column_names:
        assert addresses(dataset.data.table.column(name)) == addresses(rows.arrow.column(name))


def test_a_frame_shares_numbers_and_long_texts(rows):
    frame = rows.pl()
    assert frame.to_dicts() == rows.to_pylist()
    shared = [chunk.to_arrow().buffers()[1].address for chunk in frame["number"].get_chunks()]
    assert shared == addresses(rows.arrow.column("number"))
    for chunk, original in zip(frame["text"].get_chunks(), rows.arrow.column("text").chunks, strict=True):
        _, _, theirs = chunk.to_arrow(compat_level=pl.CompatLevel.newest()).buffers()
        ours = original.buffers()[2]
        assert ours.address <= theirs.address < ours.address + ours.size


def test_a_query_gives_rows(lake):
    publish(lake, draft(some_pairs(lake, 3)))
    found = query(lake.folder, "select margin, split from members order by pair_id")
    assert (len(found), found.pl().shape, found.dataset().num_rows) == (3, (3, 2), 3)
    assert addresses(found.dataset().data.table.column("margin")) == addresses(found.arrow.column("margin"))


def test_a_version_is_read_with_its_texts(lake):
    pairs = some_pairs(lake, 4)
    publish(lake, draft(pairs[:3]))
    publish(lake, draft(pairs))
    read = read_version(lake, "hand@1")
    assert read.arrow.column("pair_id").to_pylist() == sorted(pair.pair_id for pair in pairs[:3])
    assert {(row["chosen"], row["rejected"], row["split"]) for row in read.to_pylist()} == {("good", "bad", "train")}
    assert read.dataset()[0]["prompt"][0]["role"] == "user"


@pytest.mark.parametrize("lost", ["responses", "prompts", None])
def test_sides_keep_together_where_a_text_is_missing(lake, lost):
    """A pair without one is left out; its neighbours keep their own."""
    prompts = [Prompt.of(user(f"question {number}"), source="hand") for number in range(60)]
    answers = [
        [Response.of(prompt.prompt_id, model=f"{which} model", text=f"{which} {number}", source="hand")
         for which in ("good", "fair", "bad")]
        for number, prompt in enumerate(prompts)
    ]  # fmt: skip
    sides = [(one[better], one[worse]) for one in answers for better, worse in ((0, 1), (0, 2), (1, 2))]
    pairs = [pair_of(better, worse) for better, worse in sides]
    lake.append((PROMPTS, PROMPTS.rows(prompts)), (RESPONSES, RESPONSES.rows(chain.from_iterable(answers))))
    publish(lake, draft(pairs))
    gone = prompts[7].prompt_id
    if lost:
        lake.con.execute(f"delete from {lost} where prompt_id = $gone", {"gone": gone})
    asked = {prompt.prompt_id: prompt.messages[0]["content"] for prompt in prompts}
    wanted = [
        (pair.pair_id, asked[pair.prompt_id], better.text, better.model, worse.text, worse.model)
        for pair, (better, worse) in zip(pairs, sides, strict=True)
        if not (lost and pair.prompt_id == gone)
    ]
    found = [
        (row["pair_id"], row["prompt"][0]["content"], row["chosen"], row["chosen_model"], row["rejected"],
         row["rejected_model"])
        for row in read_version(lake, "hand@1").to_pylist()
    ]  # fmt: skip
    assert found == sorted(wanted)


def pair_of(better, worse):
    prompt_id = better.prompt_id
    name = pair_id_of(prompt_id, better.response_id, prompt_id, worse.response_id)
    return Pair(
        pair_id=name, prompt_id=prompt_id, chosen_id=better.response_id, rejected_prompt_id=prompt_id,
        rejected_id=worse.response_id,
    )  # fmt: skip


def test_an_empty_answer_keeps_its_columns(lake):
    with reading(lake.folder) as reader, reader.ask("select pair_id, 1.5 as x from pairs") as answer:
        rows = answer.rows()
    assert rows.arrow.column_names == rows.pl().columns == rows.dataset().column_names == ["pair_id", "x"]
