"""Many ids at once are those that the rows have one by one."""

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.id_columns import content_ids, json_arrays, json_few, json_texts, json_words, object_ids
from schemas.ids import content_id
from schemas.prompts import prompt_id_of, user, user_prompt_ids
from schemas.responses import response_id_of, response_ids_of
from schemas.votes import vote_id_of, vote_ids_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None, exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
"""JSON values; their texts hold half surrogate pairs too, which JSON can write and UTF-8 cannot."""

TEXTS = st.none() | st.text() | st.sampled_from(['x",', "\n", "\\", "\u2028", "\x7f"])
ALL = "".join(chr(code) for code in range(0x11000) if not 0xD800 <= code < 0xE000)
WORDS = st.sampled_from(["a", "b", "9a2d7ae013ab20d97e60967a2ddbceda"])


def texts(rows):
    return pa.array(rows, pa.string())


@given(st.lists(st.tuples(TEXTS, TEXTS, WORDS, VALUES)), VALUES)
@example([(ALL, "", "a", [1e16, -0.0, 2**64]), (None, ALL, "b", {"b": 1, "a": "\ud800"})], None)
def test_rows(rows, constant):
    one, few, words, values = zip(*rows, strict=True) if rows else ([], [], [], [])
    columns = json_texts(texts(one)), json_few(texts(few)), json_words(texts(words)), json_texts(list(values))
    assert content_ids(constant, *columns).to_pylist() == [content_id(constant, *row) for row in rows]
    nested = content_ids(json_arrays(columns[0], constant), json_arrays(columns[3]))
    assert nested.to_pylist() == [content_id([row[0], constant], [row[3]]) for row in rows]


@given(st.lists(TEXTS, min_size=2), st.integers(0, 1))
def test_a_part_of_a_column(column, start):
    part = texts(column)[start:-1]
    for written in (json_texts, json_few):
        assert content_ids(written(part)).to_pylist() == [content_id(text) for text in column[start:-1]]


@given(st.data(), st.lists(st.text(), unique=True, min_size=1, max_size=5), st.integers(0, 4))
@example(None, ["b", "a", '"\n', "é"], 1)
def test_objects(data, names, count):
    columns = {}
    for place, name in enumerate(names):
        kind = VALUES if place % 2 else TEXTS
        columns[name] = data.draw(st.lists(kind, min_size=count, max_size=count)) if data else ["x"]
    written = {
        name: json_texts(values if place % 2 else texts(values)) for place, (name, values) in enumerate(columns.items())
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert object_ids(written).to_pylist() == [content_id(row) for row in rows]


@given(st.lists(st.tuples(st.text(), WORDS, st.text(), TEXTS), min_size=1))
def test_prompts_responses_and_votes(rows):
    asked, models, said, records = map(texts, zip(*rows, strict=True))
    prompt_ids = user_prompt_ids(json_texts(asked))
    assert prompt_ids.to_pylist() == [prompt_id_of(user(text)) for text, *_ in rows]
    response_ids = response_ids_of(prompt_ids, models, json_texts(said))
    assert response_ids.to_pylist() == [response_id_of(prompt_id_of(user(ask)), *row) for ask, *row, _ in rows]
    vote_ids = vote_ids_of(json_texts(records), json_words(response_ids), "judge", None)
    assert vote_ids.to_pylist() == [
        vote_id_of(record, response_id, "judge", None)
        for record, response_id in zip(records.to_pylist(), response_ids.to_pylist(), strict=True)
    ]
