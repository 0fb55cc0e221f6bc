"""The fallback engine serves the sandbox's real, tiny models."""

import json
import math
from dataclasses import replace
from shutil import copytree

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from curation.decoding import gumbel, penalised, warped
from curation.engines.transformers import Transformers
from flows.sandbox import HELD_OUT, prompts, sandbox_path
from schemas.calls import Sampling, Structure
from schemas.errors import ModelError
from schemas.prompts import user
from tests.rows import requests

RATINGS = {
    "type": "object",
    "properties": {
        "ratings": {
            "type": "object",
            "properties": {label: {"type": "integer", "minimum": 1, "maximum": 5} for label in ("A_0", "B_0")},
            "required": ["A_0", "B_0"],
            "additionalProperties": False,
        }
    },
    "required": ["ratings"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def base():
    return str(sandbox_path("base"))


@pytest.fixture(scope="module")
def answer(base):
    with Transformers(dtype="float32").start(base) as started:
        yield started


@pytest.fixture(scope="module")
def plain(base):
    """The model without our engine, and the ids of a prompt."""
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base)

    def ids(text):
        return tokenizer.apply_chat_template(
            list(user(text)), add_generation_prompt=True, return_tensors="pt", return_dict=False
        )

    return tokenizer, model, ids


def _replies(answer, asked):
    return [reply for _, reply in answer(asked)]


def _texts(answer, asked):
    return [reply.text for reply in _replies(answer, asked)]


def test_every_request_comes_back_with_its_reply(answer):
    wanted = requests(prompts(HELD_OUT, 40))
    pairs = list(answer(iter(wanted)))
    assert [request for request, _ in pairs] == wanted
    assert all(reply.text and reply.finish_reason in {"stop", "length"} for _, reply in pairs)
    assert not any("<" in reply.text for _, reply in pairs)


def test_replies_depend_on_the_seed_and_not_on_the_batch(base, answer):
    wanted = requests(prompts(HELD_OUT, 40))
    texts = _texts(answer, wanted)
    assert len(set(texts)) > 20
    assert _texts(answer, wanted[10:]) == texts[10:]
    with Transformers(dtype="float32", batch_size=1).start(base) as alone:
        assert _texts(alone, wanted) == texts


def test_equal_prompts_with_different_seeds_get_different_answers(answer):
    assert len(set(_texts(answer, requests(prompts(HELD_OUT, 1) * 16)))) > 4


def test_rows_of_a_batch_keep_their_own_sampling(answer):
    kinds = [
        Sampling(temperature=0, max_tokens=20),
        Sampling(temperature=1.5, top_k=5, max_tokens=9),
        Sampling(temperature=0.7, top_p=0.5, repetition_penalty=1.2, max_tokens=32),
        Sampling(min_p=0.2, presence_penalty=0.5, frequency_penalty=0.5, max_tokens=32, stop=("and",)),
        Sampling(top_k=1, max_tokens=20),
    ]
    mixed = [replace(one, sampling=kinds[i % len(kinds)]) for i, one in enumerate(requests(prompts(HELD_OUT, 5) * 5))]
    replies = _replies(answer, mixed)
    for one, reply in zip(mixed, replies, strict=True):
        assert _texts(answer, [one]) == [reply.text]
        assert reply.completion_tokens <= one.sampling.max_tokens


def test_greedy_replies_are_those_of_plain_generate(answer, plain):
    tokenizer, model, ids = plain
    texts = prompts(HELD_OUT, 20)
    replies = _texts(answer, requests(texts, sampling=Sampling(temperature=0, max_tokens=32)))
    for text, reply in zip(texts, replies, strict=True):
        prompt = ids(text)
        out = model.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=32, do_sample=False, pad_token_id=0
        )
        assert tokenizer.decode(out[0, prompt.shape[1] :], skip_special_tokens=True).strip() == reply


def test_a_prompt_that_does_not_fit_is_a_reply_and_spares_its_batch(answer):
    texts = prompts(HELD_OUT, 2)
    first, long, last = _replies(answer, requests([texts[0], " ".join(texts * 60), texts[1]]))
    assert (long.text, long.finish_reason, long.completion_tokens) == ("", "too_long", 0)
    assert long.prompt_tokens > 512
    assert first.text
    assert last.text


def test_a_reply_ends_where_the_context_does(base, plain):
    *_, ids = plain
    text = prompts(HELD_OUT, 1)[0]
    room = ids(text).shape[1]
    (wanted,) = requests([text])
    for spare, ended in ((0, ("too_long", 0)), (1, ("length", 1))):
        with Transformers(max_model_len=room + spare).start(base) as answer:
            ((_, reply),) = answer([wanted])
        assert (reply.finish_reason, reply.completion_tokens) == ended


def test_the_longest_reply_is_cut_and_says_so(answer):
    (reply,) = _replies(answer, requests(prompts(HELD_OUT, 1), sampling=Sampling(max_tokens=1)))
    assert (reply.finish_reason, reply.completion_tokens) == ("length", 1)


def test_a_stop_string_ends_the_reply_and_is_not_in_it(answer):
    wanted = requests(prompts(HELD_OUT, 8), sampling=Sampling(temperature=0, max_tokens=32))
    for one, text in zip(wanted, _texts(answer, wanted), strict=True):
        stop = text.split()[3]
        (reply,) = _replies(answer, [replace(one, sampling=Sampling(temperature=0, max_tokens=32, stop=(stop,)))])
        assert reply.finish_reason == "stop"
        assert reply.text == text[: text.find(stop)].strip()


def test_a_schema_is_kept_even_by_a_model_that_knows_nothing_of_it(answer):
    structure = Structure(kind="json", text=json.dumps(RATINGS))
    replies = _replies(answer, requests(prompts(HELD_OUT, 20), structure=structure))
    ended = [json.loads(reply.text) for reply in replies if reply.finish_reason == "stop"]
    assert len(ended) >= 10
    for found in ended:
        assert set(found["ratings"]) == {"A_0", "B_0"}


@pytest.mark.parametrize(
    "structure",
    [Structure(kind="choice", text='["first", "second"]'), Structure(kind="regex", text="first|second")],
    ids=lambda structure: structure.kind,
)
def test_only_what_the_structure_allows_is_said(answer, structure):
    for temperature in (0.0, 5.0):
        sampling = Sampling(temperature=temperature, max_tokens=8)
        replies = _replies(answer, requests(prompts(HELD_OUT, 20), structure=structure, sampling=sampling))
        assert {reply.finish_reason for reply in replies} == {"stop"}
        assert {reply.text for reply in replies} <= {"first", "second"}


@pytest.mark.parametrize(
    ("kind", "text"),
    [("regex", "(a"), ("json", '{"type": 5}'), ("json", "{"), ("choice", "[]"), ("choice", "A"), ("choice", "[1]")],
)
def test_a_malformed_structure_is_rejected_alone(answer, kind, text):
    first, second, third = requests(prompts(HELD_OUT, 3))
    replies = _replies(answer, [first, replace(second, structure=Structure(kind=kind, text=text)), third])
    assert [reply.finish_reason == "rejected" for reply in replies] == [False, True, False]
    assert replies[1].text == ""
    assert replies[1].detail.startswith(f"The {kind} cannot be enforced: ")
    assert replies[0].text
    assert replies[2].text


def test_a_pattern_that_the_vocabulary_cannot_spell_ends_the_reply(answer):
    (reply,) = _replies(answer, requests(prompts(HELD_OUT, 1), structure=Structure(kind="regex", text="~{9}")))
    assert (reply.text, reply.finish_reason) == ("", "stop")


def test_a_message_that_the_template_refuses_is_rejected_alone(base, tmp_path):
    folder = copytree(base, tmp_path / "strict")
    (folder / "chat_template.jinja").write_text(
        "{% for message in messages %}{% if 'no' in message['content'] %}{{ raise_exception('not that') }}{% endif %}"
        "<user> {{ message['content'] }}{% endfor %} <assistant>"
    )
    with Transformers().start(str(folder)) as answer:
        fine, refused = _replies(answer, requests(["what is red ?", "no"]))
    assert fine.finish_reason in {"stop", "length"}
    assert (refused.finish_reason, refused.detail) == ("rejected", "The chat template refuses the messages: not that")


def test_alternatives_are_stored_for_every_token(answer, plain):
    tokenizer, model, ids = plain
    text = prompts(HELD_OUT, 1)[0]
    sampling = Sampling(temperature=0, max_tokens=12)
    asked, bare = requests([text], sampling=sampling, top_logprobs=3) + requests([text], sampling=sampling)
    reply, without = _replies(answer, [asked, bare])
    found = json.loads(reply.logprobs)
    assert without.logprobs is None
    assert without.text == reply.text
    assert len(found) == reply.completion_tokens
    assert all(3 <= len(one) <= 4 and all(value <= 0 for value in one.values()) for one in found)
    with torch.no_grad():
        truth = model(ids(text)).logits[0, -1].log_softmax(0)
    for token in truth.topk(3).indices.tolist():
        assert found[0][tokenizer.decode([token])] == pytest.approx(float(truth[token]), abs=1e-3)


def test_the_dice_draw_every_token_as_often_as_it_is_likely():
    """30 000 draws: the error of a share is at most 3 * sqrt(0.25 / 30 000) = 0.009."""
    chances = torch.tensor([0.5, 0.3, 0.15, 0.05])
    draws = torch.tensor(
        [int((chances.log() + gumbel(chances, torch.Generator().manual_seed(seed))).argmax()) for seed in range(30_000)]
    )
    assert (draws.bincount(minlength=4) / len(draws) - chances).abs().max() < 0.009


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        pytest.param(Sampling(), 4, id="all"),
        pytest.param(Sampling(top_k=2), 2, id="top-k"),
        pytest.param(Sampling(top_p=0.79), 2, id="top-p"),
        pytest.param(Sampling(top_p=0.81), 3, id="top-p-that-needs-one-more"),
        pytest.param(Sampling(top_p=0.0), 1, id="the-likeliest-stays"),
        pytest.param(Sampling(min_p=0.25), 3, id="min-p"),
        pytest.param(Sampling(min_p=0.25, temperature=0.5), 2, id="min-p-after-temperature"),
        pytest.param(Sampling(top_k=3, top_p=0.83), 2, id="top-p-of-what-top-k-left"),
    ],
)
def test_warping_keeps_the_likeliest(sampling, kept):
    scores = warped(torch.tensor([0.15, 0.5, 0.05, 0.3]).log(), sampling)
    assert set(torch.nonzero(scores > -math.inf).flatten().tolist()) == set([1, 3, 0, 2][:kept])


def test_penalties_by_hand():
    """Token 0 was in the prompt, token 1 was said twice: 2 / 2, -1 * 2 - 2 * 0.5 - 0.25, and 1 untouched."""
    sampling = Sampling(repetition_penalty=2.0, frequency_penalty=0.5, presence_penalty=0.25)
    found = penalised(torch.tensor([2.0, -1.0, 1.0]), sampling, [0], [1, 1])
    assert found.tolist() == pytest.approx([1.0, -3.25, 1.0])


def test_an_adapter_changes_the_answers(base, answer, tmp_path):
    peft = pytest.importorskip("peft")
    torch.manual_seed(0)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    model.save_pretrained(tmp_path)
    wanted = requests(prompts(HELD_OUT, 8), sampling=Sampling(temperature=0, max_tokens=16))
    with Transformers(dtype="float32").start(base, str(tmp_path)) as adapted:
        texts = _texts(adapted, wanted)
    assert texts != _texts(answer, wanted)
    weights = load_file(tmp_path / "adapter_model.safetensors")
    save_file({name: torch.zeros_like(one) for name, one in weights.items()}, tmp_path / "adapter_model.safetensors")
    with Transformers(dtype="float32").start(base, str(tmp_path)) as idle:
        assert _texts(idle, wanted) == _texts(answer, wanted)


def test_what_is_no_model_or_adapter_is_named(base, tmp_path):
    with pytest.raises(ModelError, match="it has no config"), Transformers().start(str(tmp_path)):
        pass
    with pytest.raises(ModelError, match="is no adapter"), Transformers().start(base, str(tmp_path)):
        pass
    folder = copytree(base, tmp_path / "lacking")
    weights = load_file(folder / "model.safetensors")
    save_file(dict(list(weights.items())[1:]), folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights"), Transformers().start(str(folder)):
        pass


def test_only_what_can_change_an_answer_is_its_identity():
    assert Transformers(batch_size=8).identity() == Transformers().identity()
    assert Transformers(dtype="float32").identity() != Transformers().identity()
