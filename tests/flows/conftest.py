"""The command as a user runs it: another process, a warehouse of its own, no server but ours."""

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from prefect import flow

from flows.__main__ import main
from flows.sql import Wish, answer
from warehouse.readonly import reading

PREFINERY = [sys.executable, "-m", "flows"]


class Shell:
    """Runs `prefinery` commands on one warehouse."""

    def __init__(self, warehouse: Path, api: str | None = None) -> None:
        self.warehouse = warehouse
        home = str(warehouse.with_name(f"{warehouse.name}-prefect"))
        self.env = {**os.environ, "PREFINERY_WAREHOUSE": str(warehouse), "PREFECT_HOME": home, "COLUMNS": "200"}
        self.env.pop("PREFECT_API_URL", None)
        if api:
            self.env["PREFECT_API_URL"] = api

    def start(self, *arguments: str | Path, **options) -> subprocess.Popen[str]:
        command = [*PREFINERY, *map(str, arguments)]
        return subprocess.Popen(
            command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )

    def __call__(
        self, *arguments: str | Path, fails: int = 0, timeout: float = 280
    ) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            out, errors = process.communicate(timeout=timeout)
        assert process.returncode == fails, f"{arguments}: exit code {process.returncode}\n{out}\n{errors}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, errors)

    def rows(self, query: str) -> list[dict[str, object]]:
        """What `prefinery sql QUERY --format json` prints, without a process of its own."""
        out = self.warehouse.with_name("rows.json")
        with reading(self.warehouse) as reader:
            answer(reader, query, Wish(output="json", out=out, timeout_s=280))
        return json.loads(out.read_bytes())


class Here(Shell):
    """Runs the commands in this process, which has loaded what takes a process of its own seconds to load."""

    def __call__(
        self, *arguments: str | Path, fails: int = 0, timeout: float = 280
    ) -> subprocess.CompletedProcess[str]:
        out, errors = (TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
            for name, value in self.env.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["prefinery", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                main()
        said, complained = (stream.buffer.getvalue().decode() for stream in (out, errors))
        code = ended.value.code or 0
        assert code == fails, f"{arguments}: exit code {code}\n{said}\n{complained}"
        return subprocess.CompletedProcess(arguments, code, said, complained)


@pytest.fixture
def prefinery(tmp_path, prefect_api):
    """Commands in processes of their own."""
    return Shell(tmp_path / "warehouse", prefect_api)


@pytest.fixture
def here(tmp_path, prefect_api):
    """Commands in this process."""
    return Here(tmp_path / "warehouse", prefect_api)


@pytest.fixture
def comparisons(tmp_path):
    return write_comparisons(tmp_path / "comparisons.jsonl")


@pytest.fixture(scope="session")
def embedder(tmp_path_factory):
    """An untrained Llama: names with other words lie elsewhere."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = "cites sources concise answers the request warm helpfulness".split()
    core = Tokenizer(models.WordLevel({word: n for n, word in enumerate(["<pad>", "<unk>", *words])}, "<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words) + 2, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2
    )
    folder = tmp_path_factory.mktemp("embedder")
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", unk_token="<unk>").save_pretrained(folder)
    return str(folder)


@pytest.fixture
def recipe(tmp_path):
    return write_recipe(tmp_path / "votes.yaml")


def in_flow(work):
    """What a function without arguments returns, run as a flow: its tasks log, which they cannot outside of one."""

    @flow(name="test")
    def run():
        return work()

    return run()


def write_comparisons(path: Path) -> Path:
    """Eighty comparisons in the format of hh_rlhf: the better answer is the polite one."""
    lines = [
        {"chosen": f"\n\nHuman: say {i}\n\nAssistant: please, {i}", "rejected": f"\n\nHuman: say {i}\n\nAssistant: {i}"}
        for i in range(80)
    ]
    lines[0]["chosen"] += " thank you" * 100  # longer than the models of these tests can read
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def write_recipe(path: Path) -> Path:
    """Publish human votes, and train a tiny reward model from scratch on them."""
    path.write_text(
        "name: votes\n"
        "prompts: {sources: [hh_rlhf]}\n"
        "pair: {name: majority}\n"
        "publish: {dataset: votes, message: by hand}\n"
        "train:\n"
        "  - job: reward\n"
        "    model: scratch/2x32\n"
        "    settings: {max_length: 64, fit: {batch_size: 16, learning_rate: 1.0e-3}}\n"
    )
    return path
