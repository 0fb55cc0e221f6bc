"""A tiny tokenizer, tiny models and a tiny exported version, all made here."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from schemas.datasets import fingerprint
from training.checkpoint import Loaded, load_policy
from training.evaluate.implicit_reward import response_logps

ROOT = Path(__file__).parents[2]
WORDS = [f"w{number}" for number in range(40)] + ["good", "bad", "say", "it"]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %} <{{ message['role'] }}> {{ message['content'] }}"
    "{% if message['role'] == 'assistant' %} {{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %} <assistant> {% endif %}"
)
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))

FIGURES_OF_A_STEP = {
    "step",
    "total_steps",
    "loss",
    "learning_rate",
    "grad_norm",
    "tokens/s",
    "held_out_loss",
    "seconds",
}
"""What the loop says of every step: no objective's figure is called so."""


def make_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    special = ["<pad>", "<s>", "</s>", "<unk>", "<user>", "<assistant>", "<system>"]
    core = Tokenizer(models.WordLevel({word: n for n, word in enumerate([*special, *WORDS])}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.add_special_tokens(special)
    made = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    made.chat_template = template
    return made


@pytest.fixture(autouse=True)
def one_thread(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads of a model of this size only wait for each other. The sandbox's models are larger."""
    before = torch.get_num_threads()
    if request.path.parent.name != "sandbox":
        torch.set_num_threads(1)
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: PreTrainedTokenizerFast) -> Path:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0, attention_dropout=0.3,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "tiny"
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def policy(model_folder: Path) -> Loaded:
    return load_policy(model_folder)


def pair_row(place: int, chosen: str, rejected: str, **other: object) -> dict[str, object]:
    prompt = [{"role": "user", "content": f"say w{place % 40} it"}]
    return {
        "pair_id": f"pair{place}", "prompt_id": f"prompt{place}", "prompt": prompt, "chosen": chosen,
        "rejected_prompt": prompt, "rejected": rejected, "chosen_model": "a", "rejected_model": "b",
        "source": "made", "split": "test" if place % 5 == 4 else "train", "rule": "r", "label_source": "judge",
        "margin": None, "weight": 1.0, "soft_label": 1.0, **other,
    }  # fmt: skip


SCHEMA = pa.schema({
    **dict.fromkeys(["pair_id", "prompt_id"], pa.string()), "prompt": MESSAGES, "chosen": pa.string(),
    "rejected_prompt": MESSAGES, "rejected": pa.string(),
    **dict.fromkeys(["chosen_model", "rejected_model", "source", "split", "rule", "label_source"], pa.string()),
    **dict.fromkeys(["margin", "weight", "soft_label"], pa.float64()),
})  # fmt: skip


def pair_table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def write_version(folder: Path, pairs: pa.Table) -> Path:
    folder.mkdir(parents=True)
    pq.write_table(pairs, folder / "pairs.parquet")
    digest = sha256((folder / "pairs.parquet").read_bytes()).hexdigest()
    manifest = {
        "dataset": "tiny", "version": 3, "fingerprint": fingerprint(pairs), "n_pairs": pairs.num_rows,
        "files": {"pairs.parquet": digest},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


NURSERY = """
import json, os, runpy, sys
import training.train  # what takes long to load is loaded once
for line in sys.stdin:
    if child := os.fork():
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    sys.argv = ["training", *json.loads(line)]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    runpy.run_module("training", run_name="__main__")
"""
"""Runs the training command for every line it reads, in a process of its own; prints its id, and how it ended."""


class Training:
    """A training command under way, on one thread."""

    def __init__(self, nursery: subprocess.Popen[str], arguments: Sequence[object]) -> None:
        stdin, self._said = nursery.stdin, nursery.stdout
        assert stdin is not None and self._said is not None
        stdin.write(json.dumps([*map(str, arguments)]) + "\n")
        stdin.flush()
        self._pid = int(self._said.readline())

    @property
    def is_over(self) -> bool:
        """Whether it has ended, by itself or not."""
        try:
            return psutil.Process(self._pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code; negative where a signal ended it."""
        assert self._said is not None
        return int(self._said.readline())


@pytest.fixture(scope="session")
def begin() -> Iterator[Callable[..., Training]]:
    """Begins a training command: job, data, model, out, changes. Wait for its end before the next."""

    def start(job: str, data: Path, model: Path, out: Path, changes: Mapping[str, object]) -> Training:
        settings = [part for key, value in changes.items() for part in ("--set", f"{key}={json.dumps(value)}")]
        return Training(nursery, [job, "--data", data, "--model", model, "--out", out, *settings])

    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", NURSERY]
    with subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, stderr=-3, cwd=ROOT, text=True) as nursery:
        yield start


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def ranked_right(policy: Path, pairs: pa.Table) -> float:
    """Share of the held-out pairs whose chosen response the policy holds likelier, whatever it was trained on."""
    held_out = pairs.filter(pc.field("split") == "test")
    prompts = held_out.column("prompt").to_pylist()
    chosen, rejected = (
        response_logps(policy, [*zip(prompts, held_out.column(side).to_pylist(), strict=True)])
        for side in ("chosen", "rejected")
    )
    return float((chosen > rejected).mean())


@pytest.fixture(scope="session")
def pairs() -> pa.Table:
    """40 pairs, 8 of them held out: the chosen response says `good`, the rejected one `bad`."""
    rows = [
        pair_row(n, f"w{n} good" + " w1" * (n % 3), f"w{n} bad" + " w2" * (n % 4), margin=float(n % 3) or None)
        for n in range(40)
    ]
    return pair_table(rows)


@pytest.fixture
def version_folder(tmp_path: Path, pairs: pa.Table) -> Path:
    return write_version(tmp_path / "export", pairs)
