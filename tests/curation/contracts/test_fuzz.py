"""100,000 mutated replies: no exception, no value that a contract does not allow, no verdict out of nothing.

A verdict comes out of nothing when the reply holds no match of the form's trace: a pattern that is much wider than the
contract and knows nothing of its code. Every mutation is read twice, as it is and with all traces removed.
"""

import json
from random import Random

import pytest

from curation.contracts import CONTRACTS
from tests.curation.contracts.forms import FORMS

SYNTHETIC, RECORDED = 8_000, 28_000
"""Mutations of every contract's replies, and of the recorded ones."""

BITS = (
    *"\"'{}[]()<>:,./*#-+\n\t 0159abABé\N{MINUS SIGN}\u00a0\u2060\ud800",
    "Output (a)", "Output (b) is better.", "is better", "not ", "If ", "[[A]]", "[[B]]", "Winner: B", "Winner:", "N/A",
    "<answer>", "</answer>", "Overall score: ", "8/10", "NaN", "null", '{"A": 1}', '"Yes": -1, ', "-Infinity", "1e999",
)  # fmt: skip


def mutated(rng, text, others):
    """The text with one to three changes: cut, doubled, moved, overwritten, spliced with another reply."""
    for _ in range(rng.randint(1, 3)):
        start, end = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        part, bit, other = text[start:end], rng.choice(BITS), rng.choice(others)
        text = (
            text[:start] + text[end:],
            text[:end] + part + text[end:],
            text[:start] + bit + text[start:],
            text[:start] + bit + text[end:],
            text[:start] + other[rng.randint(0, len(other)) :],
            part + text[:start],
            text[:start],
            text[:start] + part[::-1] + text[end:],
            text.swapcase(),
        )[rng.randrange(9)]
    return text


def check(contract, form, text):
    """Reads one mutation both ways, and says whether it still holds a value."""
    reading = contract.of_reply(text, "stop", text)
    if reading.value is not None:
        assert form.allowed(reading.value), (reading, text)
        assert form.witness(reading.value) in text.lower(), (reading, text)
    scrubbed = form.scrubbed(text)
    assert contract.of_reply(scrubbed, "stop", scrubbed).failure, scrubbed
    if scrubbed == text:
        assert reading.failure, text
    return reading.value is not None


@pytest.mark.parametrize("name", CONTRACTS.classes)
def test_mutations_of_synthetic_replies(name, record_property):
    form = FORMS[name]
    contract = CONTRACTS.build({"name": name, **form.settings})
    rng = Random(name)
    others = [reply for other in FORMS.values() for reply in other.replies]
    held = sum(check(contract, form, mutated(rng, rng.choice(form.replies), others)) for _ in range(SYNTHETIC))
    record_property(f"fuzz, {name}", f"{SYNTHETIC} mutations, {held} still hold a value")
    assert 0.02 < held / SYNTHETIC < 0.98  # neither destroyed nor left alone


def test_mutations_of_recorded_replies(real_data, record_property):
    rows = [json.loads(line) for line in (real_data / "judge_raw_dev.jsonl").read_text().splitlines()]
    contracts = {name: CONTRACTS.build(name) for name in {row["contract"] for row in rows}}
    rng = Random("recorded")
    others = [row["raw"] for row in rows]
    held = 0
    for _ in range(RECORDED):
        row = rng.choice(rows)
        held += check(contracts[row["contract"]], FORMS[row["contract"]], mutated(rng, row["raw"], others))
    record_property("fuzz, recorded", f"{RECORDED} mutations, {held} still hold a value")
    assert 0.02 < held / RECORDED < 0.98
