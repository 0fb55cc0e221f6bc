import re

import pytest
import yaml
from pydantic import ValidationError

from curation.rubrics.by_hand import read_rubrics, rubrics_of
from curation.rubrics.settings import RubricStage
from schemas.errors import ConfigError
from schemas.prompts import Prompt, user
from tests.conftest import ROOT

STAGE = {"writer": {"name": "contrastive", "model": "author"}, "judge": {"name": "rubric", "model": "critic"}}


def test_a_stage_comes_back_from_its_text():
    stage = RubricStage.model_validate(STAGE | {"tau": 0.67, "order": {"by": "scores", "annotators": ["rm:m"]}})
    assert RubricStage.model_validate_json(stage.model_dump_json()) == stage
    assert stage.models == {"author", "critic"}


@pytest.mark.parametrize(
    ("fields", "models"),
    [
        pytest.param({"stored": True}, set(), id="stored"),
        pytest.param({"stored": True, "judge": STAGE["judge"]}, {"critic"}, id="stored-and-judged"),
        pytest.param({"writer": {"name": "prompt_only", "model": "student"}}, {"student"}, id="new-prompts"),
        pytest.param({"stored": True, "writer": {"name": "prompt_only", "model": "student"}}, {"student"}, id="both"),
    ],
)
def test_rubrics_may_be_stored_or_written_for_new_prompts(fields, models):
    stage = RubricStage.model_validate(fields)
    assert stage.models == models
    assert RubricStage.model_validate_json(stage.model_dump_json()) == stage


def test_what_the_readme_shows_loads(tmp_path):
    """The blocks of the section: a stage with its judges, and a rubric by hand."""
    section = (ROOT / "curation" / "README.md").read_text().split("## Rubrics\n")[1].split("\n## ")[0]
    stage, by_hand = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert RubricStage.model_validate(yaml.safe_load(stage)["rubrics"]).tau == 0.67
    (tmp_path / "mine.yaml").write_text(by_hand)
    (written,) = read_rubrics(tmp_path / "mine.yaml")
    prompt = Prompt.of(user(written.prompt), source="hand")
    assert [item.weight for item in rubrics_of([written], {prompt.prompt_id: prompt}, "ann")[0].items] == [2.0, 1.0]


def test_a_stage_is_the_paper_s_unless_it_says_otherwise():
    """OpenRubrics: tau .5; the writer greedily up to 768 tokens, the judge up to 2048."""
    stage = RubricStage.model_validate(STAGE)
    asked = [(one.sampling.temperature, one.sampling.max_tokens) for one in (stage.writer, stage.judge)]
    assert (stage.tau, asked) == (0.5, [(0.0, 768), (0.0, 2048)])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"judge": None}, "must find the known order again; add `judge:", id="contrasts-without-a-judge"),
        pytest.param({"writer": None}, "set `stored: true`, or name a `writer`", id="no-writer"),
        pytest.param(
            {"writer": {"name": "prompt_only", "model": "m", "weights": True}}, "was taught none", id="weights"
        ),
        pytest.param({"judge": {**STAGE["judge"], "comparisons_per_prompt": 1}}, "every known pair", id="skips-pairs"),
        pytest.param({"judge": {"name": "pairwise", "model": "m"}}, "RubricJudge", id="another-judge"),
        pytest.param({"order": {"annotators": ["rubric:critic"]}}, "find it again", id="a-circle"),
        pytest.param({"tau": 1.5}, "less than or equal to 1", id="tau"),
        pytest.param({"order": {"answers": 1}}, "greater than or equal to 2", id="one-answer"),
        pytest.param({"writer": {"name": "contrastive"}}, "model", id="no-model"),
    ],
)
def test_a_mistake_is_named(change, sentence):
    with pytest.raises((ValidationError, ConfigError), match=sentence):
        RubricStage.model_validate(STAGE | change)
