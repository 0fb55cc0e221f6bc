"""vLLM in this process, beside the policy that learns. After every step it is given the new weights."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from pydantic import Field

from schemas.errors import ModelError, UpstreamError
from schemas.quiet import quiet_vllm
from training.checkpoint import Loaded
from training.rollout.samplers import Engine, Sampled, Sampler, Sampling


class VLLM(Sampler):
    """Sleeps while the policy learns, where the device lets it: then its memory is the trainer's."""

    name = "vllm"

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of the weights that sample; those that learn are float32."""
    max_model_len: int | None = Field(default=None, ge=2)
    """Longest prompt plus response, in tokens; the model's own limit when absent."""
    memory: float = Field(default=0.3, gt=0, lt=1)
    """Share of the GPU's memory."""
    cpu_kv_cache_gib: int = Field(default=1, ge=1)
    """Memory for keys and values on the CPU build."""
    enforce_eager: bool = False
    """Skip graph compilation: right for tiny models and for the CPU."""

    @contextmanager
    def start(self, policy: Loaded, folder: str) -> Iterator[Engine]:
        """An engine on the weights in `folder`, and then on those of `policy`."""
        threads = torch.get_num_threads()
        sleeps = torch.cuda.is_available()
        try:
            with quiet_vllm(self.cpu_kv_cache_gib):
                from vllm import LLM

                llm = LLM(
                    model=folder,
                    dtype=self.dtype,
                    max_model_len=self.max_model_len,
                    gpu_memory_utilization=self.memory,
                    enforce_eager=self.enforce_eager,
                    enable_sleep_mode=sleeps,
                    enable_prefix_caching=True,
                    disable_log_stats=True,
                    use_tqdm_on_load=False,
                )
        except ImportError as error:
            raise UpstreamError("vLLM is not installed; set rollout.sampler=transformers.") from error
        except (ValueError, OSError) as error:
            raise ModelError(f"vLLM cannot load {folder}: {str(error).splitlines()[0]}") from error
        torch.set_num_threads(threads)
        if sleeps:
            llm.sleep(level=2)
        try:
            yield Engine(partial(_sample, llm), partial(_awake, llm, sleeps, policy))
        finally:
            llm.llm_engine.engine_core.shutdown()
            gc.collect()


@contextmanager
def _awake(llm: Any, sleeps: bool, policy: Loaded) -> Iterator[None]:
    """Hand the policy's weights over, and forget what was computed with the old ones."""
    if sleeps:
        llm.wake_up(tags=["weights"])
    runner = llm.llm_engine.model_executor.driver_worker.worker.model_runner
    # Not the model's own `load_weights`: on a CPU the engine has packed the weights it loaded.
    runner.reload_weights(weights_iterator=iter(policy.model.state_dict().items()))
    if sleeps:
        llm.wake_up(tags=["kv_cache"])
    llm.reset_prefix_cache()
    yield
    if sleeps:
        llm.sleep(level=2)


def _sample(llm: Any, prompts: Sequence[list[int]], seeds: Sequence[int], sampling: Sampling) -> list[Sampled]:
    """Responses, the engine deciding what is decoded together."""
    from vllm import SamplingParams

    asked = [
        SamplingParams(temperature=sampling.temperature, max_tokens=sampling.max_tokens, seed=seed, detokenize=False)
        for seed in seeds
    ]
    outputs = llm.generate([{"prompt_token_ids": ids} for ids in prompts], asked, use_tqdm=False)
    answers = [output.outputs[0] for output in outputs]
    return [Sampled([*answer.token_ids], answer.finish_reason == "stop") for answer in answers]
