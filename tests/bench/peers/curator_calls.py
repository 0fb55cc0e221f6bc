"""N chat calls through curator, C in flight. Runs in an environment that holds PACKAGES."""

import argparse
import importlib.util
import json
import os
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

PACKAGES = ("bespokelabs-curator==0.1.31", "setuptools==80.9.0")
UNLIMITED = 1_000_000_000


def tokenizers() -> str:
    """The folder where litellm keeps the tokenizer that curator would otherwise download."""
    litellm = importlib.util.find_spec("litellm")
    return str(Path(litellm.origin).parent / "litellm_core_utils" / "tokenizers")


def measure(base_url: str, calls: int, concurrency: int, cache: Path) -> float:
    """Seconds from building the model to holding every generation."""
    from bespokelabs import curator
    from bespokelabs.curator.request_processor.online import openai_online_request_processor  # noqa: F401 - slow to load

    started = time.perf_counter()
    llm = curator.LLM(
        model_name="stub",
        backend="openai",
        backend_params={
            "base_url": base_url,
            "api_key": "x",
            "max_concurrent_requests": concurrency,
            "max_requests_per_minute": UNLIMITED,
            "max_tokens_per_minute": UNLIMITED,
        },
    )
    done = llm([f"Question {number}" for number in range(calls)], working_dir=str(cache))
    rows = done.dataset["response"]
    seconds = time.perf_counter() - started
    assert sum(map(bool, rows)) == calls
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=64)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        os.environ |= {
            "TELEMETRY_ENABLED": "false",
            "CURATOR_VIEWER": "false",
            "CURATOR_DISABLE_RICH_DISPLAY": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "TIKTOKEN_CACHE_DIR": tokenizers(),
            "HF_DATASETS_CACHE": folder,
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        seconds = measure(settings.base_url, settings.calls, settings.concurrency, Path(folder))
    sys.stdout.write(json.dumps({"peer": "curator", "calls": settings.calls, "seconds": seconds}) + "\n")
