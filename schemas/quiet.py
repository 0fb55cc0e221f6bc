"""Silence for loaders: their own reports and bars would tear ours."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

VLLM = {
    # One process: start-up takes 4 s instead of 33 s, weights can be handed over, and nothing outlives a kill.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
}
"""How vLLM runs inside of our processes. Nothing is reported to anybody."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what transformers and its hub client report while they load or save off the terminal."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def quiet_vllm(cpu_kv_cache_gib: int) -> Iterator[None]:
    """Import and load vLLM in this process, with so much memory for keys and values where it is the CPU build."""
    for name, value in {**VLLM, "VLLM_CPU_KVCACHE_SPACE": str(cpu_kv_cache_gib)}.items():
        os.environ.setdefault(name, value)
    logging.getLogger("vllm").setLevel(logging.ERROR)  # it warns while it is imported, before it reads its settings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # its use of torch is not our user's business
        yield
