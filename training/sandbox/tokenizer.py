"""A word-level tokenizer for the simulated world, with whole JSON pieces so that a judge's verdict is a few tokens.

A token never holds a space and a text is its tokens joined by spaces, so what is decoded tokenises back to itself.
A bare quotation mark is not a token: decoding would put spaces inside the string. Strings are whole tokens instead,
and every merged piece can also be spelt with plain ones, so decoding under a JSON schema cannot reach a dead end.
"""

from typing import Final

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from training.sandbox import lexicon
from training.sandbox.world import PHRASES, TASKS
from training.sandbox.writer import ASPECTS

SPECIAL: Final = ("<pad>", "<s>", "</s>", "<unk>", "<user>", "<assistant>")
PAD, BOS, EOS = (SPECIAL.index(token) for token in ("<pad>", "<s>", "</s>"))
NONCES: Final = "0123456789abcdef"
"""Codes in the judge's labels: of one hex digit, so that a label is one token."""
LABELS: Final = tuple(f"{letter}_{nonce}" for letter in "ABCD" for nonce in NONCES)
TIES: Final = tuple(f"tie_{nonce}" for nonce in NONCES)
FENCES: Final = tuple(
    f"<{end}{name}>" for name in (*LABELS, *(f"request_{nonce}" for nonce in NONCES)) for end in ("", "/")
)
"""Tags around what a judge reads."""
MERGED: Final = (
    *(f'{{"ratings":{{"{label}":' for label in LABELS[: len(NONCES)]),
    *(f',"{label}":' for label in LABELS[len(NONCES) :]),
    "}}",
    '{"verdict":',
)
"""JSON pieces a trained judge writes in one step."""
PLAIN: Final = ("{", "}", "[", "]", ":", ",", '"ratings"', '"verdict"', *(f'"{word}"' for word in (*TIES, *LABELS)))
JUDGE_WORDS: Final = (
    "rate rating compare which answer answers is better best prompt question response the first second tie "
    "from to for of and or by on aspect score scores overall quality good bad one please only json as"
)
"""Words that prompts for a judge may use, beside the words of the world."""

CHAT_TEMPLATE: Final = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %} <assistant> {{ message['content'] }} {{ eos_token }}"
    "{% elif message['role'] == 'system' %} <user> {{ message['content'] }}"
    "{% elif loop.index0 and messages[loop.index0 - 1]['role'] == 'system' %} {{ message['content'] }}"
    "{% else %} <user> {{ message['content'] }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %} <assistant>{% endif %}"
)
"""A system message opens the user's turn."""

_WORDS: Final = r'\{"ratings":\{"A_\w":|,"[B-D]_\w":|\}\}|\{"verdict":|</?\w+_\w>|"\w+"|\w+|[^\s\w]'


def words() -> list[str]:
    """Every ordinary word of the vocabulary, sorted."""
    spoken = {word for template in (*TASKS.values(), *PHRASES.values()) for word in template.split() if word[0] != "{"}
    for group in (lexicon.CATEGORIES, lexicon.COLORS, lexicon.OPPOSITES, lexicon.NUMBERS):
        spoken |= set(group)
    for group in (lexicon.CATEGORIES, lexicon.OPENERS, lexicon.CLOSERS):
        spoken |= {word for members in group.values() for word in members}
    for verbs, places in lexicon.ACTIONS.values():
        spoken |= {*verbs, *places}
    spoken |= {*lexicon.COLORS.values(), *lexicon.TIMES, *lexicon.REASONS, *lexicon.EMPHASES, *lexicon.FILLERS}
    spoken |= {word for words in lexicon.FICTIONS.values() for word in words}
    spoken |= {lexicon.HEDGE, lexicon.BOAST, *"the in is opposite and because it".split()}
    spoken |= {*JUDGE_WORDS.split(), *ASPECTS}
    return sorted(spoken)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer, chat template included; the same ids every time."""
    marks = (lexicon.END, lexicon.SHOUT, "?", ";", "(", ")", "-")
    digits = tuple(str(digit) for digit in range(11))
    pieces = dict.fromkeys((*SPECIAL, *PLAIN, *MERGED, *FENCES, *marks, *digits, *words()))
    core = Tokenizer(WordLevel({piece: number for number, piece in enumerate(pieces)}, unk_token="<unk>"))
    core.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r'(?<=[{":,])\s+(?=["{])'), ""),
            normalizers.Replace(Regex(r'"\s+:'), '":'),
            normalizers.Replace(Regex(r'\{\s+"'), '{"'),
            normalizers.Replace(Regex(r"\}\s+\}"), "}}"),
        ]
    )
    core.pre_tokenizer = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
    core.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=["<user>", "<assistant>"],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )
