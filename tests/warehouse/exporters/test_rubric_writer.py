import json

import pytest

from schemas.errors import WarehouseError
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from schemas.rubrics import RubricItem
from tests.rows import draft
from tests.warehouse.exporters.conftest import CHAT, ITEMS, pair_of, rubric_of, store_rubrics
from warehouse.exporters import export_folder
from warehouse.exporters.rubric_writer import TASK, RubricWriter
from warehouse.versions import publish

OTHERS = (RubricItem(kind="hard", text="The response is another."), RubricItem(kind="hard", text="The response ends."))


@pytest.fixture
def version(lake):
    """Three prompts with two answers each, whose words are nowhere else."""
    asked = [Prompt.of(user(f"Ask {n}."), source="hand") for n in range(2)] + [Prompt.of(CHAT, source="hand")]
    texts = [(f"zebra{n} quagga{n}", f"okapi{n} tapir{n}") for n in range(3)]
    answered = [
        [Response.of(prompt.prompt_id, model="m", text=text, source="hand") for text in both]
        for prompt, both in zip(asked, texts, strict=True)
    ]
    lake.append((PROMPTS, PROMPTS.rows(asked)), (RESPONSES, RESPONSES.rows([one for both in answered for one in both])))
    return asked, answered, publish(lake, draft([pair_of(*both) for both in answered])).version


def rows_of(folder):
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def export(lake, version, folder):
    return export_folder(lake, version, folder, RubricWriter(), lake.snapshot())


def test_a_row_is_a_prompt_and_its_rubric_and_no_answer(lake, version, tmp_path):
    asked, answered, made = version
    store_rubrics(lake, [rubric_of(asked[0]), rubric_of(asked[2], items=OTHERS)], [])
    done = export(lake, made, tmp_path / "out")
    assert (done.funnel.read, done.funnel.kept, done.funnel.dropped) == (3, 2, {"no_accepted_rubric": 1})
    by_prompt = {}
    for row in rows_of(tmp_path / "out"):
        assert row.keys() == {"messages"}
        request, reply = row["messages"]
        assert (request["role"], reply["role"]) == ("user", "assistant")
        assert request["content"].startswith(TASK)
        by_prompt[request["content"].removeprefix(TASK)] = json.loads(reply["content"])
    assert by_prompt == {
        "Ask 0.": {"items": [{"kind": item.kind, "text": item.text} for item in ITEMS]},
        "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in CHAT): {
            "items": [{"kind": item.kind, "text": item.text} for item in OTHERS]
        },
    }
    written = (tmp_path / "out" / "train.jsonl").read_text()
    words = [word for both in answered for side in both for word in side.text.split()]
    assert len(words) == 12
    assert not [word for word in words if word in written]


def test_only_accepted_rubrics_count_and_an_edit_replaces_its_parent(lake, version, tmp_path):
    asked, _, made = version
    first = rubric_of(asked[0])
    edited = rubric_of(asked[0], items=OTHERS, parent_id=first.rubric_id, checked_by="rubric:j2")
    refused = rubric_of(asked[1], accepted=False, reason="low_agreement", agreement=0.0)
    unjudged = rubric_of(asked[2], agreement=None)
    store_rubrics(lake, [first, edited, refused, unjudged], [])
    done = export(lake, made, tmp_path / "out")
    assert done.funnel.dropped == {"no_accepted_rubric": 2}
    (row,) = rows_of(tmp_path / "out")
    assert [item["text"] for item in json.loads(row["messages"][1]["content"])["items"]] == [one.text for one in OTHERS]


def test_a_version_without_rubrics_says_so(lake, version, tmp_path):
    with pytest.raises(WarehouseError, match="3 no_accepted_rubric"):
        export(lake, version[2], tmp_path / "out")


def test_datasets_reads_it_as_a_conversation(source, tmp_path):
    from datasets import load_dataset

    source.export(tmp_path / "out", "rubric_writer")
    loaded = load_dataset("json", data_files=str(tmp_path / "out" / "train.jsonl"), cache_dir=str(tmp_path / "cache"))
    assert [turn["role"] for turn in loaded["train"][0]["messages"]] == ["user", "assistant"]
