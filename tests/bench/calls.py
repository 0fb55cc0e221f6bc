"""What the call layer costs: beside plain aiohttp, distilabel and curator, beside a bare vLLM, and on its own.

Every figure that is compared is measured in this run, the sides taking turns; the median of the rounds counts.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from curation.budget import Budget, Limits
from curation.engines import Answer, Engine
from curation.engines.openai import OpenAI
from curation.ledger import Requests, Served, answers, ask, plan
from flows.recipe import load
from flows.sandbox import HELD_OUT, RECIPE, prompts, sandbox_path
from schemas.calls import Reply, Request, Sampling
from schemas.prompts import user
from tests.bench.figures import Bars, say
from tests.bench.peers import curator_calls, distilabel_calls
from tests.bench.peers.environments import environment
from tests.servers.start import server
from training.sandbox.tiny import Shape, new_model, save
from training.sandbox.tokenizer import build_tokenizer
from warehouse.lake import Lake

PEERS = Path(__file__).parent / "peers"
CONCURRENCY = 64
TEXT = "Rate the answer to the question, and say what is good about it and what is not. " * 4


class Echo(Engine):
    """Answers at once, so that what remains is the ledger."""

    name = "echo"

    def revision(self, model: str) -> str:
        return model

    @contextmanager
    def start(self, model: str, adapter: str | None = None) -> Iterator[Answer]:
        yield self._answer

    @staticmethod
    def _answer(asked: Iterable[Request]) -> Iterator[tuple[Request, Reply]]:
        for request in asked:
            text = request.messages[-1]["content"][-40:]
            yield request, Reply(text=text, finish_reason="stop", prompt_tokens=90, completion_tokens=10)


def requests(count: int, text: str = "Question ") -> Requests:
    sampling = Sampling(max_tokens=64)
    return lambda: (
        Request(messages=user(f"{text}{i}"), sampling=sampling, seed=i, purpose="bench") for i in range(count)
    )


def run(lake: Lake, served: Served, wanted: Requests) -> int:
    """All that a run does for its calls: plan, ask, store, and read the answers. Returns how many were made."""
    todo = plan(lake, served, wanted)
    with served.engine.start(served.path) as answer:
        tally = ask(lake, todo, answer, run_id="bench", budget=Budget(limits=Limits()))
    assert sum(found.status == "ok" for found in answers(lake, todo, tally)) == len(todo.call_ids)
    return todo.missing


@contextmanager
def empty_lake() -> Iterator[Lake]:
    folder = Path(tempfile.mkdtemp())
    try:
        with Lake.create(folder / "warehouse") as lake:
            yield lake
    finally:
        shutil.rmtree(folder)


def ours(url: str, calls: int) -> float:
    """Seconds of `calls` calls through the whole layer, into an empty warehouse."""
    with empty_lake() as lake:
        engine = OpenAI(base_urls=(url,), concurrency=CONCURRENCY, least_concurrency=CONCURRENCY, most_concurrency=64)
        served = Served.of(engine, "stub", "stub")
        started = time.perf_counter()
        assert run(lake, served, requests(calls)) == calls
        return time.perf_counter() - started


def peer(python: Path | str, script: str, url: str, calls: int) -> float:
    command = [python, PEERS / f"{script}_calls.py", url, "--calls", str(calls), "--concurrency", str(CONCURRENCY)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])["seconds"]


def overhead(bars: Bars, calls: int, rounds: int) -> None:
    """Milliseconds a call, with what the others need beside it."""
    pythons = {
        "curator": environment("curator", curator_calls.PACKAGES),
        "distilabel": environment("distilabel", distilabel_calls.PACKAGES),
    }
    costs: dict[str, list[float]] = {name: [] for name in ("aiohttp", "prefinery", *pythons)}
    with server("stub.py") as url:
        for number in range(rounds):
            costs["aiohttp"].append(peer(sys.executable, "aiohttp", url, calls) / calls * 1000)
            costs["prefinery"].append(ours(url, calls) / calls * 1000)
            for name, python in pythons.items() if not number else ():
                some = min(calls, 2000)  # they need minutes for 20,000
                costs[name].append(peer(python, name, url, some) / some * 1000)
    for name, found in costs.items():
        say(f"{name}: {median(found):.2f} ms a call ({', '.join(f'{cost:.2f}' for cost in found)})")
    plain = median(costs["aiohttp"])
    for name in pythons:
        say(f"overhead of {name}: {median(costs[name]) - plain:.2f} ms")
    bars.add("overhead a call", median(costs["prefinery"]) - plain, 0.5, unit=" ms")


def untrained(folder: Path, shape: Shape) -> Path:
    """A model whose weights are random: it costs what a trained one costs."""
    tokenizer = build_tokenizer()
    save(new_model(shape, tokenizer), tokenizer, folder)
    return folder


def tokens_per_second(bars: Bars, name: str, folder: Path, count: int, rounds: int) -> None:
    """The engine `vllm` with its ledger beside a bare `LLM.generate`: one process, one loaded model, equal requests."""
    from vllm import SamplingParams

    engine = load(RECIPE).engine
    assert engine
    texts, most = prompts(HELD_OUT, count), 32
    wanted = [
        Request(messages=user(text), sampling=Sampling(max_tokens=most), seed=i, purpose="bench")
        for i, text in enumerate(texts)
    ]

    def bare(llm: Any) -> float:
        started = time.perf_counter()
        chats = [[{"role": "user", "content": text}] for text in texts]
        ids = llm.get_tokenizer().apply_chat_template(chats, add_generation_prompt=True, return_dict=False)
        outputs = llm.generate(
            [{"prompt_token_ids": each} for each in ids],
            [SamplingParams(temperature=1.0, max_tokens=most, seed=i) for i in range(count)],
            use_tqdm=False,
        )
        return sum(len(output.outputs[0].token_ids) for output in outputs) / (time.perf_counter() - started)

    def layered(answer: Answer) -> float:
        with empty_lake() as lake:
            started = time.perf_counter()
            todo = plan(lake, Served.of(engine, name, str(folder)), lambda: wanted)
            tally = ask(lake, todo, answer, run_id="bench", budget=Budget(limits=Limits()))
            tokens = sum(found.completion_tokens for found in answers(lake, todo, tally))
            return tokens / (time.perf_counter() - started)

    rates: dict[str, list[float]] = {"bare": [], "prefinery": []}
    with engine.start(str(folder)) as answer:
        llm = answer.args[0]  # pyright: ignore[reportFunctionMemberAccess] - the loaded model that it is bound to
        bare(llm)
        for _ in range(rounds):
            llm.reset_prefix_cache()
            rates["bare"].append(bare(llm))
            rates["prefinery"].append(layered(answer))
    for side, found in rates.items():
        say(f"{side}, {name}: {median(found):,.0f} tokens/s ({', '.join(f'{rate:,.0f}' for rate in found)})")
    bars.add(
        f"tokens/s beside a bare vLLM, {name}", median(rates["prefinery"]) / median(rates["bare"]), 0.95, most=False
    )


def rerun(bars: Bars, count: int) -> None:
    """Seconds of a run whose every call is in the ledger."""
    with empty_lake() as lake:
        served = Served.of(Echo(), "echo", "echo")
        run(lake, served, requests(count, TEXT))
        started = time.perf_counter()
        assert run(lake, served, requests(count, TEXT)) == 0
        bars.add(f"cached rerun of {count:,}", time.perf_counter() - started, 5, unit=" s")


def in_a_process(what: str, count: int) -> dict[str, float]:
    """Seconds and peak memory of `what` in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.calls", "--only", what, "--count", str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    say(f"{what} of {count:,}: {found['seconds']:.1f} s, peak {found['mib']:,.0f} MiB")
    return found


def planning(count: int) -> None:
    """Plan against an empty ledger."""
    with empty_lake() as lake:
        plan(lake, Served.of(Echo(), "echo", "echo"), requests(10, TEXT))
        started = time.perf_counter()
        assert plan(lake, Served.of(Echo(), "echo", "echo"), requests(count, TEXT)).missing == count
        report(time.perf_counter() - started)


def whole_run(count: int) -> None:
    """Plan, ask, store and read."""
    with empty_lake() as lake:
        started = time.perf_counter()
        assert run(lake, Served.of(Echo(), "echo", "echo"), requests(count, TEXT)) == count
        report(time.perf_counter() - started)


def report(seconds: float) -> None:
    # Not getrusage: its maximum is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text()
    kib = int(re.findall(r"VmHWM:\s+(\d+)", status)[0])
    sys.stdout.write(json.dumps({"seconds": seconds, "mib": kib / 1024}) + "\n")


ALONE = {"planning": planning, "whole_run": whole_run}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=ALONE, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=1_000_000, help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.only:
        ALONE[settings.only](settings.count)
        raise SystemExit
    bars = Bars()
    with tempfile.TemporaryDirectory() as folder:
        larger = untrained(Path(folder) / "model", Shape(layers=12, width=512, inner=1536))
        tokens_per_second(bars, "38M parameters", larger, 512, settings.rounds)
    tokens_per_second(bars, "0.6M parameters", sandbox_path("base"), 8192, settings.rounds)
    overhead(bars, settings.calls, settings.rounds)
    rerun(bars, 100_000)
    planned = in_a_process("planning", 1_000_000)
    bars.add("planning 1M", planned["seconds"], 15, unit=" s")
    bars.add("planning 1M", planned["mib"], 2048, unit=" MiB")
    small, large = (in_a_process("whole_run", count)["mib"] for count in (10_000, 1_000_000))
    bars.add("memory of 1M beside 10k", large / small, 1.5)
    bars.end()
