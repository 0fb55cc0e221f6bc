"""vLLM in this process, on a GPU or on the CPU build."""

from __future__ import annotations

import gc
import json
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from curation.engines import Complete, Engine
from schemas.calls import Reply, Request
from schemas.errors import ModelError, UpstreamError
from schemas.revision import model_revision

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput, SamplingParams


QUIET = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
"""The engine's own messages would tear our progress bars, and nothing is reported to anybody."""


class VLLM(Engine):
    """In-process vLLM: whole shards at a time, JSON schemas enforced while decoding."""

    name = "vllm"

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of the weights. float32 makes replies independent of the batch they were computed in."""
    max_model_len: int | None = None
    """Longest prompt plus reply, in tokens; the model's own limit when absent."""
    max_num_seqs: int = 256
    """Requests decoded at once."""
    cpu_kv_cache_gib: int = 1
    """Memory for keys and values on the CPU build."""
    enforce_eager: bool = False
    """Skip graph compilation: right for tiny models and for the CPU."""

    def revision(self, model: str) -> str:
        if Path(model).is_dir():
            return model_revision(Path(model))
        return _hub_revision(model)

    @contextmanager
    def start(self, model: str) -> Iterator[Complete]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # vLLM's use of torch is not our user's business
            llm = self._load(model)
        try:
            yield partial(_complete, llm)
        finally:
            llm.llm_engine.engine_core.shutdown()
            gc.collect()

    def _load(self, model: str) -> LLM:
        self.revision(model)
        # One process: start-up takes 4 s instead of 33 s, and nothing outlives a kill.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(self.cpu_kv_cache_gib))
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        try:
            from vllm import LLM
        except ImportError as error:
            raise UpstreamError("vLLM is not installed; see `prefinery doctor` for the command.") from error
        try:
            return LLM(
                model=model,
                dtype=self.dtype,
                max_model_len=self.max_model_len,
                max_num_seqs=self.max_num_seqs,
                enforce_eager=self.enforce_eager,
                disable_log_stats=True,
                use_tqdm_on_load=False,
            )
        except (ValueError, OSError) as error:
            raise ModelError(f"vLLM cannot load {model}: {str(error).splitlines()[0]}") from error


def _hub_revision(model: str) -> str:
    """Commit of a cached hub model; its name where the cache does not say."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model, "config.json")
    return Path(found).parent.name if isinstance(found, str) else model


def _complete(llm: LLM, requests: Sequence[Request]) -> list[Reply]:
    """Replies in request order. A prompt that leaves no room for a reply is a reply too: `too_long`."""
    start = time.perf_counter()
    # Cached prefixes of earlier shards would change how this shard is computed, and with it the last bits.
    llm.reset_prefix_cache()
    room = llm.llm_engine.model_config.max_model_len
    prompts = [_prompt_ids(llm, request) for request in requests]
    fits = [i for i, ids in enumerate(prompts) if len(ids) < room]
    outputs = llm.generate(
        [{"prompt_token_ids": prompts[i]} for i in fits],
        [_sampling(requests[i]) for i in fits],
        use_tqdm=False,
    )
    latency_ms = (time.perf_counter() - start) * 1000 / max(len(requests), 1)
    done = dict(zip(fits, outputs, strict=True))
    return [
        _reply(done[i], latency_ms)
        if i in done
        else Reply(text="", finish_reason="too_long", prompt_tokens=len(prompts[i]), completion_tokens=0)
        for i in range(len(requests))
    ]


def _prompt_ids(llm: LLM, request: Request) -> list[int]:
    tokenizer: Any = llm.get_tokenizer()
    encoded = tokenizer.apply_chat_template(
        list(request.messages), add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return list(encoded)


def _sampling(request: Request) -> SamplingParams:
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    schema = request.json_schema
    return SamplingParams(
        temperature=request.sampling.temperature,
        top_p=request.sampling.top_p,
        max_tokens=request.sampling.max_tokens,
        stop=list(request.sampling.stop) or None,
        seed=request.seed,
        structured_outputs=StructuredOutputsParams(json=json.loads(schema)) if schema else None,
    )


def _reply(output: RequestOutput, latency_ms: float) -> Reply:
    answer = output.outputs[0]
    return Reply(
        text=answer.text.strip(),
        finish_reason=answer.finish_reason or "stop",
        prompt_tokens=len(output.prompt_token_ids or ()),
        completion_tokens=len(answer.token_ids),
        latency_ms=latency_ms,
    )
