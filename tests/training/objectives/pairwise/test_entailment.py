from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from schemas.errors import ModelError
from tests.training.conftest import pair_row, pair_table, write_version
from training.batches import PairExamples, Sequences
from training.checkpoint import Loaded, load_policy
from training.evaluate.log_odds import log_odds
from training.objectives.pairwise.entailment import Entailment
from training.score import TokenScorer, autocast
from training.tokens import encode
from training.train import train

YES, NO = "w38", "w39"
WORDS = {"yes": YES, "no": NO}


def question(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


QUESTIONS = [question("w1 good say"), question("w2 say"), question("it")]


@torch.no_grad()
def logits(policy: Loaded, asked: list[dict[str, str]]) -> Tensor:
    """[V] of the token that answers."""
    ids = encode(policy.tokenizer, [asked], [YES])[0]
    return policy.model.eval()(torch.tensor([ids.ids[: ids.cut]])).logits[0, -1]


def test_log_odds_are_the_difference_of_two_logits(policy: Loaded) -> None:
    yes, no = policy.tokenizer.convert_tokens_to_ids([YES, NO])
    expected = [float(found[yes] - found[no]) for found in (logits(policy, asked) for asked in QUESTIONS)]
    found = log_odds(policy, QUESTIONS, yes=YES, no=NO)
    assert found.tolist() == pytest.approx(expected, abs=1e-5)
    assert log_odds(policy, QUESTIONS, yes=NO, no=YES).tolist() == pytest.approx((-found).tolist(), abs=1e-6)
    assert log_odds(policy, [], **WORDS).shape == (0,)


def test_a_word_of_several_tokens_is_refused(policy: Loaded) -> None:
    with pytest.raises(ModelError, match="'w1 w2' in pieces"):
        log_odds(policy, QUESTIONS, yes="w1 w2", no=NO)


def test_the_loss_is_the_cross_entropy_between_the_two_words(policy: Loaded) -> None:
    """What comes behind the word, its end token, is not read."""
    words = [YES, NO, NO]
    others = [NO, YES, YES]
    sequences = Sequences.of([one for side in (words, others) for one in encode(policy.tokenizer, QUESTIONS, side)], 0)
    weight = torch.tensor([1.0, 0.5, 2.0])
    batch = PairExamples(sequences, margin=0 * weight, weight=weight, soft_label=torch.ones(3)).batch(torch.arange(3))
    loss = Entailment().loss_of(TokenScorer(policy.model.eval())(batch), batch).loss
    ids = policy.tokenizer.convert_tokens_to_ids([YES, NO])
    pairs = torch.stack([logits(policy, asked)[ids] for asked in QUESTIONS])
    entropy = torch.nn.functional.cross_entropy(pairs, torch.tensor([0, 1, 1]), reduction="none")
    assert loss.item() == pytest.approx(float((weight * entropy).mean()), abs=1e-5)


@torch.no_grad()
def test_a_constant_on_both_words_changes_nothing(policy: Loaded) -> None:
    """The softmax's normaliser cancels: what is added to all logits is in neither the reward nor its sign."""
    before = log_odds(policy, QUESTIONS, yes=YES, no=NO)
    head = policy.model.get_output_embeddings()
    moved = torch.nn.Linear(*reversed(head.weight.shape))
    moved.weight.copy_(head.weight)
    moved.bias.fill_(7.0)
    policy.model.set_output_embeddings(moved)
    assert log_odds(policy, QUESTIONS, yes=YES, no=NO).tolist() == pytest.approx(before.tolist(), abs=1e-5)


def test_log_odds_and_loss_are_float32_under_a_bfloat16_trunk(policy: Loaded) -> None:
    sequences = Sequences.of([one for word in (YES, NO) for one in encode(policy.tokenizer, QUESTIONS, [word] * 3)], 0)
    one = torch.ones(3)
    batch = PairExamples(sequences, margin=0 * one, weight=one, soft_label=one).batch(torch.arange(3))
    scorer = TokenScorer(policy.model.eval())
    with autocast(torch.device("cpu"), "bf16"):
        scores = scorer(batch)
    assert not scores.equal(scorer(batch))
    step = Entailment().loss_of(scores, batch)
    assert {value.dtype for value in (scores, step.loss, *step.metrics.values())} == {torch.float32}


def test_a_model_learns_a_principle(model_folder: Path, tmp_path: Path) -> None:
    rows = []
    for n in range(240):
        good = n % 2 == 0
        asked = question(f"w{n % 37} {'good' if good else 'bad'} say")
        rows.append(pair_row(n, *((YES, NO) if good else (NO, YES)), prompt=asked, rejected_prompt=asked))
    data = write_version(tmp_path / "data", pair_table(rows))
    changes = {"epochs": 12, "batch_size": 16, "learning_rate": 3e-3, "max_length": 64}
    trained = train("entailment", data, model_folder, tmp_path / "out", changes)
    assert trained.metrics["test_accuracy"] == 1.0
    asked = [question(f"w{n} {word} say") for n in (3, 38) for word in ("good", "bad")]
    assert (log_odds(load_policy(trained.path), asked, **WORDS) > 0).tolist() == [True, False, True, False]
