from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given

from tests.training.shaping.conftest import BATCHES
from training.shaping.moments import Moments


@given(BATCHES)
def test_batches_add_up_to_the_whole(batches: list[list[float]]) -> None:
    seen = Moments()
    for batch in batches:
        seen = seen.then(torch.tensor(batch))
    whole = np.concatenate(batches)
    assert (seen.n, seen.mean) == (len(whole), pytest.approx(whole.mean(), abs=1e-9))
    assert seen.squares == pytest.approx(whole.var() * len(whole), abs=1e-9)


def test_equal_rewards_have_the_deviation_1() -> None:
    assert Moments().then(torch.full((7,), 0.1)).then(torch.full((3,), 0.1)).std == 1.0
