"""What every judge promises, whatever it asks."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.judges import JUDGES
from schemas.errors import ConfigError


@pytest.fixture(params=JUDGES.classes)
def judge(request):
    return JUDGES.build({"name": request.param, "model": "m"})


def test_questions_do_not_depend_on_the_run(judge, group):
    assert list(judge.questions(group, 3)) == list(judge.questions(group, 3))


def test_another_template_is_another_call(judge, group):
    other = judge.model_copy(update={"template": judge.template + "\nThink twice."})
    one, changed = (next(j.questions(group, 0)).request.call_id("e", "m", "r") for j in (judge, other))
    assert one != changed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(str))
def test_no_text_makes_a_verdict_out_of_nothing(judge, group, reply, said):
    for question in list(judge.questions(group, 0))[:2]:
        rows = judge.read(question, reply(said))
        assert rows
        assert all(row.failure for row in rows)


def test_a_template_with_an_unknown_variable_is_refused(judge, group):
    broken = judge.model_copy(update={"template": "{{ nonsense }}"})
    with pytest.raises(ConfigError, match="template"):
        list(broken.questions(group, 0))


def test_a_template_that_does_not_compile_is_refused(judge):
    with pytest.raises(ConfigError, match="does not compile"):
        JUDGES.build({"name": judge.name, "model": "m", "template": "{% if %}"})
