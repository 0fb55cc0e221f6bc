"""What every importer promises."""

import gzip
import json

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from schemas.drops import DROPS
from schemas.errors import InputError
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES
from schemas.votes import VOTES

HI = [{"role": "user", "content": "Hi"}]
POLITE, RUDE = ([*HI, {"role": "assistant", "content": text}] for text in ("Hello!", "Go away."))

GOOD = {
    "alpaca_eval": {
        "instruction": "Hi", "output_1": "Hello!", "generator_1": "m", "output_2": "No.", "generator_2": "n",
        "annotator": "gpt-4", "preference": 1,
    },
    "alpaca_eval_outputs": {"instruction": "Hi", "output": "Hello!", "generator": "a"},
    "arena": {
        "question_id": "q1", "model_a": "m", "model_b": "n", "winner": "model_a", "judge": "arena_user_1",
        "conversation_a": POLITE, "conversation_b": RUDE,
    },
    "gsm8k": {"question": "Ann has 2 hens and buys 3. How many has she?", "answer": "2+3=5\n#### 5"},
    "helpsteer2": {
        "prompt": "Hi", "response": "Hello!",
        "helpfulness": 4, "correctness": 4, "coherence": 4, "complexity": 1, "verbosity": 1,
    },
    "helpsteer3_feedback": {
        "context": [{"role": "user", "content": "Hi"}], "response1": "Hello!", "response2": "No.",
        "feedback1": ["It is polite."], "feedback2": ["It is rude."],
    },
    "ifeval": {
        "key": 1, "prompt": "Name three rivers.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}],
    },
    "openrlhf": {"prompt": "Hi", "chosen": "Hello!", "rejected": "Go away.", "margin": 1.0},
    "prometheus": {"instruction": "Hi", "response": "Hello!", "rubric": "Is it polite?", "score": 5},
    "trl": {"prompt": "Hi", "chosen": "Hello!", "rejected": "Go away."},
    "trl_unpaired": {"prompt": "Hi", "completion": "Hello!", "label": True},
    "ultrafeedback": {
        "source": "flan", "instruction": "Hi", "models": ["m"],
        "completions": [{
            "model": "m", "response": "Hello!", "overall_score": 9.0, "critique": "Good.",
            "annotations": {"honesty": {"Rating": "5", "Rationale": "True."}},
        }],
    },
    "prompts": {"prompt": "Name three rivers."},
    "hh_rlhf": {"chosen": "\n\nHuman: hi\n\nAssistant: hello", "rejected": "\n\nHuman: hi\n\nAssistant: go away"},
    "tulu_human_eval": {
        "id": "t1",
        "prompt": "Name three rivers.",
        "completions": [{"model": "m", "completion": "Po."}],
    },
}  # fmt: skip


@pytest.fixture(params=IMPORTERS.classes)
def importer(request):
    return IMPORTERS.build(request.param)


def write(path, *lines):
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def with_an_odd_part(value, odd):
    """The value with `odd` in the place of one part of it, for every part."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for place, part in parts:
        for other in (odd, *with_an_odd_part(part, odd)):
            changed = value.copy()
            changed[place] = other
            yield changed


def test_importing_twice_adds_nothing(importer, lake, tmp_path):
    file = write(tmp_path / "a.jsonl", GOOD[importer.name])
    first, second = (import_paths(lake, importer, [file]) for _ in range(2))
    assert sum(first.new.values()) >= 1
    assert sum(second.new.values()) == 0


def test_a_bad_line_among_good_ones_is_a_drop_with_its_line(importer, lake, tmp_path):
    file = write(tmp_path / "a.jsonl", GOOD[importer.name], "{broken", {"nothing": 1}, [1, 2])
    done = import_paths(lake, importer, [file])
    assert (done.funnel.read, done.funnel.kept) == (4, 1)
    drops = {row["line"]: (row["reason"], row["file"]) for row in lake.read(DROPS).to_pylist()}
    assert drops == {
        2: ("malformed_json", str(file)),
        3: ("missing_column", str(file)),
        4: ("not_an_object", str(file)),
    }


def test_an_odd_value_costs_its_own_record_and_no_other(importer, lake, tmp_path):
    """`methods/data.md` 31.17: a None was swallowed, or took the batch with it."""
    good = GOOD[importer.name]
    odd = [record for value in (None, 5, "x", ["x"], {"x": 5}) for record in with_an_odd_part(good, value)]
    done = import_paths(lake, importer, [write(tmp_path / "a.jsonl", good, *odd)])
    lines = [row["line"] for row in lake.read(DROPS).to_pylist() if row["line"]]
    assert lines
    assert min(lines) > 1
    assert (done.funnel.read, done.funnel.kept) == (1 + len(odd), 1 + len(odd) - len(lines))
    assert not any(import_paths(lake, importer, [write(tmp_path / "b.jsonl", good)]).new.values()), "it is there"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("\n\n", "is empty", id="blank-lines"),
        pytest.param("this is no json\n", "no record fits the format", id="not-json"),
        pytest.param('{"other": 1}\n', "missing_column", id="column-missing"),
        pytest.param('{"prompt": 5, "chosen": 5}\n', "no record fits", id="wrong-type"),
    ],
)
def test_a_file_of_another_kind_is_one_sentence_and_nothing_is_written(importer, lake, tmp_path, content, complaint):
    file = tmp_path / "a.jsonl"
    file.write_text(content)
    with pytest.raises(InputError, match=complaint):
        import_paths(lake, importer, [file])
    assert lake.read(PROMPTS).num_rows == 0
    assert lake.read(DROPS).num_rows == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("b.jsonl", b"", id="empty"),
        pytest.param("b.parquet", b"PAR1 and no more", id="no-parquet"),
        pytest.param("b.jsonl.gz", gzip.compress(b'{"prompt": "Hi"}' * 100)[:30], id="cut"),
    ],
)
def test_a_file_that_cannot_be_loaded_stops_the_import_and_repeats_no_row(lake, tmp_path, name, content):
    """Neither are the rows of the file before it taken for its own, nor are those after it taken for all."""
    trl = IMPORTERS.build("trl")
    one, other = (
        write(tmp_path / f"{ask}.jsonl", {"prompt": ask, "chosen": "Yes.", "rejected": "No."}) for ask in "ac"
    )
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        import_paths(lake, trl, [one, tmp_path / name, other])
    assert [lake.read(table).num_rows for table in (PROMPTS, RESPONSES, VOTES, DROPS)] == [1, 2, 1, 0]
    done = import_paths(lake, trl, [one, other])
    assert (done.funnel.read, done.funnel.kept, done.new["votes"]) == (2, 2, 1)
    assert [lake.read(table).num_rows for table in (PROMPTS, RESPONSES, VOTES, DROPS)] == [2, 4, 2, 0]


def test_a_path_that_is_not_there_is_one_sentence(importer, lake, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        import_paths(lake, importer, [tmp_path / "absent.jsonl"])


def test_a_folder_without_such_files_is_one_sentence(importer, lake, tmp_path):
    with pytest.raises(InputError, match="holds no"):
        import_paths(lake, importer, [tmp_path])


def test_the_license_and_the_source_are_on_every_row(importer, lake, tmp_path):
    import_paths(lake, importer, [write(tmp_path / "a.jsonl", GOOD[importer.name])])
    assert importer.license
    assert lake.read(PROMPTS).column("source").to_pylist() == [importer.name]
