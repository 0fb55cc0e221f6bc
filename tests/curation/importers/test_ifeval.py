import json

import pytest

from curation.importers.ifeval import IFEval
from curation.records import BadRow
from curation.rules.ifeval import INSTRUCTIONS

RECORD = {
    "key": 1001,
    "prompt": "Why does it rain? Use no commas and at least 300 words.",
    "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
    "kwargs": [{}, {"relation": "at least", "num_words": 300}],
}


def test_each_instruction_is_a_constraint_with_its_arguments():
    (prompt,) = IFEval().translate(RECORD)
    assert [json.loads(one) for one in prompt.constraints] == [
        {"rule": "punctuation:no_comma"},
        {"rule": "length_constraints:number_words", "relation": "at least", "num_words": 300},
    ]
    assert {json.loads(one)["rule"] for one in prompt.constraints} <= INSTRUCTIONS.classes.keys()


def test_arguments_that_a_file_with_columns_leaves_empty_are_absent():
    columns = [one | {"num_bullets": None, "keywords": None} for one in RECORD["kwargs"]]
    assert list(IFEval().translate(RECORD | {"kwargs": columns})) == list(IFEval().translate(RECORD))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"kwargs": [{}]}, id="fewer-arguments"),
        pytest.param({"kwargs": [{}, None]}, id="no-object"),
        pytest.param({"kwargs": "{}"}, id="text"),
        pytest.param({"instruction_id_list": ["punctuation:no_comma", 7]}, id="number"),
        pytest.param({"instruction_id_list": None}, id="null"),
    ],
)
def test_a_record_of_another_shape_is_bad(change):
    with pytest.raises(BadRow, match="wrong_type"):
        list(IFEval().translate(RECORD | change))


def test_a_prompt_without_instructions_is_a_plain_prompt():
    (prompt,) = IFEval().translate(RECORD | {"instruction_id_list": [], "kwargs": []})
    assert prompt.constraints is None
