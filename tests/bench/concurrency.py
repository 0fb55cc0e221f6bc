"""Many processes on one warehouse: writers that append the same keys and publish, readers that check what they see.

Writers are killed while they work. What a writer was told is committed must be there at the end, once; what a reader
sees inside one transaction must fit together at every moment.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median, quantiles

from schemas.pairs import PAIRS, Pair, pair_id_of
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES
from tests.bench.figures import Bars, say
from tests.rows import draft, two_responses
from tests.servers.postgres import PASSWORD, postgres
from warehouse.lake import Lake
from warehouse.tables import all_tables
from warehouse.versions import publish

POOL = 400
"""Prompts that all writers draw from: most of what they append is there already."""
ROUNDS = 10
"""Commits or reads before a process opens the warehouse again, as one command after another does."""

KILL_EVERY_S = 10.0
MODULE = "tests.bench.concurrency"
DATASETS = ("left", "right")

UNFIT = {
    "members without their pair": """
        select count(*) from (select distinct pair_id from dataset_rows) anti join pairs using (pair_id)""",
    "pairs without their texts": """
        select count(*) from pairs
        where prompt_id not in (select prompt_id from prompts)
            or chosen_id not in (select response_id from responses)
            or rejected_id not in (select response_id from responses)""",
    "versions whose members are not n_pairs": """
        with latest as (
            select d.dataset, d.version, d.n_pairs, r.op
            from datasets as d join dataset_rows as r on r.dataset = d.dataset and r.version <= d.version
            qualify row_number() over (partition by d.dataset, d.version, r.pair_id order by r.version desc) = 1
        )
        select count(*) from (
            select n_pairs from latest group by dataset, version, n_pairs
            having count(*) filter (op = 'add') <> n_pairs)""",
    "versions out of their row": """
        select count(*) from (
            select version, row_number() over (partition by dataset order by snapshot) as place from datasets)
        where version <> place""",
}


@dataclass
class Outcome:
    """What a trial came to."""

    seconds: float
    lost: int = 0
    repeated: int = 0
    unfit: int = 0
    errors: list[str] = field(default_factory=list)
    commit_s: list[float] = field(default_factory=list)
    checks: int = 0
    kills: int = 0
    versions: int = 0
    rows: int = 0

    def bars(self) -> Bars:
        bars = Bars()
        bars.add("lost rows", self.lost, 0)
        bars.add("repeated keys", self.repeated, 0)
        bars.add("errors that reach a user", len(self.errors), 0)
        bars.add("reads that do not fit together", self.unfit, 0)
        bars.add("reads", self.checks, self.seconds / 10, most=False)
        bars.add("commits", len(self.commit_s), self.seconds / 10, most=False)
        if len(self.commit_s) < 2:
            return bars
        bars.add("99th percentile of a commit", quantiles(self.commit_s, n=100)[98], 60, unit=" s")
        return bars


def pair_of(number: int) -> tuple[Prompt, list, Pair]:
    prompt = Prompt.of(user(f"Say {number}."), source="hand")
    good, bad = two_responses(prompt)
    pair = Pair(
        pair_id=pair_id_of(prompt.prompt_id, good.response_id, prompt.prompt_id, bad.response_id),
        prompt_id=prompt.prompt_id,
        chosen_id=good.response_id,
        rejected_prompt_id=prompt.prompt_id,
        rejected_id=bad.response_id,
    )
    return prompt, [good, bad], pair


def write(lake: Lake) -> Iterator[dict]:
    """Append and publish what other writers also append and publish; tell what was committed."""
    while True:
        chosen = [pair_of(number) for number in random.sample(range(POOL), 12)]
        prompts = [prompt for prompt, _, _ in chosen]
        responses = [response for _, both, _ in chosen for response in both]
        pairs = [pair for _, _, pair in chosen]
        start = time.monotonic()
        lake.append((PROMPTS, PROMPTS.rows(prompts)), (RESPONSES, RESPONSES.rows(responses)))
        yield {"s": time.monotonic() - start, "prompts": [prompt.prompt_id for prompt in prompts]}
        start = time.monotonic()
        version = publish(lake, draft(pairs, dataset=random.choice(DATASETS))).version
        yield {
            "s": time.monotonic() - start,
            "label": version.label,
            "fingerprint": version.fingerprint,
            "pairs": [pair.pair_id for pair in pairs],
        }


def read(lake: Lake) -> Iterator[dict]:
    """Ask several questions inside one transaction; tell which answers do not fit together."""
    seen = 0
    while True:
        lake.con.execute("begin")
        unfit = [name for name, sql in UNFIT.items() if _count(lake, sql)]
        before = lake.snapshot()
        n_pairs = _count(lake, "select count(*) from pairs")
        time.sleep(0.2)
        if _count(lake, "select count(*) from pairs") != n_pairs or lake.snapshot() != before:
            unfit.append("another answer to the same question")
        if n_pairs < seen:
            unfit.append("fewer rows than before")
        seen = n_pairs
        lake.con.execute("commit")
        yield {"unfit": unfit}


def _count(lake: Lake, sql: str) -> int:
    return lake.con.execute(sql).fetchone()[0]


def work(role: str, folder: Path, seconds: float) -> None:
    """One process: a line a commit or a read on standard output, and one for an error."""
    random.seed()
    until = time.time() + seconds  # counted from here: on a busy machine it took a while to get here
    try:
        while True:
            with Lake.open(folder, read_only=role == "read") as lake:
                for told in islice((write if role == "write" else read)(lake), ROUNDS):
                    _tell(told)
                    if time.time() > until:
                        return
    except Exception as error:  # noqa: BLE001 - whatever it is, a user would have seen it
        _tell({"error": f"{role}: {type(error).__name__}: {error}\n{traceback.format_exc()}"})


def _tell(told: dict) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def trial(folder: Path, seconds: float, *, writers: int = 8, readers: int = 4) -> Outcome:
    """Let processes loose on the warehouse in `folder`, and count what is wrong afterwards."""
    until = time.time() + seconds
    outcome = Outcome(seconds)
    with tempfile.TemporaryDirectory() as logs:

        def start(role: str) -> subprocess.Popen:
            with tempfile.NamedTemporaryFile(dir=logs, delete=False) as log:
                return subprocess.Popen(
                    [sys.executable, "-m", MODULE, role, folder, str(until - time.time())], stdout=log
                )

        readers_ = [start("read") for _ in range(readers)]
        writers_ = [start("write") for _ in range(writers)]
        _kill_some(writers_, start, until, outcome)
        for process in (*readers_, *writers_):
            process.wait()
            if process.returncode:
                outcome.errors.append(f"a process ended with {process.returncode}")
        told = [json.loads(line) for log in Path(logs).iterdir() for line in _whole_lines(log)]
    _count_up(folder, told, outcome)
    return outcome


def _kill_some(
    writers: list[subprocess.Popen], start: Callable[[str], subprocess.Popen], until: float, outcome: Outcome
) -> None:
    while (left := until - time.time()) > KILL_EVERY_S / 2:
        time.sleep(min(left, random.uniform(0.5, 1) * KILL_EVERY_S))
        victim = random.randrange(len(writers))
        if writers[victim].poll() is None and time.time() < until:
            os.kill(writers[victim].pid, signal.SIGKILL)
            writers[victim].wait()
            writers[victim] = start("write")
            outcome.kills += 1


def _whole_lines(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _count_up(folder: Path, told: list[dict], outcome: Outcome) -> None:
    outcome.errors += [line["error"] for line in told if "error" in line]
    outcome.commit_s = [line["s"] for line in told if "s" in line]
    outcome.checks = sum("unfit" in line for line in told)
    outcome.unfit = sum(bool(line.get("unfit")) for line in told)
    with Lake.open(folder, read_only=True) as lake:
        outcome.unfit += sum(_count(lake, sql) for sql in UNFIT.values())
        for table in all_tables():
            repeated = f"select 1 from {table.name} group by {', '.join(table.key)} having count(*) > 1"
            outcome.repeated += _count(lake, f"select count(*) from ({repeated})")
        outcome.rows = sum(lake.read(table).num_rows for table in all_tables())
        prompts = set(lake.read(PROMPTS).column("prompt_id").to_pylist())
        pairs = set(lake.read(PAIRS).column("pair_id").to_pylist())
        marks = lake.con.execute("select dataset || '@' || version, fingerprint from datasets").fetchall()
    outcome.versions = len(marks)
    for line in told:
        outcome.lost += len(set(line.get("prompts", [])) - prompts) + len(set(line.get("pairs", [])) - pairs)
        outcome.lost += "label" in line and (line["label"], line["fingerprint"]) not in marks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--postgres", action="store_true", help="the catalogue is a Postgres server of our own")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        warehouse, catalog = Path(folder) / "warehouse", None
        if wanted.postgres:
            os.environ["PGPASSWORD"] = PASSWORD
            catalog = servers.enter_context(postgres()).new_database()
        Lake.create(warehouse, catalog=catalog).close()
        outcome = trial(warehouse, wanted.minutes * 60, writers=wanted.writers, readers=wanted.readers)
    for error in outcome.errors:
        say(error)
    say(
        f"{len(outcome.commit_s)} commits told, {outcome.versions} versions, {outcome.rows} rows, "
        f"{outcome.checks} reads, {outcome.kills} writers killed; "
        f"half of the commits took less than {median(outcome.commit_s or [0]):.2f} s."
    )
    outcome.bars().end()


if __name__ == "__main__":
    if sys.argv[1:2] in (["read"], ["write"]):
        work(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
    else:
        main()
