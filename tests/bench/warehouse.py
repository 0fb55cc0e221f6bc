"""What the warehouse costs beside bare Parquet: import, publish, query, diff, lineage, reading, and how it grows.

Every figure that is compared is measured in this run, the sides taking turns; the median of the rounds counts.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation.importers import IMPORTERS
from curation.importing import import_paths
from curation.pairing import MEMBERS
from schemas.calls import CALLS
from schemas.datasets import fingerprint
from schemas.pairs import PAIRS
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES
from schemas.scores import SCORES
from schemas.votes import VOTES
from tests.bench.figures import Bars, say
from training.data import read_version
from warehouse.collect import compact
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.memory import thrifty
from warehouse.tables import all_tables
from warehouse.trace import diff, lineage
from warehouse.versions import Change, Draft, find_version, members, publish
from warehouse.views import create_views

WORDS = """river stone paper light green quick seven market window garden letter music bridge silver winter orange table
doctor ship cloud forest kettle copper mirror lantern harbour meadow thunder violin candle""".split()


def texts(count: int, words: int, seed: int) -> pa.Array:
    """Different texts of about so many words."""
    rng = np.random.default_rng(seed)
    vocabulary = np.array(WORDS, dtype=object)
    picks = rng.integers(0, len(WORDS), size=(count, words))
    return pa.array([" ".join(row) + f" {i}" for i, row in enumerate(vocabulary[picks])], pa.string())


def source(path: Path, count: int) -> Path:
    """A file of preference pairs: prompt, chosen and rejected as text."""
    if not path.exists():
        columns = {"prompt": texts(count, 12, 0), "chosen": texts(count, 40, 1), "rejected": texts(count, 40, 2)}
        pq.write_table(pa.table(columns), path, row_group_size=100_000)
    return path


def timed(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


@contextmanager
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp())
    try:
        yield made
    finally:
        shutil.rmtree(made)


def copy(file: Path, out: str) -> None:
    duckdb.sql("from read_parquet($file)", params={"file": str(file)}).write_parquet(out)


def copy_stored(lake: Lake, place: Path) -> None:
    for table in (PROMPTS, RESPONSES, VOTES):
        lake.con.table(table.name).write_parquet(str(place / f"{table.name}.parquet"))


def importing(bars: Bars, file: Path, count: int, rounds: int) -> None:
    """Prompts, responses and votes of a file, beside DuckDB's own copy of the file's rows, and of the stored rows."""
    costs: dict[str, list[float]] = {"copy of the file's rows": [], "copy of the stored rows": [], "import": []}
    for _ in range(rounds):
        with folder() as place:
            out = str(place / "copy.parquet")
            costs["copy of the file's rows"].append(timed(partial(copy, file, out)))
            with Lake.create(place / "warehouse") as lake:
                costs["import"].append(timed(partial(import_paths, lake, IMPORTERS.build("trl"), [file])))
                assert lake.con.execute("select count(*) from votes").fetchone() == (count,)
                costs["copy of the stored rows"].append(timed(partial(copy_stored, lake, place)))
    report(costs)
    for name in ("copy of the file's rows", "copy of the stored rows"):
        bars.add(f"import rate beside a {name}", median(costs[name]) / median(costs["import"]), 0.4, most=False)


def ids(count: int, salt: str, first: int = 0) -> pa.Array:
    numbers = range(first, first + count)
    return pa.array([blake2b(f"{salt}{i}".encode(), digest_size=16).hexdigest() for i in numbers], pa.string())


def drafted(count: int, batch: str = "") -> Draft:
    """A version of so many pairs; each batch has others."""
    prompt_ids, good, bad, pair_ids = (ids(count, batch + salt) for salt in "pgbx")
    pairs = whole(
        PAIRS, pair_id=pair_ids, prompt_id=prompt_ids, chosen_id=good, rejected_prompt_id=prompt_ids, rejected_id=bad
    )
    rng = np.random.default_rng(3)
    treated = {
        "pair_id": pair_ids, "split": same("train", count), "rule": same("majority", count),
        "label_source": same("human:bench", count), "margin": pa.array(rng.random(count)),
        "weight": pa.array(np.ones(count)), "soft_label": pa.array(np.ones(count)),
    }  # fmt: skip
    members = pa.table(treated).cast(MEMBERS)
    return Draft(dataset="bench", members=members, message="first", recipe="{}", funnels=(), rows=[(PAIRS, pairs)])


def growth(bars: Bars, sizes: Sequence[int], rounds: int) -> None:
    """How the cost of a first version and of reading it grows with its size; 1 is linear."""
    costs: dict[int, list[float]] = {count: [] for count in sizes}
    for _ in range(rounds):
        for count, took in costs.items():
            with folder() as place, Lake.create(place / "warehouse") as lake:
                draft = drafted(count)
                took.append(timed(lambda: (publish(lake, draft), members(lake, "bench", 1))))  # noqa: B023
    report({f"publish and read {count:,}": took for count, took in costs.items()})
    middle = [median(took) for took in costs.values()]
    slope = np.polyfit(np.log(sizes), np.log(middle), 1)[0]
    last = float(np.log(middle[-1] / middle[-2]) / np.log(sizes[-1] / sizes[-2]))
    say(f"slope from {sizes[0]:,} to {sizes[-1]:,}: {slope:.2f}; of the last step: {last:.2f}")
    bars.add("growth of the cost", last, 1.15)


def fill(lake: Lake, count: int, batch: str = "", seed: int = 0) -> None:
    """Prompts, responses and votes of `drafted` pairs, and what a judge said of the first tenth."""
    prompt_ids, good, bad = (ids(count, batch + salt) for salt in "pgb")
    prompt_texts = texts(count, 12, seed)
    roles = pa.array(["user"] * count)
    offsets = pa.array(np.arange(count + 1, dtype=np.int32))
    messages = pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays([roles, prompt_texts], ["role", "content"]))
    lake.insert_new(PROMPTS, whole(PROMPTS, prompt_id=prompt_ids, source=same("bench", count), messages=messages))
    for response_ids, model, place in ((good, "a", 1), (bad, "b", 2)):
        rows = whole(
            RESPONSES, response_id=response_ids, prompt_id=prompt_ids, model=same(model, count),
            text=texts(count, 40, seed + place), source=same("bench", count),
        )  # fmt: skip
        lake.insert_new(RESPONSES, rows)
        judged(lake, response_ids.slice(0, max(1, count // 10)), f"{batch}{model}", seed + place + 2)
    first = pa.compute.if_else(pa.compute.less(good, bad), good, bad)  # pyright: ignore[reportAttributeAccessIssue]
    second = pa.compute.if_else(pa.compute.less(good, bad), bad, good)  # pyright: ignore[reportAttributeAccessIssue]
    verdict = pa.compute.if_else(pa.compute.equal(first, good), "a", "b")  # pyright: ignore[reportAttributeAccessIssue]
    lake.insert_new(
        VOTES,
        whole(
            VOTES, vote_id=ids(count, batch + "v"), prompt_id=prompt_ids, response_a=first, response_b=second,
            shown_first=first, verdict=verdict, annotator=same("crowd", count), annotator_kind=same("human", count),
            source=same("bench", count),
        ),
    )  # fmt: skip


def judged(lake: Lake, response_ids: pa.Array, batch: str, seed: int) -> None:
    """A call and a score for each of these responses."""
    count = len(response_ids)
    call_ids, ones = ids(count, f"{batch}c"), pa.array(np.ones(count, dtype=np.int32))
    calls = whole(
        CALLS, call_id=call_ids, attempt=ones, status=same("ok", count), purpose=same("judge:bench", count),
        engine=same("vllm", count), model=same("judge", count), model_revision=same("1", count),
        request=texts(count, 60, seed), raw_text=texts(count, 20, seed + 1), finish_reason=same("stop", count),
        prompt_tokens=ones, completion_tokens=ones, tries=ones,
    )  # fmt: skip
    lake.insert_new(CALLS, calls)
    values = {name: pa.array(np.full(count, value)) for name, value in (("value", 3), ("scale_lo", 1), ("scale_hi", 5))}
    rows = whole(
        SCORES, call_id=call_ids, response_id=response_ids, judge=same("bench", count), judge_version=same("1", count),
        aspect=same("helpfulness", count), **{name: column.cast(pa.float64()) for name, column in values.items()},
    )  # fmt: skip
    lake.insert_new(SCORES, rows)


def same(text: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(text), count)


def whole(table: Any, **columns: pa.Array) -> pa.Table:
    """Rows of a table; the columns that are not given are empty."""
    count = len(next(iter(columns.values())))
    return pa.table(
        [columns.get(field.name, pa.nulls(count, field.type)) for field in table.columns], schema=table.columns
    )


def publishing(bars: Bars, place: Path, count: int, versions: int, rounds: int) -> Lake:
    """A first version, and successors in which one pair in a hundred is another; how much each takes, on disk too."""
    first = drafted(count)
    published: list[float] = []
    for _ in range(rounds - 1):
        with folder() as spare, Lake.create(spare) as other:
            published.append(published_first(other, first, count))
    lake = Lake.create(place / "warehouse")
    published.append(published_first(lake, first, count))

    def scan() -> None:
        treated = members(lake, "bench", 1)
        fingerprint(treated)
        digest = blake2b()
        for batch in lake.stream("version_pairs", treated=treated):
            for column in batch.columns:
                for buffer in column.buffers():
                    if buffer is not None:
                        digest.update(buffer)

    scanned = [timed(partial(thrifty, lake.con, scan)) for _ in range(rounds)]  # as an export reads
    report({f"publish {count:,}": published, "one scan and hash of its pairs": scanned})
    bars.add("publish beside a scan and a hash", median(published) / median(scanned), 1.5)

    one = size(place)
    step = max(1, count // 100)
    took: list[float] = []
    for number in range(versions):
        batch = f"batch {number} "
        fill(lake, step, batch, seed=10 * number + 10)
        fresh = drafted(step, batch)
        assert isinstance(fresh.members, pa.Table)
        change = Change(added=fresh.members, removed=ids(step, "x", number * step).to_pylist())
        took.append(timed(partial(publish, lake, replace(fresh, members=change))))
    grown = size(place) / one
    say(f"a successor of 1 %: {median(took):.2f} s; {versions + 1} versions: {grown:.2f} of the first's data")
    bars.add("successor beside the first version", median(took[:rounds]) / median(published), 0.15)
    bars.add(f"data of {versions + 1} versions beside one", grown, 2.2)
    return lake


def published_first(lake: Lake, draft: Draft, count: int) -> float:
    """What a first version takes. Its texts are there already, as a successor's are: publishing seals their files."""
    fill(lake, count)  # all at once, as no import has them: its memory is the bench's own
    forget_peak()
    return timed(partial(publish, lake, draft))


def size(place: Path) -> int:
    """Bytes of the data files and of the catalogue."""
    files = [*(place / "warehouse" / "data").rglob("*.parquet"), *(place / "warehouse").glob("catalog.*")]
    return sum(path.stat().st_size for path in files)


QUERIES = {
    "win_rates": "from win_rates",
    "position_bias": "from position_bias",
    "members": "select split, count(*), avg(margin) from members where dataset = 'bench' and version = 1 group by all",
}
"""A question to each of three views."""


def querying(bars: Bars, lake: Lake, rounds: int) -> None:
    """The same questions to the same views, over the lake's tables and over the bare files under them."""
    create_views(lake.con)
    for text in QUERIES.values():
        lake.con.execute(text).fetchall()
    peak("queries")  # of ours: the files are asked in this process too
    with duckdb.connect() as plain:
        plain.execute("set parquet_metadata_cache = true")  # as the lake has it
        for table in all_tables():
            files = [str(path) for path in (lake.folder / "data" / "main" / table.name).glob("*.parquet")]
            if files:
                plain.read_parquet(files).create_view(table.name)
            else:
                plain.from_arrow(table.columns.empty_table()).create(table.name)
        create_views(plain)
        for name, text in QUERIES.items():
            costs: dict[str, list[float]] = {"lake": [], "files": []}
            for _ in range(rounds):
                costs["lake"].append(timed(lambda: lake.con.execute(text).fetchall()))  # noqa: B023
                costs["files"].append(timed(lambda: plain.execute(text).fetchall()))  # noqa: B023
            report({f"{name}, {side}": found for side, found in costs.items()})
            bars.add(f"query {name} beside bare files", median(costs["lake"]) / median(costs["files"]), 1.2)


def tracing(bars: Bars, lake: Lake, pair_id: str, rounds: int) -> None:
    compared = [timed(lambda: diff(lake, "bench@1", "bench@2")) for _ in range(rounds)]
    bars.add("diff of two versions", median(compared), 2, unit=" s")
    scattered = median(timed(lambda: lineage(lake, pair_id)) for _ in range(rounds))
    merged = timed(lambda: compact(lake))
    say(f"lineage of a pair in the files of all commits: {scattered * 1000:.0f} ms; merged in {merged:.0f} s: the bars")
    with Lake.open(lake.folder, read_only=True) as new:
        for which, asked in (("where all was written", lake), ("as a command asks", new)):
            traced = [timed(partial(lineage, asked, pair_id)) for _ in range(rounds)]
            bars.add(f"lineage of a pair, {which}", median(traced) * 1000, 100, unit=" ms")
    for command in (["versions"], ["show", "bench@1"]):
        line = [sys.executable, "-m", "flows", *command, "--warehouse", str(lake.folder)]
        took = [
            timed(lambda: subprocess.run(line, check=True, stdout=subprocess.DEVNULL)) for _ in range(rounds)  # noqa: B023
        ]  # fmt: skip
        bars.add(f"prefinery {command[0]}", median(took), 0.7, unit=" s")


def reading(bars: Bars, lake: Lake, place: Path, rounds: int) -> None:
    """A version into the trainer, verified, beside a bare read of its file."""
    out = export(lake, find_version(lake, "bench@1"), place / "exported")
    costs: dict[str, list[float]] = {"bare": [], "verified": []}
    for _ in range(rounds):
        costs["bare"].append(timed(lambda: pq.read_table(out / "pairs.parquet")))
        costs["verified"].append(timed(lambda: read_version(out)))
    report(costs)
    bars.add("reading beside read_table", median(costs["bare"]) / median(costs["verified"]), 0.8, most=False)


def report(costs: dict[str, list[float]]) -> None:
    for name, found in costs.items():
        say(f"{name}: {median(found):.2f} s ({', '.join(f'{cost:.2f}' for cost in found)})")


PEAKS: list[float] = []
"""Most memory in GB at the end of each part that is ours."""


def peak(part: str) -> None:
    """Say and note the most memory since the last part, and begin anew."""
    status = Path("/proc/self/status").read_text()
    PEAKS.append(int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9)
    say(f"memory of {part}: {PEAKS[-1]:.2f} GB")
    forget_peak()


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--versions", type=int, default=99, help="Successors of the first version.")
    settings = parser.parse_args()
    bars = Bars()
    with folder() as place:
        with publishing(bars, place, settings.pairs, settings.versions, settings.rounds) as lake:
            peak("publishing, scanning and successors")
            querying(bars, lake, settings.rounds)
            forget_peak()
            tracing(bars, lake, ids(1, "x")[0].as_py(), settings.rounds)
            peak("diff, lineage and compaction")
            reading(bars, lake, place, settings.rounds)
            peak("export and reading")
        growth(bars, (10_000, 100_000, settings.pairs, 3 * settings.pairs), settings.rounds)
        peak("publishing up to three times as many")
        importing(bars, source(place / "pairs.parquet", settings.pairs), settings.pairs, settings.rounds)
        peak("import")
    bars.add("memory", max(PEAKS), 4, unit=" GB")
    bars.end()
