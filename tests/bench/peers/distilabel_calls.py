"""N chat calls through a distilabel pipeline, C in flight. Runs in an environment that holds PACKAGES."""

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

PACKAGES = ("distilabel[openai]==1.5.3", "openai==1.109.1", "datasets==3.6.0", "setuptools==80.9.0")


def measure(base_url: str, calls: int, concurrency: int, cache: Path) -> float:
    """Seconds from building the pipeline to holding every generation."""
    import openai  # noqa: F401 - slow to load
    from distilabel.models.llms import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    started = time.perf_counter()
    with Pipeline("calls", cache_dir=cache) as pipeline:
        questions = LoadDataFromDicts(
            data=[{"instruction": f"Question {number}"} for number in range(calls)], batch_size=concurrency
        )
        llm = OpenAILLM(model="stub", base_url=base_url, api_key="x")
        questions >> TextGeneration(llm=llm, input_batch_size=concurrency, use_cache=False)
    rows = pipeline.run(use_cache=False)["default"]["train"]
    seconds = time.perf_counter() - started
    assert sum(map(bool, rows["generation"])) == calls
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=64)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        os.environ |= {
            "DISTILABEL_LOG_LEVEL": "WARNING",
            "HF_DATASETS_CACHE": folder,
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        seconds = measure(settings.base_url, settings.calls, settings.concurrency, Path(folder))
    sys.stdout.write(json.dumps({"peer": "distilabel", "calls": settings.calls, "seconds": seconds}) + "\n")
