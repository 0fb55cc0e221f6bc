from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from schemas.errors import InputError
from tests.training.conftest import pair_row, pair_table, ranked_right, write_version
from training.batches import SequenceExamples
from training.objectives.likelihood.raft import RAFT, shares_won
from training.prepare import prepare_sequences
from training.train import train

A, B, C, D = "w1 good", "w2 good good", "w3 bad", "w4 bad bad"
OTHER = [{"role": "user", "content": "it"}]


def pairs(*sides: tuple[str, str], **other: object) -> list[dict[str, object]]:
    """Pairs of one prompt."""
    return [pair_row(1, *pair, **other) for pair in sides]


def texts(examples: SequenceExamples, tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The responses to learn, without their end token."""
    rows = examples.sequences.of_rows(torch.arange(len(examples)))
    return [tokenizer.decode(ids[cut:-1]) for ids, cut in zip(rows, examples.sequences.cuts.tolist(), strict=True)]


def learned(rows: list[dict[str, object]], tokenizer: PreTrainedTokenizerFast, **fields: object) -> list[str]:
    part = prepare_sequences(pair_table(rows), tokenizer, 64)
    return texts(RAFT.model_validate(fields).examples(part), tokenizer)


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        pytest.param(pairs((A, B), (B, C), (A, C)), [A], id="all compared"),
        pytest.param(pairs((B, C), (B, D), (B, D), (A, B)), [A], id="more wins do not make up for a loss"),
        pytest.param([*pairs((B, C), margin=0.5), *pairs((A, D), margin=2.0)], [A], id="the larger margin"),
        pytest.param([*pairs((B, C), margin=2.0), *pairs((A, D), margin=2.0)], [B], id="the first of equals"),
        pytest.param([*pairs((A, B)), *pairs((C, A), weight=0.5)], [C], id="one loss is one loss"),
        pytest.param([*pairs((A, B)), *pairs((C, A), weight=0.0)], [A], id="weight 0 does not count"),
        pytest.param([*pairs((A, B)), *pairs((C, D), soft_label=0.7)], [A], id="the surer one"),
        pytest.param([*pairs((A, B), soft_label=0.1), *pairs((C, A))], [C], id="labels turned round"),
        pytest.param([*pairs((A, B)), *pairs((C, D), prompt=OTHER, rejected_prompt=OTHER)], [A, C], id="two prompts"),
        pytest.param(pairs((A, A), rejected_prompt=OTHER), [A], id="a pair of prompts"),
    ],
)  # fmt: skip
def test_the_response_that_wins_is_learned(
    rows: list[dict[str, object]], best: list[str], tokenizer: PreTrainedTokenizerFast
) -> None:
    assert learned(rows, tokenizer) == best


def test_shares_are_what_was_won_less_what_was_lost() -> None:
    """A won 2 of weight 1 and lost 0.5 of weight 0.5 at a label of 0.75: (2 - 0.25) / 2.5."""
    rows = [*pairs((A, B), (A, C), margin=2.0), *pairs((D, A), weight=0.5, soft_label=0.75, margin=3.0)]
    found = {response: score for (_, response), score in shares_won(pair_table(rows)).items()}
    assert found[A] == (pytest.approx(1.75 / 2.5), pytest.approx(4.0 - 0.75))
    assert found[B] == found[C] == (-1.0, -2.0)
    assert found[D] == (0.5, 0.75)


def test_a_prompt_whose_best_response_no_pair_prefers_is_left_out(tokenizer: PreTrainedTokenizerFast) -> None:
    turned = pairs((A, B), soft_label=0.2)
    both = [*turned, *pairs((C, D), prompt=OTHER, rejected_prompt=OTHER)]
    assert learned(both, tokenizer) == [C]
    with pytest.raises(InputError, match="none of 1 pairs prefers the best response"):
        learned(turned, tokenizer)


def test_with_one_pair_a_prompt_it_is_fine_tuning_on_chosen_responses(
    version_folder: Path, model_folder: Path, tmp_path: Path
) -> None:  # fmt: skip
    changes = {"epochs": 1, "batch_size": 8, "learning_rate": 3e-3, "max_length": 64}
    raft, sft = (train(name, version_folder, model_folder, tmp_path / name, changes).path for name in ("raft", "sft"))
    assert (raft / "model.safetensors").read_bytes() == (sft / "model.safetensors").read_bytes()


def test_a_response_weighs_what_its_pairs_weigh_on_average(tokenizer: PreTrainedTokenizerFast) -> None:
    rows = [*pairs((A, B), weight=2.0), *pairs((A, C), weight=0.5), *pairs((B, C), weight=9.0)]
    examples = RAFT().examples(prepare_sequences(pair_table(rows), tokenizer, 64))
    assert examples.weight.tolist() == [1.25]


def rate(folder: Path, **ratings: float) -> Path:
    folder.mkdir()
    sides = [
        {
            "response": response, "annotations": {"honesty": {"Rating": str(rating)}}, "overall_score": None,
            "fine-grained_score": 5 - rating,
        }
        for response, rating in ratings.items()
    ]  # fmt: skip
    (folder / "train.jsonl").write_text(json.dumps({"instruction": "say w1 it", "completions": sides}))
    return folder


def test_ratings_go_before_pairs(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """The mean of the aspects likes B least, and honesty likes it best."""
    ratings = rate(tmp_path / "rated", **{A: 1, B: 4, C: 2})
    rows = pairs((A, B), (B, C))
    assert learned(rows, tokenizer, ratings=ratings) == [A]
    assert learned(rows, tokenizer, ratings=ratings, attribute="honesty") == [B]
    assert learned(pairs((D, B), (B, C)), tokenizer, ratings=ratings, attribute="honesty") == [B]
    with pytest.raises(InputError, match="name other `ratings`"):
        learned(rows, tokenizer, ratings=ratings, attribute="overall")


def best_of_three() -> pa.Table:
    words = ("bad", "it", "good")
    return pair_table([
        pair_row(n, f"w{n} {better}", f"w{n} {worse}", pair_id=f"{n} {better} {worse}")
        for n in range(30)
        for better, worse in combinations(words, 2)
    ])  # fmt: skip


def test_the_best_of_three_becomes_the_likeliest(model_folder: Path, tmp_path: Path) -> None:
    table = best_of_three()
    assert ranked_right(model_folder, table) < 0.5
    changes = {"epochs": 20, "batch_size": 8, "learning_rate": 3e-3, "max_length": 64}
    trained = train("raft", write_version(tmp_path / "data", table), model_folder, tmp_path / "out", changes)
    assert trained.metrics["train_total_steps"] == 60
    held_out = [row for row in table.to_pylist() if row["chosen"].endswith("bad")]
    assert ranked_right(trained.path, pair_table(held_out)) == 1.0
