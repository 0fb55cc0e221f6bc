import pytest

from schemas.prompts import PROMPTS


@pytest.mark.parametrize("name", ["prompts", "trl_unpaired", "trl"])
def test_prompts_come_back(source, bring, tmp_path, name):
    """The prompt-only reader takes the prompts out of every format that has them under that name."""
    source.export(tmp_path / "out", name)
    lake, _ = bring(tmp_path / "out", "prompts")
    there, here = (set(one.read(PROMPTS).column("prompt_id").to_pylist()) for one in (source.lake, lake))
    assert here == there


def test_each_prompt_is_written_once(source, tmp_path):
    done = source.export(tmp_path / "out", "prompts")
    assert (done.funnel.unit, done.funnel.read, done.funnel.kept) == ("prompts", 6, 6)
