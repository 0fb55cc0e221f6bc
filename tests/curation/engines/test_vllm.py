"""The real vLLM serves the sandbox's real, tiny models."""

import json

import pytest

from curation.engines import ENGINES
from curation.judges.aspects import Aspects
from flows.recipe import load
from flows.sandbox import HELD_OUT, RECIPE, prompts, sandbox_path
from schemas.calls import Request, Sampling
from schemas.errors import ModelError
from schemas.prompts import user


def _requests(texts, **changes):
    facts = {"sampling": Sampling(max_tokens=32), "purpose": "test"} | changes
    return [Request(messages=user(text), seed=i, **facts) for i, text in enumerate(texts)]


@pytest.fixture(scope="module")
def complete():
    engine = load(RECIPE).engine
    with engine.start(str(sandbox_path("base"))) as started:
        yield started


def test_replies_depend_on_the_seed_and_not_on_the_neighbours(complete):
    wanted = _requests(prompts(HELD_OUT, 40))
    texts = [reply.text for reply in complete(wanted)]
    assert [reply.text for reply in complete(wanted[10:])] == texts[10:]
    assert len(set(texts)) > 20


def test_equal_prompts_with_different_seeds_get_different_answers(complete):
    replies = complete(_requests(prompts(HELD_OUT, 1) * 16))
    assert len({reply.text for reply in replies}) > 4


def test_a_prompt_that_does_not_fit_is_a_reply_and_spares_its_batch(complete):
    texts = prompts(HELD_OUT, 2)
    replies = complete(_requests([texts[0], " ".join(texts * 40), texts[1]]))
    assert [reply.finish_reason == "too_long" for reply in replies] == [False, True, False]
    assert replies[0].text
    assert replies[2].text


def test_the_longest_reply_is_cut_and_says_so(complete):
    (reply,) = complete(_requests(prompts(HELD_OUT, 1), sampling=Sampling(max_tokens=1)))
    assert (reply.finish_reason, reply.completion_tokens) == ("length", 1)


def test_vllm_and_transformers_agree_on_greedy_answers(complete):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = sandbox_path("base")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    texts = prompts(HELD_OUT, 20)
    replies = complete(_requests(texts, sampling=Sampling(temperature=0, max_tokens=32)))
    same = 0
    for text, reply in zip(texts, replies, strict=True):
        ids = tokenizer.apply_chat_template(
            list(user(text)), add_generation_prompt=True, return_tensors="pt", return_dict=False
        )
        with torch.no_grad():
            out = model.generate(ids, max_new_tokens=32, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        same += tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip() == reply.text
    assert same >= 19


def test_a_schema_is_kept_even_by_a_model_that_knows_nothing_of_it(complete):
    schema = json.dumps(Aspects(model="m", rationale=False)._schema("helpfulness", 2))
    for reply in complete(_requests(prompts(HELD_OUT, 20), json_schema=schema)):
        if reply.finish_reason == "stop":
            assert set(json.loads(reply.text)["ratings"]) == {"A", "B"}


def test_the_revision_is_that_of_the_weights(tmp_path):
    engine = ENGINES.build("vllm")
    assert engine.revision(str(sandbox_path("base"))) != engine.revision(str(sandbox_path("weak")))
    with pytest.raises(ModelError, match="it has no config"):
        engine.revision(str(tmp_path))
