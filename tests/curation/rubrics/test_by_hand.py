import json

import pytest
import yaml

from curation.rubrics.by_hand import read_rubrics, rubrics_of, sound_items
from schemas.errors import InputError
from schemas.prompts import Prompt, user
from schemas.rubrics import RubricItem

PROMPT = Prompt.of(user("Write a first draft of a poem."), source="hand")
CHAT = Prompt.of(
    [*user("Hi."), {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Sing a first draft."}],
    source="hand",
)
ITEMS = [
    {"kind": "hard", "text": "The response  is a poem.", "weight": 2},
    {"kind": "principle", "text": "The response sounds like a first draft."},
]
READ = (
    RubricItem(kind="hard", text="The response is a poem.", weight=2.0),
    RubricItem(kind="principle", text="The response sounds like a first draft."),
)
BY_TEXT = {"prompt": "Write a first draft of a poem.", "items": ITEMS}
BY_TURNS = {"prompt": [dict(turn) for turn in CHAT.messages], "items": ITEMS}
KNOWN = {prompt.prompt_id: prompt for prompt in (PROMPT, CHAT)}


def written(path, records):
    dump = yaml.safe_dump_all if path.suffix == ".yaml" else lambda all_: "\n".join(map(json.dumps, all_))
    path.write_text(dump(records))
    return path


@pytest.mark.parametrize("name", ["r.jsonl", "r.json", "r.yaml"])
@pytest.mark.parametrize("first", [BY_TEXT, {"prompt_id": PROMPT.prompt_id, "items": ITEMS}], ids=["text", "id"])
def test_a_record_is_a_rubric_of_its_prompt(tmp_path, name, first):
    found = rubrics_of(read_rubrics(written(tmp_path / name, [first, BY_TURNS])), KNOWN, "ann")
    assert [(one.prompt_id, one.items) for one in found] == [(PROMPT.prompt_id, READ), (CHAT.prompt_id, READ)]
    assert {(one.writer, one.checked_by, one.accepted, one.parent_id) for one in found} == {("ann", "ann", True, None)}


def with_item(**changes):
    return BY_TEXT | {"items": [ITEMS[0], ITEMS[1] | changes]}


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        pytest.param({"items": ITEMS}, "record 1: settings: name the prompt by `prompt_id` or by `prompt`", id="none"),
        pytest.param(BY_TEXT | {"prompt_id": "p"}, "and not by both", id="both"),
        pytest.param(BY_TEXT | {"note": 1}, "note: unknown key", id="unknown-key"),
        pytest.param(with_item(kind="soft"), r"items.1.kind: Input should be 'hard' or 'principle'", id="kind"),
        pytest.param(with_item(weight="2"), "items.1.weight", id="a-weight-in-quotes"),
        pytest.param(with_item(weight=True), "items.1.weight", id="a-weight-of-true"),
        pytest.param(with_item(weight=0), "greater than 0", id="no-weight"),
        pytest.param(with_item(weight=float("nan")), "finite number", id="nan"),
        pytest.param(with_item(text=3), "valid string", id="a-number"),
        pytest.param(with_item(text="It sings."), 'does not begin with "The response"; change it', id="not-about-it"),
        pytest.param(with_item(text="The response beats Response B."), "points at one of the answers", id="points"),
        pytest.param(with_item(text="The response is a poem!"), "says what an earlier item says", id="twice"),
        pytest.param(with_item(text="The response " + "is " * 40), "more than 40 words", id="too-long"),
        pytest.param(BY_TEXT | {"items": ITEMS[:1]}, "2 to 10 items, and this one 1", id="one-item"),
        pytest.param({"prompt": "Another.", "items": ITEMS}, "no prompt 'Another.'; import it first", id="unknown"),
    ],
)
def test_a_fault_is_a_sentence(tmp_path, record, sentence):
    with pytest.raises(InputError, match=sentence) as fault:
        rubrics_of(read_rubrics(written(tmp_path / "r.yaml", [record])), KNOWN, "ann")
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        pytest.param("r.jsonl", '{"prompt": ', "record 1: malformed_json", id="broken-json"),
        pytest.param("r.jsonl", json.dumps(BY_TEXT) + "\n[1]", "record 2: not_an_object", id="a-list"),
        pytest.param("r.yaml", "prompt: [", "is no YAML file", id="broken-yaml"),
        pytest.param("r.yaml", "- 1\n", "record 1: settings", id="a-yaml-list"),
        pytest.param("r.jsonl", f"{json.dumps(BY_TEXT)}\n" * 2, "record 2: another rubric for the same", id="twice"),
        pytest.param("r.docx", "", "are not read", id="another-kind"),
    ],
)
def test_a_file_that_is_none(tmp_path, name, text, sentence):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_rubrics(tmp_path / name)


def test_an_absent_file_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="does not exist; give a file of rubrics"):
        read_rubrics(tmp_path / "absent.yaml")


def test_a_word_of_the_prompt_may_stand_in_an_item():
    """`first draft` is the prompt's; `first answer` tells an answer by its place."""
    assert sound_items(READ, PROMPT) == READ
    with pytest.raises(InputError, match="points at one of the answers"):
        sound_items([READ[0], RubricItem(kind="hard", text="The response is the first answer.")], PROMPT)
