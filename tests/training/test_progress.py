from __future__ import annotations

import re

import pytest

from training import progress


def test_away_from_a_terminal_nothing_is_said_within_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown() as report:
        for step in range(100):
            report("train", step, 100, {"loss": 0.5})
    assert capsys.readouterr() == ("", "")


def test_a_line_comes_when_it_is_due(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    with progress.shown() as report:
        report("train", 3, 100, {"loss": 0.5, "other": 1.0})
    assert capsys.readouterr().err == "train 3/100  0 s left  loss 0.500\n"


def test_a_narrow_terminal_shows_count_speed_and_remaining_time_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with progress.shown(bar=True) as report:
        report("reward on hh@1: train", 0, 400)
        report("reward on hh@1: train", 300, 400, {"loss": 0.35, "accuracy": 0.917, "tokens/s": 9396.0})
    last = capsys.readouterr().err.rstrip().splitlines()[-1]
    assert "300/400 " in last
    assert re.search(r" (\d|-):(\d\d|--):(\d\d|--) ", last)
    assert "loss 0.350  tokens/s 9,396" in last


def test_a_bar_is_drawn_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown(bar=True) as report:
        report("train", 100, 100, {"accuracy": 0.75})
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "100/100" in captured.err
