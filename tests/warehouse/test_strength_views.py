"""Views about preference strength, against answers worked out by hand."""

from dataclasses import replace
from statistics import correlation

import pytest

from schemas.pair_strength import PAIR_STRENGTH
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES, Response
from schemas.votes import VOTES, Vote
from tests.rows import draft, some_pairs, some_prompts
from warehouse.readonly import query
from warehouse.versions import publish

COUNT = 40
MUS = [(n - 10) / 10 for n in range(COUNT)]


def strength(pair, mu, **facts):
    voters = ["v:1", "v:2"]
    return {
        "panel": "p", "policy": "q", "pair_id": pair.pair_id, "dataset": "hand", "version": 1, "voters": voters,
        "chosen": [mu + 1, mu - 1], "rejected": [0.0, None], "mu": mu, "sigma": 1.0, "percentile": 0.5,
        "confidence": None, "treatment": "flip" if mu < 0 else "margin", "treated_id": None, "soft_label": 1.0,
        "margin": None, "run_id": None,
    } | facts  # fmt: skip


def opinion(pair, winner, annotator, kind="ai"):
    return Vote.of(
        prompt_id=pair.prompt_id, shown_first=pair.chosen_id, shown_second=pair.rejected_id, winner=winner,
        record=annotator, annotator=annotator, annotator_kind=kind, source="hand",
    )  # fmt: skip


@pytest.fixture
def pairs(lake):
    """Forty pairs with strengths -1 to 2.9; the n-th chosen answer is longer by n, and ten have a second label."""
    made = []
    for n, (prompt, pair) in enumerate(zip(some_prompts(COUNT), some_pairs(lake, COUNT), strict=True)):
        longer = Response.of(prompt.prompt_id, model="m", text="b" * (3 + n), source="hand")
        lake.append((PROMPTS, PROMPTS.rows([prompt])), (RESPONSES, RESPONSES.rows([longer])))
        made.append(replace(pair, pair_id=f"pair{n:02}", chosen_id=longer.response_id))
    publish(lake, draft(made))
    lake.append((PAIR_STRENGTH, PAIR_STRENGTH.rows(strength(*each) for each in zip(made, MUS, strict=True))))
    votes = [opinion(pair, None if n == 9 else pair.rejected_id if n < 3 else pair.chosen_id, "second:m")
             for n, pair in enumerate(made[:10])]  # fmt: skip
    # Neither the voters nor whoever made the labels are a second opinion.
    votes += [opinion(pair, pair.rejected_id, name) for pair in made for name in ("v:1", "hand")]
    lake.append((VOTES, VOTES.rows(votes)))
    return made


def test_figures(lake, pairs):
    (row,) = query(lake.folder, "from strength_figures").to_pylist()
    assert (row["n"], row["voters"], row["flipped"], row["with_margin"], row["dropped"]) == (COUNT, 2, 10, 30, 0)
    assert row["below_zero"] == 0.25
    assert row["mu"] == pytest.approx(sum(MUS) / COUNT)
    # The rejected answer is the three letters of "bad" throughout.
    assert row["length_correlation"] == pytest.approx(correlation(MUS, range(COUNT)))
    assert (row["n_second"], row["second_agreement"]) == (10, pytest.approx(6.5 / 10))


def test_groups(lake, pairs):
    rows = query(lake.folder, "from strength_groups").to_pylist()
    assert [row["number"] for row in rows] == [*range(1, 21)]
    assert {row["n"] for row in rows} == {2}
    assert (rows[0]["low"], rows[0]["high"], rows[0]["mu"]) == (-1.0, -0.9, pytest.approx(-0.95))
    assert [row["second_agreement"] for row in rows[:6]] == [0.0, 0.5, 1.0, 1.0, 0.75, None]
    assert [row["flipped"] for row in rows[:6]] == [1.0] * 5 + [0.0]
    assert [row["length_difference"] for row in rows[:3]] == [0.5, 2.5, 4.5]


def test_the_histogram_holds_every_pair(lake, pairs):
    rows = query(lake.folder, "from pair_strength_histogram").to_pylist()
    assert sum(row["n"] for row in rows) == COUNT
    assert (rows[0]["low"], rows[-1]["high"]) == (pytest.approx(-1.0), pytest.approx(2.9))
    inside = {row["bin"]: [mu for mu in MUS if row["low"] - 1e-9 <= mu <= row["high"] + 1e-9] for row in rows}
    assert all(row["n"] <= len(inside[row["bin"]]) for row in rows)


def test_two_policies_are_two_rows(lake, pairs):
    other = [strength(pair, mu, policy="r", treatment="drop") for pair, mu in zip(pairs, MUS, strict=True)]
    lake.append((PAIR_STRENGTH, PAIR_STRENGTH.rows(other)))
    rows = query(lake.folder, "select policy, n, flipped, dropped from strength_figures").to_pylist()
    assert rows == [
        {"policy": "q", "n": COUNT, "flipped": 10, "dropped": 0},
        {"policy": "r", "n": COUNT, "flipped": 0, "dropped": COUNT},
    ]
