"""The real vLLM serves the sandbox's real, tiny models."""

import json
from dataclasses import replace
from importlib import import_module

import pytest

from curation.asking import json_object
from curation.engines import ENGINES
from flows.recipe import load
from flows.sandbox import HELD_OUT, RECIPE, prompts, sandbox_path
from schemas.calls import Sampling, Structure
from schemas.errors import ModelError
from schemas.prompts import user
from tests.rows import requests


@pytest.fixture(scope="module")
def complete():
    # What a large import leaves loaded in this process is looked through by vLLM's start.
    import_module("schemas.blake2b")
    engine = load(RECIPE).engine
    with engine.start(str(sandbox_path("base"))) as answer:
        yield lambda asked: [reply for _, reply in answer(asked)]


def test_replies_depend_on_the_seed_and_not_on_the_neighbours(complete):
    wanted = requests(prompts(HELD_OUT, 40))
    texts = [reply.text for reply in complete(wanted)]
    assert [reply.text for reply in complete(wanted[10:])] == texts[10:]
    assert len(set(texts)) > 20


def test_equal_prompts_with_different_seeds_get_different_answers(complete):
    replies = complete(requests(prompts(HELD_OUT, 1) * 16))
    assert len({reply.text for reply in replies}) > 4


def test_a_prompt_that_does_not_fit_is_a_reply_and_spares_its_batch(complete):
    texts = prompts(HELD_OUT, 2)
    replies = complete(requests([texts[0], " ".join(texts * 40), texts[1]]))
    assert [reply.finish_reason == "too_long" for reply in replies] == [False, True, False]
    assert replies[0].text
    assert replies[2].text


def test_the_longest_reply_is_cut_and_says_so(complete):
    (reply,) = complete(requests(prompts(HELD_OUT, 1), sampling=Sampling(max_tokens=1)))
    assert (reply.finish_reason, reply.completion_tokens) == ("length", 1)


def test_vllm_and_transformers_agree_on_greedy_answers(complete):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = sandbox_path("base")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    texts = prompts(HELD_OUT, 20)
    replies = complete(requests(texts, sampling=Sampling(temperature=0, max_tokens=32)))
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
    rating = {"type": "integer", "minimum": 1, "maximum": 5}
    schema = json.dumps(json_object({"ratings": json_object(dict.fromkeys(("A_0", "B_0"), rating))}))
    for reply in complete(requests(prompts(HELD_OUT, 20), structure=Structure(kind="json", text=schema))):
        if reply.finish_reason == "stop":
            assert set(json.loads(reply.text)["ratings"]) == {"A_0", "B_0"}


def test_choices_and_patterns_are_kept_too(complete):
    choice = Structure(kind="choice", text='["say", "list"]')
    pattern = Structure(kind="regex", text="(red|blue)")
    for structure, allowed in ((choice, {"say", "list"}), (pattern, {"red", "blue"})):
        assert {reply.text for reply in complete(requests(prompts(HELD_OUT, 8), structure=structure))} <= allowed


def test_a_request_that_vllm_rejects_spares_its_shard(complete):
    wanted = requests(prompts(HELD_OUT, 5))
    wanted[2] = replace(wanted[2], structure=Structure(kind="regex", text="(unclosed"))
    replies = complete(wanted)
    assert [reply.finish_reason == "rejected" for reply in replies] == [False, False, True, False, False]
    assert replies[2].detail


def test_alternatives_of_every_token_come_with_their_log_probabilities(complete):
    (reply,) = complete(requests(prompts(HELD_OUT, 1), top_logprobs=3))
    positions = json.loads(reply.logprobs)
    assert len(positions) == reply.completion_tokens
    assert all(len(position) >= 3 and max(position.values()) <= 0 for position in positions)


def test_an_adapter_changes_the_answers_and_nothing_else(tmp_path):
    """A real LoRA adapter, saved by peft, served by vLLM."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(sandbox_path("base")),
        LoraConfig(r=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False),
    )
    model.save_pretrained(tmp_path / "adapter")
    engine = load(RECIPE).engine
    wanted = requests(prompts(HELD_OUT, 20))
    with engine.start(str(sandbox_path("base")), str(tmp_path / "adapter")) as answer:
        adapted = [reply.text for _, reply in answer(wanted)]
    with engine.start(str(sandbox_path("base"))) as answer:
        plain = [reply.text for _, reply in answer(wanted)]
    assert adapted != plain


def test_the_revision_is_that_of_the_weights(tmp_path):
    engine = ENGINES.build("vllm")
    assert engine.revision(str(sandbox_path("base"))) != engine.revision(str(sandbox_path("weak")))
    with pytest.raises(ModelError, match="it has no config"):
        engine.revision(str(tmp_path))
