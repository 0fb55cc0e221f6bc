"""Reward models from scratch on people's comparisons, beside simple rules, on the same held-out pairs.

A model of 6 layers by 256 knows nothing but these pairs. Beside it: logistic regression on the TF-IDF of both answers,
and that the shorter, or the longer, answer is better. Prompts are dealt into folds; every fold is held out once.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import curate_into
from flows.recipe import load as load_recipe
from schemas.ids import draw
from tests.bench.figures import Bars, say
from tests.bench.policies import trained
from training.data import Version, read_version
from training.evaluate.held_out import ALL, RewardReport, reward_report, rewards_of_pairs
from training.evaluate.intervals import difference_interval
from training.evaluate.subject import rewards_that_fit
from training.scratch import Shape, from_scratch
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.versions import find_version

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("PREFINERY_SHARED", ROOT.parent / "shared"))
RECIPES = {"hh_rlhf": "hh", "tulu_human_eval": "tulu"}
SHAPE = Shape(layers=6, width=256)
MODEL = "reward model from scratch"

Rewards = NDArray[np.float64]
"""[2, P]: of the chosen and of the rejected side."""


def published(source: str, folder: Path) -> Version:
    """The comparisons of a source, brought in and published as its recipe says."""
    name = RECIPES[source]
    with Lake.create(folder / "warehouse") as lake:
        import_paths(lake, IMPORTERS.build(source), [SHARED / "data" / source])
        curate_into(lake, load_recipe(ROOT / "flows" / "recipes" / f"{name}.yaml", {"train": []}))
        return read_version(export(lake, find_version(lake, f"{name}@1"), folder / name))


def dealt(version: Version, folds: int) -> Iterator[tuple[Version, NDArray[np.bool_]]]:
    """Each fold as the test split of a version, and which pairs it holds."""
    prompts = version.pairs.column("prompt_id").to_pylist()
    fold = np.array([int(draw("fold", prompt) * folds) for prompt in prompts])
    place = version.pairs.column_names.index("split")
    for number in range(folds):
        held_out = fold == number
        split = pa.array(np.where(held_out, "test", "train"))
        pairs = version.pairs.set_column(place, "split", split)
        yield Version(dataset=version.dataset, version=1, fingerprint=version.fingerprint, pairs=pairs), held_out


def from_nothing(fold: Version, folder: Path, epochs: int, max_length: int) -> Rewards:
    """Rewards of the held-out sides by a model trained on the others."""
    changes = {"epochs": epochs, "max_length": max_length, "fit.learning_rate": 3e-4, "fit.batch_size": 32}
    model, _ = trained("reward", fold.pairs, folder / "trained", changes, from_scratch(fold, SHAPE, folder / "start"))
    return rewards_of_pairs(partial(rewards_that_fit, model, max_length=max_length), fold.split("test"))


def bag_of_words(fold: Version) -> Rewards:
    """Rewards by logistic regression on the TF-IDF of words and pairs of words."""
    train, test = (fold.split(name) for name in ("train", "test"))
    sides = ("chosen", "rejected")
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    words.fit([text for side in sides for text in train.column(side).to_pylist()])
    chosen, rejected = (words.transform(train.column(side).to_pylist()) for side in sides)
    turned = np.arange(train.num_rows) % 2 == 0  # half of the pairs the other way round, so that there are two classes
    signs = np.where(turned, -1.0, 1.0)
    model = LogisticRegression(C=10.0, fit_intercept=False, max_iter=1000)
    model.fit((chosen - rejected).multiply(signs[:, None]).tocsr(), signs)
    return np.stack([words.transform(test.column(side).to_pylist()) @ model.coef_[0] for side in sides])


def brevity(fold: Version) -> Rewards:
    """Rewards that fall with the length."""
    test = fold.split("test")
    return -np.array([[len(text) for text in test.column(side).to_pylist()] for side in ("chosen", "rejected")], float)


def told(name: str, report: RewardReport) -> None:
    """The figures of one rule."""
    found, whole = report.slices[ALL], report.whole
    say(f"{name}: accuracy {found.accuracy.value:.3f} [{found.accuracy.low:.3f}, {found.accuracy.high:.3f}]")
    say(f"  {found.n} pairs, {found.ties} ties, half-tie {found.half_tie.value:.3f}, NLL {found.nll.value:.3f}")
    say(f"  ECE {found.ece.value:.3f}, {whole['too long'].value:.0f} pairs too long")
    for slice_, one in report.slices.items():
        if slice_.startswith(("length", "strength")):
            say(f"  {slice_}: {one.accuracy.value:.3f} [{one.accuracy.low:.3f}, {one.accuracy.high:.3f}] of {one.n}")


def measured(source: str, chosen: argparse.Namespace, bars: Bars) -> None:
    """All rules on the held-out pairs of one source."""
    rules: dict[str, Callable[[Version, Path], Rewards]] = {
        MODEL: lambda fold, at: from_nothing(fold, at, chosen.epochs, chosen.max_length),
        "TF-IDF + logistic regression": lambda fold, _: bag_of_words(fold),
        "shorter answer": lambda fold, _: brevity(fold),
        "longer answer": lambda fold, _: -brevity(fold),
    }
    with tempfile.TemporaryDirectory() as name:
        version = published(source, Path(name))
        found = {rule: np.full((2, version.pairs.num_rows), np.nan) for rule in rules}
        folds = list(dealt(version, chosen.folds))[: chosen.of]
        seen = np.any([held_out for _, held_out in folds], axis=0)
        count = f"{seen.sum()} of {version.pairs.num_rows} pairs in {len(folds)} of {chosen.folds} folds"
        say(f"{source}: {count} are held out")
        for number, (fold, held_out) in enumerate(folds):
            started = time.perf_counter()
            for rule, rewards in rules.items():
                found[rule][:, held_out] = rewards(fold, Path(name) / f"fold-{number}")
            say(f"  fold {number}: {time.perf_counter() - started:.0f} s")
    read = seen & ~np.isnan(found[MODEL]).any(axis=0)  # the same pairs for all
    say(f"  {seen.sum() - read.sum()} pairs are longer than {chosen.max_length} tokens, and left out for all")
    pairs = version.pairs.filter(pa.array(read))
    kept = {rule: rewards[:, read] for rule, rewards in found.items()}
    reports = {rule: reward_report(pairs, rewards) for rule, rewards in kept.items()}
    accuracies = {rule: report.slices[ALL].accuracy.value for rule, report in reports.items()}
    model, prompts = kept[MODEL], pairs.column("prompt_id").to_pylist()
    for rule, report in reports.items():
        told(rule, report)
    for rule, other in list(kept.items())[1:]:
        gain = difference_interval(model[0] > model[1], other[0] > other[1], prompts)
        say(f"model - {rule}: {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}], paired")
        bars.add(f"{source}, accuracy beside {rule}", accuracies[MODEL], round(accuracies[rule], 3), most=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", default=sorted(RECIPES), help=f"of {', '.join(sorted(RECIPES))}")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--of", type=int, default=None, help="hold out the first so many folds only")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--max-length", type=int, default=512)
    chosen = parser.parse_args()
    bars = Bars()
    for source in chosen.sources:
        measured(source, chosen, bars)
    bars.end()


if __name__ == "__main__":
    main()
