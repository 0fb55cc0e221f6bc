"""Where a reply ends, token by token; here every character is a token."""

import pytest
import torch

from curation.decoding import Row
from schemas.calls import Sampling
from tests.rows import requests


def said(text, stop, room=64):
    """The reply of a model that goes on and on with this text."""
    (request,) = requests(["x"], sampling=Sampling(stop=stop))
    row = Row(request=request, prompt=[], room=room, end=frozenset(), dice=torch.Generator())
    for letter in text * room:
        if row.finish:
            break
        row.take(ord(letter), lambda ids: "".join(map(chr, ids)))
    return row.text, row.finish


@pytest.mark.parametrize(
    ("text", "stop", "reply"),
    [
        pytest.param("two cats</s> and", ("</s>",), "two cats", id="its-letters-are-kept"),
        pytest.param("s/cats/s</s>", ("</s>",), "s/cats/s", id="at-both-ends"),
        pytest.param("two cats\n\nUser: s", ("User:", "\n\n"), "two cats", id="the-first-of-two"),
        pytest.param("</s>", ("</s>",), "", id="nothing-else"),
    ],
)
def test_a_stop_string_ends_a_reply_and_is_no_set_of_characters_to_strip(text, stop, reply):
    """UltraFeedback's generator stripped the letters of its stop string: "cats" became "cat"."""
    assert said(text, stop) == (reply, "stop")


def test_a_text_that_only_ends_like_a_stop_string_is_cut_at_the_longest_reply():
    assert said("two cats", ("</s>",), room=8) == ("two cats", "length")
