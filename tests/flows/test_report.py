"""`prefinery report`: one page about versions, over two that are published here with their books and figures."""

import re
from dataclasses import replace

import pytest

from flows.report import write_report
from schemas.funnel import Funnel
from schemas.models import EVALUATIONS
from schemas.runs import RUNS, StageRun
from tests.flows.pages import check_whole, labels_of, plots_of
from tests.rows import draft, some_pairs
from warehouse.lake import Lake
from warehouse.versions import publish

DATASET = "helpful-and-honest-answers"
LABELS = (f"{DATASET}@1", f"{DATASET}@2")
STAGES = {"import tulu_human_eval": 0, "generate": 3, "judge": 12, "pair": 40, "train reward": 1}
"""How many rows each stage drops."""
POLICIES = ("Qwen/Qwen2.5-72B-Instruct", f"{LABELS[0]}/dpo", f"{LABELS[1]}/dpo")
JUDGES = ("aspects", "pairwise", f"{LABELS[0]}/reward", f"{LABELS[1]}/reward")


def store(lake: Lake) -> None:
    pairs = some_pairs(lake, 20)
    for count, label in zip((10, 20), LABELS, strict=True):
        funnels = [
            Funnel(stage=stage, unit="rows", read=100, kept=100 - lost, dropped={"too_long": lost} if lost else {})
            for stage, lost in STAGES.items()
        ]
        rows = [StageRun.of(label, funnel, recipe="{}", seconds=1.0, calls_made=5) for funnel in funnels]
        lake.append((RUNS, RUNS.rows(rows)))
        publish(lake, replace(draft(pairs[:count], DATASET), run_id=label))
    named = {"mean gold": POLICIES, "pair accuracy against gold": JUDGES}
    figures = [
        {"subject": subject, "metric": metric, "data": "held-out", "value": 0.5 + place / 10, "low": 0.4 + place / 10,
         "high": 0.55 + place / 10, "n": 400, "run_id": None}
        for metric, subjects in named.items()
        for place, subject in enumerate(subjects)
    ]  # fmt: skip
    lake.append((EVALUATIONS, EVALUATIONS.rows(figures)))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    place = tmp_path_factory.mktemp("report")
    with Lake.create(place / "warehouse") as lake:
        store(lake)
        write_report(lake, LABELS, place / "report.html", seconds=61.0)
    return (place / "report.html").read_text()


def test_the_page_is_whole_and_needs_nothing_else(page):
    check_whole(page)
    assert f"<h1>{LABELS[0]} and {LABELS[1]}</h1>" in page
    assert "This run took 61 s." in page


def test_no_label_of_a_plot_is_cut(page):
    policies, judges, funnel = map(labels_of, plots_of(page))
    assert set(POLICIES) <= set(policies)
    assert set(JUDGES) <= set(judges)
    assert {f"{label}: {stage}" for label in LABELS for stage in STAGES} <= set(funnel)


def test_what_a_stage_dropped_is_said_with_its_reason(page):
    for stage, lost in STAGES.items():
        row = rf"<td>{LABELS[1]}</td><td>{stage}</td>.*<td>{f'{lost} too_long' if lost else 'none'}</td>"
        assert len(re.findall(row, page)) == 1


def test_a_version_without_books_or_figures_has_a_page(lake, tmp_path):
    publish(lake, draft(some_pairs(lake, 2), DATASET))
    write_report(lake, LABELS[:1], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    check_whole(page)
    assert LABELS[0] in page
    assert "This run took" not in page
