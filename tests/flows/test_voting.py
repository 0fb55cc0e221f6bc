"""Voting on a version, in a recipe and by the command: strengths, flips with their lineage, books that add up."""

import json
import re

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import curate_into
from flows.recipe import load, vote_of
from flows.report import write_report
from flows.voting import vote_alone
from schemas.drops import DROPS
from schemas.errors import ConfigError, InputError
from schemas.pair_strength import PAIR_STRENGTH
from schemas.pairs import PAIRS
from schemas.runs import RUNS
from tests.flows.conftest import Here
from tests.flows.pages import check_whole, labels_of, plots_of
from training.checkpoint import load_reward, save
from training.data import read_version
from training.scratch import Shape, from_scratch
from warehouse import query
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.trace import diff, lineage
from warehouse.versions import find_version, versions

QUICK = {
    "voters.count": 3, "voters.folds": 3, "voters.max_length": 64, "voters.tune": True,
    "voters.fit": {"epochs": 6, "batch_size": 8, "learning_rate": 1e-2},
}  # fmt: skip
WRONG = 6


def comparisons(path):
    """Eighty comparisons: the better answer is the polite one, but in every sixth the labels are turned round."""
    lines = []
    for i in range(80):
        polite, rude = f"\n\nHuman: say {i}\n\nAssistant: kindly {i}", f"\n\nHuman: say {i}\n\nAssistant: rudely {i}"
        lines.append({"chosen": polite, "rejected": rude} if i % WRONG else {"chosen": rude, "rejected": polite})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def write_recipe(path, vote=""):
    path.write_text(
        "name: votes\nprompts: {sources: [hh_rlhf]}\npair: {name: majority}\npublish: {dataset: votes}\n" + vote
    )
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A warehouse with `votes@1`, which voters of a scratch model have made `votes@2` of."""
    place = tmp_path_factory.mktemp("voting")
    with Lake.create(place / "w") as lake:
        import_paths(lake, IMPORTERS.build("hh_rlhf"), [comparisons(place / "c.jsonl")])
        curate_into(lake, load(write_recipe(place / "r.yaml")))
        vote_alone(lake, "votes@1", wanted())
    return place / "w"


@pytest.fixture
def made(folder):
    with Lake.open(folder) as lake:
        yield lake


def wanted(**changes):
    return vote_of(
        {"ensembles": ["scratch/2x32"]}, QUICK | {f"policy.{name}": value for name, value in changes.items()}
    )


def rows_of(lake):
    return {table.name: lake.read(table).num_rows for table in (PAIR_STRENGTH, PAIRS, DROPS, RUNS)}


def test_the_wrong_labels_are_turned_round_and_the_old_pairs_stay(made):
    """Of the train split most wrong labels are turned round and no right one; every pair row of before is there."""
    texts = query(
        made.folder,
        "select version, pair_id, rule, label_source, split, c.text from members join pairs using (pair_id) "
        "join responses as c on c.response_id = chosen_id where dataset = 'votes' and version <= 2",
    ).to_pylist()
    rude = {
        (version, split): sum(
            "rudely" in row["text"] for row in texts if (row["version"], row["split"]) == (version, split)
        )
        for version in (1, 2)
        for split in ("train", "test")
    }
    assert rude[1, "train"] > 5
    assert rude[2, "train"] < rude[1, "train"] / 2
    assert rude[2, "test"] == rude[1, "test"]
    flips = [row for row in texts if row["rule"] == "majority, flipped"]
    assert len(flips) == rude[1, "train"] - rude[2, "train"]
    assert {row["label_source"] for row in flips} == {f"vote:{wanted().policy.hash[:8]}"}
    assert made.read(PAIRS).num_rows == 80 + len(flips)


def test_a_diff_shows_the_flips_with_their_cause_and_lineage_names_the_old_pair(made):
    found = [row for row in diff(made, "votes@1", "votes@2").to_pylist() if row["change"] == "flipped"]
    policy = wanted().policy.hash[:8]
    assert len(found) > 5
    panel = made.read(PAIR_STRENGTH)["panel"][0].as_py()[:8]
    voted = f"vote: flip (panel {panel}, policy {policy}); "
    assert all(row["cause"].startswith(voted) and f"-> vote:{policy}" in row["cause"] for row in found)
    others = [row for row in diff(made, "votes@1", "votes@2").to_pylist() if row["change"] == "re-weighted"]
    treatments = "vote: (margin|soft|keep)"
    assert all(re.match(rf"{treatments} \(panel {panel}, policy {policy}\); ", row["cause"]) for row in others)
    steps = [row for row in lineage(made, found[0]["pair_id"]).to_pylist() if row["step"] == "strength"]
    assert [(row["id"], row["side"], row["made_by"], row["source"]) for row in steps] == [
        (found[0]["pair_id_was"], "flip", f"vote:{policy}", "votes@1")
    ]


def test_a_second_run_does_nothing(made):
    before = rows_of(made), versions(made, "votes")
    again = vote_alone(made, "votes@1", wanted()).to_pylist()
    assert {row["version"] for row in again} == {"votes@2"}
    assert (rows_of(made), versions(made, "votes")) == before


def test_another_policy_reads_the_same_rewards_and_coexists(made):
    """Dropping wrong pairs: as many drops with the reason as the default flips, and a funnel that counts them."""
    first = made.read(PAIR_STRENGTH).to_pylist()
    vote_alone(made, "votes@1", wanted(wrong="drop", ambiguous="drop", q_amb=0.3))
    latest = versions(made, "votes")[-1]
    later = [row for row in made.read(PAIR_STRENGTH).to_pylist() if row["policy"] != wanted().policy.hash]
    assert len(later) == len(first)
    assert {row["panel"] for row in later} == {row["panel"] for row in first}
    rewards = {row["pair_id"]: (row["chosen"], row["rejected"]) for row in first}
    assert all(rewards[row["pair_id"]] == (row["chosen"], row["rejected"]) for row in later)
    (funnel,) = json.loads(latest.funnel)
    assert (funnel["read"], funnel["kept"]) == (80, latest.n_pairs)
    assert funnel["read"] - funnel["kept"] == sum(funnel["dropped"].values()) == made.read(DROPS).num_rows
    assert funnel["dropped"]["wrong"] == sum(row["treatment"] == "flip" for row in first)
    gone = [row for row in diff(made, "votes@1", latest.label).to_pylist() if row["change"] == "removed"]
    assert {row["cause"].split(" (")[0] for row in gone} == {"dropped in vote: wrong", "dropped in vote: ambiguous"}


def test_a_report_shows_the_strengths(made, tmp_path):
    write_report(made, ["votes@2"], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    check_whole(page)
    *_, plot = plots_of(page)
    assert {"strength (mu)", "pairs", "flip", "soft"} <= set(labels_of(plot))
    assert page.count(f"policy <code>{wanted().policy.hash[:8]}</code>") == 1
    groups = re.search(r"<th class=\"n\">twentieth</th>.*?</table>", page, re.DOTALL)
    assert groups is not None and groups[0].count("<tr>") == 20


def test_the_label_source_as_a_voter_confirms_its_labels(made):
    """The people who labelled the pairs, asked as a judge: one verdict in one order is a logit of log 3 each."""
    who = query(made.folder, "select distinct annotator from votes").to_pylist()[0]["annotator"]
    judged = vote_of({"judges": [who]}, {"policy.standardise": False, "policy.anchors": 0})
    outcome = vote_alone(made, "votes@1", judged).to_pylist()
    assert "flip" not in {row["treatment"] for row in outcome}
    assert {round(row["mu"], 4) for row in outcome} == {1.0986}
    with pytest.raises(InputError, match="nobody:m has not voted"):
        vote_alone(made, "votes@1", vote_of({"judges": ["nobody:m"]}, {}))


def test_what_cannot_be_read_whole_has_no_vote_and_is_counted_aloud(tmp_path, capsys):
    """A stored model of 12 tokens: each eighth answer is longer, and its pair stays as it is."""
    rows = [json.loads(line) for line in comparisons(tmp_path / "c.jsonl").read_text().splitlines()]
    for row in rows[::8]:
        row["chosen"] += " indeed" * 20
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with Lake.create(tmp_path / "w") as lake:
        import_paths(lake, IMPORTERS.build("hh_rlhf"), [tmp_path / "c.jsonl"])
        curate_into(lake, load(write_recipe(tmp_path / "r.yaml")))
        version = read_version(export(lake, find_version(lake, "votes@1"), tmp_path / "export"))
        loaded = load_reward(from_scratch(version, Shape(layers=2, width=32), tmp_path / "start"))
        loaded.model.config.max_position_embeddings = 12
        done = vote_alone(lake, "votes@1", vote_of({"models": [str(save(tmp_path / "model", loaded))]}, {}))
        (strengths,) = {row["version"] for row in done.to_pylist()}
        voted = {row["pair_id"] for row in lake.read(PAIR_STRENGTH).to_pylist()}
    train = version.split("train").to_pylist()
    long = {row["pair_id"] for row in train if "indeed" in row["chosen"]}
    assert strengths == "votes@2"
    assert long
    assert voted == {row["pair_id"] for row in train} - long
    assert f"note: {len(long)} of {len(train)} pairs have no vote" in capsys.readouterr().err


def test_somebody_must_vote_and_a_key_must_exist():
    with pytest.raises(ConfigError, match="nobody votes"):
        vote_of({}, {})
    with pytest.raises(ConfigError, match="q_flap"):
        vote_of({"models": ["m"]}, {"policy.q_flap": 1})


def test_a_recipe_votes_on_what_it_publishes(tmp_path):
    """One run makes two versions, and its books show all stages; the same run again makes none."""
    stage = "vote: {ensembles: [scratch/2x32], voters: {count: 2, folds: 2, max_length: 64}}\n"
    recipe = load(write_recipe(tmp_path / "r.yaml", stage))
    with Lake.create(tmp_path / "w") as lake:
        import_paths(lake, IMPORTERS.build("hh_rlhf"), [comparisons(tmp_path / "c.jsonl")])
        done = curate_into(lake, recipe)
        assert done is not None and done.version.label == "votes@2" and done.is_new
        assert [one["stage"] for one in json.loads(done.version.funnel)] == ["pair", "vote"]
        assert {row["stage"] for row in lake.ask("stage_counts", dataset="votes", version=2).to_pylist()} == {
            "pair",
            "vote",
        }
        again = curate_into(lake, recipe)
        assert again is not None and again.version == done.version and not again.is_new
    with pytest.raises(ConfigError, match="vote needs a published version"):
        load(write_recipe(tmp_path / "r.yaml", stage), {"pair": None, "publish": None})


@pytest.mark.slow
def test_the_command_and_a_stored_reward_model(folder, tmp_path):
    """A reward model that was trained on the version votes on it beside the ensemble."""
    prefinery = Here(folder)
    model = tmp_path / "model"
    prefinery(
        "train", "reward", "--data", "votes@1", "--model", "scratch/2x32", "--out", model, "--set", "max_length=64"
    )
    out = prefinery(
        "vote", "votes@1", "--ensemble", "scratch/2x32", "--model", model, "--set", "voters.count=2",
        "--set", "voters.folds=2", "--set", "voters.max_length=64", "--format", "json",
    ).stdout  # fmt: skip
    with Lake.open(folder, read_only=True) as lake:
        latest = versions(lake, "votes")[-1]
    assert {row["version"] for row in json.loads(out)} == {latest.label}
    (voters,) = prefinery.rows(
        f"select distinct voters from pair_strength where run_id = '{find_run(folder, latest.label)}'"
    )
    assert voters["voters"] == ["scratch/2x32 shared 0.0", "scratch/2x32 shared 0.1", str(model)]


def find_run(folder, label):
    with Lake.open(folder, read_only=True) as lake:
        return find_version(lake, label).run_id
