"""People's votes on four models' answers: what label models make of them, and how far the people agree."""

from collections import Counter

import krippendorff
import numpy as np
import pytest

from curation.importers.tulu_human_eval import TuluHumanEval
from curation.importing import import_paths
from curation.labels.evidence import gather
from curation.pairing import PAIR_BUILDERS
from tests.conftest import SHARED
from warehouse.lake import Lake

UNDECIDED = ("tie", "split_vote", "unsure")


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    if not (SHARED / "data").is_dir():
        pytest.skip("the real data sets are not here; name their parent folder in PREFINERY_SHARED")
    with Lake.create(tmp_path_factory.mktemp("tulu") / "warehouse") as lake:
        import_paths(lake, TuluHumanEval(), [SHARED / "data" / "tulu_human_eval"])
        prompts = lake.ask("prompts_of", sources=["tulu_human_eval"], most=None).select(["prompt_id"])
        nothing = prompts.rename_columns(["call_id"]).slice(0, 0)
        votes = lake.ask("verdicts", prompts_in=prompts, wanted=nothing)
        return list(gather(lake.ask("scored", aspects=None, later=[], wanted=nothing), votes))


@pytest.fixture(scope="module")
def several(evidence):
    """Comparisons with more than one vote."""
    return [(found, *couple) for found in evidence for couple in found.couples if len(found.ballots_on(*couple)) > 1]


def outcomes(builder, evidence, **settings):
    """The better response, or why there is none, by prompt and couple."""
    built = PAIR_BUILDERS.build({"name": builder, **settings})
    return {
        (group.prompt_id, *sorted((found.better, found.worse))): found.dropped or found.better
        for group, found in built.over_all(evidence)
    }


def test_the_votes_are_these(evidence, several):
    assert sum(len(found.ballots) for found in evidence) == 1150
    assert sum(len(found.couples) for found in evidence) == 996
    assert Counter(len(found.ballots_on(a, b)) for found, a, b in several) == {2: 101, 3: 25, 4: 1}
    assert len({ballot.annotator for found in evidence for ballot in found.ballots}) == 16


@pytest.mark.parametrize(
    ("builder", "settings", "same_winner"),
    [
        pytest.param("dawid_skene", {}, 0.98, id="dawid_skene"),
        pytest.param("dawid_skene", {"heed_ties": False}, 1.0, id="dawid_skene-without-ties"),
        pytest.param("mace", {}, 1.0, id="mace"),
        pytest.param("weighted_vote", {}, 1.0, id="weighted_vote"),
        pytest.param("bradley_terry", {}, 1.0, id="bradley_terry"),
    ],
)
def test_label_models_and_the_majority_name_the_same_winners(
    evidence, several, builder, settings, same_winner, record_property
):
    found, plain = outcomes(builder, evidence, **settings), outcomes("majority", evidence)
    assert found.keys() == plain.keys()
    voted = {(group.prompt_id, a, b) for group, a, b in several}
    for what, couples in (("all 996", plain.keys()), (f"the {len(voted)} with several votes", voted)):
        decided = [couple for couple in couples if found[couple] not in UNDECIDED and plain[couple] not in UNDECIDED]
        same = sum(found[couple] == plain[couple] for couple in couples) / len(couples)
        winners = sum(found[couple] == plain[couple] for couple in decided) / len(decided)
        figure = f"same outcome {same:.3f}; same winner in {winners:.3f} of {len(decided)} that both decide"
        record_property(f"{builder} {settings} and majority on {what}", figure)
        assert winners >= same_winner


def test_people_agree_a_little(evidence, several, record_property):
    """Krippendorff's interval alpha of signed strengths, over the comparisons that more than one person judged."""
    annotators = sorted({ballot.annotator for found in evidence for ballot in found.ballots})
    table = np.full((len(annotators), len(several)), np.nan)
    for place, (found, a, b) in enumerate(several):
        for ballot in found.ballots_on(a, b):
            table[annotators.index(ballot.annotator), place] = ballot.towards(a)
    alpha = krippendorff.alpha(reliability_data=table, level_of_measurement="interval")
    judged = int((np.isfinite(table).sum(axis=0) > 1).sum())
    record_property("interval alpha of signed strengths", f"{alpha:.3f} on {judged} comparisons by several people")
    assert alpha == pytest.approx(0.433, abs=0.005)
