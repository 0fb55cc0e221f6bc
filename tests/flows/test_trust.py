"""`prefinery judges`: one row a judge, and one page about them, over four judges whose habits are planted."""

import json
import random
import re
from itertools import combinations

import pytest

from curation.trust import judge_figures
from flows.trust import COLUMNS, COUNTS, MEANINGS, SHORT, judge_table, pair_table, write_page
from schemas.calls import CALLS, Call
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES, Response
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from tests.flows.conftest import Here
from tests.flows.pages import check_whole, labels_of, plots_of
from tests.rows import some_pairs, some_prompts
from warehouse.lake import Lake

FAIR, FIRST, LONG, RATER = "pairwise:fair", "pairwise:lover-of-the-first", "pairwise:fond-of-length", "aspects:rater"
MODELS = ("small", "medium", "fair")


class Bench:
    """Sixty prompts with three answers. People and judges know the quality more or less; each judge has a habit."""

    def __init__(self) -> None:
        self.chance = random.Random(0)
        self.prompts = some_prompts(60)
        self.quality: dict[str, float] = {}
        self.responses = [self.answer(p.prompt_id, model) for p in self.prompts for model in MODELS]
        self.pairs = [
            pair
            for p in self.prompts
            for pair in combinations([r for r in self.responses if r.prompt_id == p.prompt_id], 2)
        ]
        self.votes = [vote for pair in self.pairs for vote in self.votes_on(*pair)]
        self.scores = [self.score(response) for response in self.responses]

    def answer(self, prompt_id: str, model: str) -> Response:
        text = "word " * self.chance.randint(5, 40) + self.chance.choice(["", "\n- a\n- b", "\n# Title", "\n```x```"])
        response = Response.of(prompt_id, model=model, text=text, source="hand")
        self.quality[response.response_id] = self.chance.gauss(0, 1)
        return response

    def votes_on(self, a: Response, b: Response) -> list[Vote]:
        gap = self.quality[a.response_id] - self.quality[b.response_id]
        people = [self.vote(a, b, gap + self.chance.gauss(0, 0.7), name, "human") for name in ("ann", "bob", "cleo")]
        longer = 1.5 if len(a.text) > len(b.text) else -1.5
        habits = {FAIR: (0.0, 0.0), FIRST: (1.5, 0.0), LONG: (0.0, longer)}
        ai = [
            self.vote(one, two, sign * (gap + style) + first + self.chance.gauss(0, 0.5), judge, "ai")
            for judge, (first, style) in habits.items()
            for one, two, sign in ((a, b, 1), (b, a, -1))
        ]
        return people + ai

    def vote(self, one: Response, two: Response, gap: float, annotator: str, kind: str) -> Vote:
        failure = "truncated" if annotator == LONG and self.chance.random() < 0.06 else None
        winner = None if failure or abs(gap) < 0.1 else (one if gap > 0 else two).response_id
        record = f"{annotator} {one.response_id} {two.response_id}"
        return Vote.of(
            prompt_id=one.prompt_id, shown_first=one.response_id, shown_second=two.response_id, winner=winner,
            record=record, annotator=annotator, annotator_kind=kind, source="hand", failure=failure,
            annotator_version="1" if kind == "ai" else None, call_id=record if kind == "ai" else None,
            strength=None if failure else float(min(3, round(2 * abs(gap)))),
        )  # fmt: skip

    def score(self, response: Response) -> Score:
        return Score(
            call_id=f"rated {response.response_id}", response_id=response.response_id, judge="aspects",
            judge_version="1", aspect="help", scale_lo=-9, scale_hi=9,
            value=round(self.quality[response.response_id] + self.chance.gauss(0, 0.8), 1),
        )  # fmt: skip

    def store(self, lake: Lake) -> None:
        asked = {vote.call_id: vote.annotator.partition(":")[2] for vote in self.votes if vote.call_id}
        asked |= {score.call_id: "rater" for score in self.scores}
        calls = [
            Call(
                call_id=call_id, status="ok", purpose="judge", engine="e", model=model, model_revision="", request="{}",
                template_hash=f"0123456 {model}", raw_text="", finish_reason="stop", prompt_tokens=1,
                completion_tokens=1,
            )
            for call_id, model in asked.items()
        ]  # fmt: skip
        lake.append(
            (PROMPTS, PROMPTS.rows(self.prompts)), (RESPONSES, RESPONSES.rows(self.responses)),
            (VOTES, VOTES.rows(self.votes)), (SCORES, SCORES.rows(self.scores)), (CALLS, CALLS.rows(calls)),
        )  # fmt: skip


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    with Lake.create(tmp_path_factory.mktemp("trust") / "warehouse") as opened:
        Bench().store(opened)
        yield opened


@pytest.fixture(scope="module")
def page(judged, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "judges.html"
    write_page(judged, judge_figures(judged), path)
    return path.read_text()


def test_the_table_shows_the_planted_habits(judged):
    rows = {row["judge"]: row for row in judge_table(judge_figures(judged)).to_pylist()}
    assert list(rows) == sorted([FAIR, FIRST, LONG, RATER])
    assert list(rows[FAIR]) == [
        "judge",
        *COUNTS,
        *(f"{name}{end}" for name in COLUMNS for end in ("", "_low", "_high")),
    ]
    fair, first, long, rater = (rows[name] for name in (FAIR, FIRST, LONG, RATER))
    assert fair["first_low"] <= 0.5 <= fair["first_high"]
    assert first["first_low"] > 0.6
    assert first["flipped"] > 0.4 > fair["flipped"]
    assert long["longer"] > 0.7 > fair["longer"]
    assert fair["agreement"] > max(first["agreement"], long["agreement"])
    assert fair["accuracy"] > 0.7 > first["accuracy"]
    assert (rater["first"], rater["flipped"], rater["circles"]) == (None, None, 0)
    assert first["consistent_low"] < first["consistent"] < first["consistent_high"] < fair["consistent"]
    assert first["consistent"] + first["flipped"] < 1, "a winner and a tie are neither"
    assert rater["rank_accuracy"] is None, "people have rated nothing"
    assert long["truncated"] == long["failed"] == pytest.approx(0.06, abs=0.03)
    assert (long["refused"], long["unparsable"]) == (0, 0)
    for name in ("failed", "refused", "circles", "kappa", "agreement"):
        assert long[f"{name}_low"] <= long[name] <= long[f"{name}_high"]
        assert long[f"{name}_low"] < long[f"{name}_high"]
    assert fair["own_beside_people_low"] < fair["own_beside_people"] < fair["own_beside_people_high"]
    assert fair["own"] is not None and first["own"] is None


def test_the_command_prints_one_row_a_judge(judged, tmp_path):
    prefinery = Here(judged.folder)
    rows = json.loads(prefinery("judges", "--format", "json").stdout)
    assert rows == judge_table(judge_figures(judged)).to_pylist()
    table = prefinery("judges", "--judge", FAIR, "-o", tmp_path / "fair.html")
    assert table.stdout.split()[: len(SHORT)] == list(SHORT.values())
    assert FAIR in table.stdout and FIRST not in table.stdout
    assert "<h1>How far to trust a judge: pairwise:fair</h1>" in (tmp_path / "fair.html").read_text()


def test_the_command_says_how_far_every_two_judges_agree(judged):
    prefinery = Here(judged.folder)
    rows = json.loads(prefinery("judges", "--between", "--format", "json").stdout)
    assert rows == pair_table(judged).to_pylist()
    found = {(row["judge"], row["other"], row["figure"]): row for row in rows}
    names = sorted([FAIR, FIRST, LONG, RATER])
    for pair in combinations(names, 2):
        for figure in ("agreement", "kappa", "conflict"):
            row = found[*pair, figure]
            assert row["low"] <= row["value"] <= row["high"]
            assert row["low"] < row["high"]
    assert found["judges", None, "alpha of verdicts"]["low"] < found["judges", None, "alpha of verdicts"]["value"]
    assert found["people", None, "Fleiss' kappa"]["value"] > found["judges", None, "alpha of verdicts"]["value"]
    assert "Fleiss' kappa" in prefinery("judges", "--between").stdout


def test_an_unknown_judge_is_one_sentence(judged):
    assert "Did you mean 'pairwise:fair'?" in Here(judged.folder)("judges", "--judge", "pairwise:fare", fails=1).stderr


def test_the_page_is_whole_and_needs_nothing_else(page):
    check_whole(page)


def test_the_page_has_a_plot_for_every_question(page):
    plots = plots_of(page)
    assert len(plots) == 7
    for plot in plots:
        assert FAIR in plot
    for judge in (FAIR, FIRST, LONG, RATER):
        assert f"<h3>{judge}</h3>" in page


def test_no_label_of_a_plot_is_cut(page):
    for plot in plots_of(page):
        assert FAIR in " ".join(labels_of(plot))


def test_the_page_marks_the_template_that_fails_too_often(page):
    (cell,) = re.findall(r'<td class="n alarm">([\d.]+) %</td>', page)
    assert float(cell) > 2


def test_every_figure_has_a_meaning_and_a_reason_where_it_has_no_value(page):
    assert "units have" not in page  # three people and four judges judged each comparison
    assert re.search(r"<td>circles</td><td>triples of answers put in a circle</td>", page)
    assert {*COLUMNS.values(), *COUNTS.values()} <= {
        *MEANINGS, "length beside people", "length of people",
    }  # fmt: skip


def test_a_warehouse_with_ratings_alone_has_a_page_that_says_what_is_missing(lake, tmp_path):
    pairs = some_pairs(lake, 3)
    scores = [bench_score(pair.chosen_id, 4.0) for pair in pairs] + [
        bench_score(pair.rejected_id, 2.0) for pair in pairs
    ]
    call = Call(
        call_id="c", status="ok", purpose="judge", engine="e", model="m", model_revision="", request="{}",
        raw_text="", finish_reason="stop", prompt_tokens=1, completion_tokens=1,
    )  # fmt: skip
    lake.append((SCORES, SCORES.rows(scores)), (CALLS, CALLS.rows([call])))
    write_page(lake, judge_figures(lake), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    for absent in (
        "People have judged none",
        "these judges rate answers one by one",
        "decided by both people and judges",
    ):
        assert absent in page


def bench_score(response_id: str, value: float) -> Score:
    return Score(
        call_id="c", response_id=response_id, judge="aspects", judge_version="1", aspect="help", value=value,
        scale_lo=1, scale_hi=5,
    )  # fmt: skip
