import pytest

from curation.importers.trl_unpaired import TrlUnpaired
from curation.records import BadRow


@pytest.mark.parametrize(("label", "value"), [(True, 1.0), (False, 0.0), ("True", 1.0), ("false", 0.0)])
def test_a_label_is_a_score(label, value):
    prompt, response, score = TrlUnpaired().translate({"prompt": "Hi", "completion": "Hello!", "label": label})
    assert (score.response_id, score.aspect, score.value) == (response.response_id, "label", value)
    assert response.prompt_id == prompt.prompt_id


@pytest.mark.parametrize("label", [None, 1, "yes", 0.5])
def test_any_other_label_is_bad(label):
    with pytest.raises(BadRow, match="want true or false"):
        list(TrlUnpaired().translate({"prompt": "Hi", "completion": "Hello!", "label": label}))


def test_messages_are_read():
    turns = {"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Hello!"}]}
    _, response, _ = TrlUnpaired().translate(turns | {"label": True})
    assert response.text == "Hello!"
    with pytest.raises(BadRow, match="no_single_answer"):
        list(TrlUnpaired().translate(turns | {"completion": turns["prompt"], "label": True}))
