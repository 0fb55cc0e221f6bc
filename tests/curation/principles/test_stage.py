from collections import Counter

import numpy as np
import pytest

from curation.principles import Feedback, Statement
from curation.principles.stage import PrincipleStage, Read, principles_of

TEXT = "Good facts overall, but the last paragraph repeats the first one and no source is given."
SPANS = ("Good facts overall",)
AXES = {"factual accuracy": 0, "avoids repetition": 1, "cites sources": 2, "helpfulness": 3, "concise": 4}
VECTORS = {name: np.eye(5)[axis] for name, axis in AXES.items()}


@pytest.fixture
def stage():
    return PrincipleStage(extractor={"model": "m"}, embedder={"name": "mean_pooled", "model": "e"})


def test_a_stage_is_the_paper_s_unless_it_says_otherwise(stage):
    """RLBFF: quotes above 60, cosines above .8, greedy extraction; helpfulness says nothing in particular."""
    assert (stage.spans.above, stage.spans.min_words, stage.theta) == (60, 3, 0.8)
    assert (stage.extractor.sampling.temperature, stage.general) == (0.0, ("helpfulness",))


def read_of(annotator, said, response="r", status="ok"):
    feedback = Feedback(prompt_id="p", response_id=response, annotator=annotator, text=TEXT)
    known = {"feedback": feedback, "call_id": f"call {annotator} {response}", "status": status}
    if isinstance(said, str):
        return Read(**known, failure=said)
    return Read(**known, said=tuple(_statement(one) for one in said))


def _statement(one):
    if isinstance(one, str):
        return one
    name, label, *spans = one
    return Statement(principle=name, label=label, spans=tuple(spans) or SPANS)


def decided(stage, *read):
    rows, drops = principles_of(stage, read, "run")
    annotators = {}
    for one in read:
        annotators.setdefault(one.feedback.response_id, set()).add(one.feedback.annotator)
    return stage.decided(rows, annotators, VECTORS), drops


def test_from_statements_to_rows_that_are_kept(stage):
    rows, drops = decided(
        stage,
        read_of("ann", [("factual accuracy", "yes"), ("cites sources", "no"), ("helpfulness", "yes"), "unknown_label"]),
        read_of("bob", [("factual accuracy", "yes"), ("cites sources", "yes"), ("helpfulness", "yes")]),
        read_of(
            "cid",
            [
                ("factual accuracy", "yes"),
                ("cites sources", "no"),
                ("helpfulness", "yes"),
                ("avoids repetition", "no"),
                ("concise", "no", "too long"),
            ],
        ),
    )
    found = Counter((row.principle, row.reason) for row in rows)
    assert found == {
        ("factual accuracy", None): 1,
        ("factual accuracy", "duplicate"): 2,
        ("cites sources", "label_conflict"): 3,
        ("helpfulness", "general"): 3,
        ("avoids repetition", "no_consensus"): 1,
        ("concise", "short_span"): 1,
    }
    assert [drop.reason for drop in drops] == ["unknown_label"]
    (kept,) = (row for row in rows if row.kept)
    assert (kept.label, kept.span_score, kept.cluster) == ("yes", 100, "factual accuracy")
    assert (kept.call_id, kept.run_id) == (f"call {kept.annotator} r", "run")


def test_partially_is_no_label_to_train_on(stage):
    rows, _ = decided(stage, *(read_of(who, [("cites sources", "partially")]) for who in ("ann", "bob")))
    assert {row.reason for row in rows} == {"partially"}


def test_a_fault_is_read_as_the_merit_that_it_denies(stage):
    """One annotator's `verbose: yes` and the other's `concise: no` agree."""
    rows, _ = decided(stage, read_of("ann", [("verbose", "yes")]), read_of("bob", [("concise", "no")]))
    assert Counter((row.principle, row.label, row.reason) for row in rows) == {
        ("concise", "no", None): 1,
        ("concise", "no", "duplicate"): 1,
    }
    rows, _ = decided(stage, read_of("ann", [("verbose", "no")]), read_of("bob", [("concise", "no")]))
    assert {row.reason for row in rows} == {"label_conflict"}


@pytest.mark.parametrize("failure", ["unparsable", "timeout", "truncated"])
def test_with_an_unread_feedback_nothing_is_known_of_the_agreement(stage, failure):
    """An unread feedback is no annotator without principles, and no annotator who is not there."""
    agree = [("cites sources", "no")]
    rows, _ = decided(
        stage,
        read_of("ann", agree),
        read_of("bob", agree),
        read_of("cid", failure, status=failure),
        read_of("ann", agree, response="s"),
        read_of("bob", agree, response="s"),
    )
    assert Counter((row.response_id, row.reason) for row in rows) == {
        ("r", "unread_feedback"): 2,
        ("s", None): 1,
        ("s", "duplicate"): 1,
    }


def test_a_principle_said_twice_by_one_annotator_is_one_row_with_the_better_quote(stage):
    once = ("cites sources", "no")
    for items in ([(*once, "too short"), once], [once, (*once, "too short")]):
        rows, drops = principles_of(stage, [read_of("ann", items)], None)
        assert [(row.reason, row.spans) for row in rows] == [(None, SPANS)]
        assert [drop.reason for drop in drops] == ["repeated"]


def test_every_item_is_a_row_or_a_drop(stage):
    items = [("cites sources", "no"), ("cites sources", "no"), "missing_name", ("concise", "yes", "Whales are big too")]
    rows, drops = principles_of(stage, [read_of("ann", items), read_of("bob", "unparsable")], None)
    assert len(rows) + len(drops) == len(items)
    assert len({drop.drop_id for drop in drops}) == len(drops)


def test_decisions_are_named_by_all_that_they_depend_on(stage):
    evidence = [read_of("ann", []).evidence]
    name = stage.checked_by("weights", evidence)
    assert name == stage.checked_by("weights", list(evidence))
    others = [
        stage.checked_by("other weights", evidence),
        stage.checked_by("weights", [*evidence, read_of("bob", []).evidence]),
        stage.checked_by("weights", [read_of("ann", "timeout", status="timeout").evidence]),
        *(
            stage.model_copy(update=changed).checked_by("weights", evidence)
            for changed in ({"theta": 0.7}, {"cluster_above": 0.95}, {"general": ()}, {"opposites": {}})
        ),
    ]
    assert len({name, *others}) == len(others) + 1
    assert name.startswith("mean_pooled:e>0.8#")
