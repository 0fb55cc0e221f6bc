import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.principles.clusters import BLOCK, clustered, clusters, one_each, without_general


def turned(*degrees):
    """Vectors in the plane, by name."""
    return {f"n{angle}": np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) for angle in degrees}


def test_the_earliest_name_stands_for_its_neighbours():
    """cos 20 degrees = .940 is near, cos 30 degrees = .866 is not: 40 is near to 20, but 20 stands for nobody."""
    vectors = turned(0, 20, 40, 50)
    assert clusters(["n0", "n20", "n40", "n50"], vectors, 0.9) == {"n0": "n0", "n20": "n0", "n40": "n40", "n50": "n40"}
    assert clusters(["n20", "n0", "n40", "n50"], vectors, 0.9)["n40"] == "n20"


def test_the_bound_is_strict():
    vectors = {"a": np.array([1.0, 0.0]), "b": np.array([0.9, np.sqrt(1 - 0.81)])}
    assert clusters(["a", "b"], vectors, 0.9) == {"a": "a", "b": "b"}
    assert clusters(["a", "b"], vectors, 0.899) == {"a": "a", "b": "a"}


def test_no_names_make_no_clusters():
    assert clusters([], {}, 0.9) == {}


def by_the_plain_loop(vectors):
    plain, leaders = {}, []
    for name, vector in vectors.items():
        near = (lead for lead in leaders if np.round(vectors[lead] @ vector, 6) > 0.9)
        plain[name] = next(near, name)
        if plain[name] == name:
            leaders.append(name)
    return plain


@given(st.lists(st.integers(0, 359), min_size=1, max_size=30, unique=True))
def test_clusters_equal_the_plain_loop(angles):
    vectors = turned(*angles)
    assert clusters(list(vectors), vectors, 0.9) == by_the_plain_loop(vectors)


def test_clusters_equal_the_plain_loop_in_several_blocks():
    points = np.random.default_rng(0).normal(size=(3 * BLOCK - 5, 4))
    vectors = {f"n{place}": point / np.linalg.norm(point) for place, point in enumerate(points)}
    found = clusters(list(vectors), vectors, 0.9)
    assert found == by_the_plain_loop(vectors)
    assert BLOCK / 4 < len(set(found.values())) < BLOCK * 2


def test_what_is_said_more_often_stands_for_the_rest(said):
    rows = [said("ann", "n20"), said("bob", "n20"), said("ann", "n0"), said("cid", "n90")]
    found = clustered(rows, turned(0, 20, 90), 0.9)
    assert [row.cluster for row in found] == ["n20", "n20", "n20", "n90"]


def test_clusters_do_not_depend_on_the_order_of_rows(said):
    rows = [said(who, name) for who in ("ann", "bob") for name in ("n0", "n20", "n40", "n45")]
    one, other = (clustered(order, turned(0, 20, 40, 45), 0.9) for order in (rows, rows[::-1]))
    assert one == other[::-1]


def test_what_fell_out_earlier_has_no_cluster_and_stands_for_nothing(said):
    gone = [said(who, "n20", kept=False, reason="no_consensus") for who in ("ann", "bob")]
    found = clustered([*gone, said("cid", "n0")], turned(0, 20), 0.9)
    assert [row.cluster for row in found] == [None, None, "n0"]


def test_general_and_partial_principles_are_dropped(said):
    rows = [said("ann", "n0"), said("ann", "n20"), said("ann", "n90"), said("ann", "n80", "partially")]
    found = without_general(rows, ["n0"], turned(0, 20, 80, 90), 0.9)
    assert [row.reason for row in found] == ["general", "general", None, "partially"]
    assert [row.kept for row in found] == [False, False, True, False]


def test_with_no_general_names_only_partial_ones_go(said):
    found = without_general([said("ann", "n0"), said("ann", "n9", "partially")], [], turned(0, 9), 0.9)
    assert [row.reason for row in found] == [None, "partially"]


@pytest.mark.parametrize(
    ("labels", "reasons"),
    [
        pytest.param("yes", [None], id="one"),
        pytest.param("yes yes yes", [None, "duplicate", "duplicate"], id="all-agree"),
        pytest.param("no yes no", [None, "duplicate", "outvoted"], id="majority"),
        pytest.param("yes no", ["tied_labels", "tied_labels"], id="tie"),
    ],
)
def test_one_row_a_meaning_with_the_label_of_the_majority(said, labels, reasons):
    people = ("ann", "bob", "cid")
    rows = [said(who, "n0", label, cluster="n0") for who, label in zip(people, labels.split(), strict=False)]
    found = one_each(rows)
    assert sorted(map(str, (row.reason for row in found))) == sorted(map(str, reasons))
    for row in found:
        if row.kept:
            assert row.label == max(labels.split(), key=labels.split().count)


def test_the_row_with_the_clusters_own_name_is_the_one_kept(said):
    rows = [said("ann", "n20", cluster="n0"), said("bob", "n0", cluster="n0")]
    assert [row.principle for row in one_each(rows) if row.kept] == ["n0"]


def test_other_responses_and_meanings_are_left_alone(said):
    rows = [
        said("ann", "n0", cluster="n0"),
        said("ann", "n90", cluster="n90"),
        said("ann", "n0", "no", cluster="n0", response="s"),
        said("bob", "n0", kept=False, reason="no_consensus"),
    ]
    found = one_each(rows)
    assert sorted(map(str, (row.reason for row in found))) == ["None", "None", "None", "no_consensus"]
