"""vLLM in this process, on a GPU or on the CPU build."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from curation.engines import Answer, Engine
from curation.logprobs import spelled
from schemas.calls import Outage, Reply, Request
from schemas.errors import ModelError, UpstreamError
from schemas.quiet import quiet_vllm

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput, SamplingParams
    from vllm.lora.request import LoRARequest
    from vllm.sampling_params import StructuredOutputsParams


class VLLM(Engine):
    """In-process vLLM: whole shards at a time, structures enforced while decoding."""

    name = "vllm"

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of the weights. float32 makes replies independent of the batch they were computed in."""
    max_model_len: int | None = None
    """Longest prompt plus reply, in tokens; the model's own limit when absent."""
    max_num_seqs: int = 256
    """Requests decoded at once."""
    shard_requests: int = Field(default=2048, ge=1)
    """Requests per call of the engine: a kill loses at most this many."""
    tensor_parallel_size: int | None = Field(default=None, ge=1)
    """GPUs that share the model; when absent, as many as there are and its attention heads can be divided by."""
    max_lora_rank: int = 64
    """Largest rank of an adapter."""
    cpu_kv_cache_gib: int = 1
    """Memory for keys and values on the CPU build."""
    enforce_eager: bool = False
    """Skip graph compilation: right for tiny models and for the CPU."""

    def identity(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "max_model_len": self.max_model_len}

    @contextmanager
    def start(self, model: str, adapter: str | None = None) -> Iterator[Answer]:
        with quiet_vllm(self.cpu_kv_cache_gib):
            llm = self._load(model, adapter)
        try:
            yield partial(_answer, llm, _lora(adapter), self.shard_requests)
        finally:
            llm.llm_engine.engine_core.shutdown()
            gc.collect()

    def _load(self, model: str, adapter: str | None) -> LLM:
        self.revision(model)
        try:
            from vllm import LLM
        except ImportError as error:
            raise UpstreamError("vLLM is not installed; see `prefinery doctor` for the command.") from error
        adapters: dict[str, Any] = {"enable_lora": True, "max_lora_rank": self.max_lora_rank} if adapter else {}
        try:
            return LLM(
                model=model,
                dtype=self.dtype,
                max_model_len=self.max_model_len,
                max_num_seqs=self.max_num_seqs,
                tensor_parallel_size=self.tensor_parallel_size or _gpus_for(model),
                enable_prefix_caching=True,
                enforce_eager=self.enforce_eager,
                disable_log_stats=True,
                use_tqdm_on_load=False,
                **adapters,
            )
        except (ValueError, OSError) as error:
            raise ModelError(f"vLLM cannot load {model}: {str(error).splitlines()[0]}") from error


def _gpus_for(model: str) -> int:
    """The largest number of this machine's GPUs that divides the model's attention heads; 1 without a GPU."""
    import torch
    from transformers import AutoConfig

    gpus = torch.cuda.device_count()
    if gpus < 2:
        return 1
    heads = AutoConfig.from_pretrained(model).num_attention_heads
    return max(n for n in range(1, gpus + 1) if heads % n == 0)


def _lora(adapter: str | None) -> LoRARequest | None:
    if adapter is None:
        return None
    from vllm.lora.request import LoRARequest

    return LoRARequest("adapter", 1, adapter)


def _answer(
    llm: LLM, lora: LoRARequest | None, shard_requests: int, requests: Iterable[Request]
) -> Iterator[tuple[Request, Reply | Outage]]:
    """Shard by shard, so that the place of the cuts, and with it every reply, depends on the requests alone."""
    stream = iter(requests)
    while shard := list(islice(stream, shard_requests)):
        # Cached prefixes of earlier shards would change how this shard is computed, and with it the last bits.
        llm.reset_prefix_cache()
        yield from zip(shard, _replies(llm, lora, shard), strict=True)


def _replies(llm: LLM, lora: LoRARequest | None, shard: Sequence[Request]) -> list[Reply]:
    """Replies in request order. A prompt that leaves no room for a reply is a reply too: `too_long`."""
    start = time.perf_counter()
    room = llm.llm_engine.model_config.max_model_len
    prompts = _prompt_ids(llm, shard)
    fits = [i for i, ids in enumerate(prompts) if len(ids) < room]
    found = dict(zip(fits, _generate(llm, lora, [(prompts[i], shard[i]) for i in fits]), strict=True))
    latency_ms = (time.perf_counter() - start) * 1000 / len(shard)
    return [
        _reply(found[i], latency_ms, len(ids)) if i in found else Reply.unanswered("too_long", len(ids))
        for i, ids in enumerate(prompts)
    ]


def _generate(
    llm: LLM, lora: LoRARequest | None, asked: Sequence[tuple[list[int], Request]]
) -> list[RequestOutput | str]:
    """Outputs, or what vLLM says against a request. One that it rejects is found by halving: the others go on."""
    from vllm.exceptions import VLLMValidationError

    try:
        return list(
            llm.generate(
                [{"prompt_token_ids": ids} for ids, _ in asked],
                [_sampling(request) for _, request in asked],
                use_tqdm=False,
                lora_request=lora,
            )
        )
    except (ValueError, VLLMValidationError) as error:
        if len(asked) == 1:
            return [str(error).splitlines()[0]]
        half = len(asked) // 2
        return _generate(llm, lora, asked[:half]) + _generate(llm, lora, asked[half:])


def _prompt_ids(llm: LLM, shard: Sequence[Request]) -> list[list[int]]:
    """Tokens of every prompt under the model's chat template; all at once, which takes a fifth of the time."""
    tokenizer: Any = llm.get_tokenizer()
    chats = [list(request.messages) for request in shard]
    return tokenizer.apply_chat_template(chats, add_generation_prompt=True, tokenize=True, return_dict=False)


def _sampling(request: Request) -> SamplingParams:
    from vllm import SamplingParams

    wanted = request.sampling
    return SamplingParams(
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        top_k=wanted.top_k,
        min_p=wanted.min_p,
        max_tokens=wanted.max_tokens,
        stop=list(wanted.stop) or None,
        presence_penalty=wanted.presence_penalty,
        frequency_penalty=wanted.frequency_penalty,
        repetition_penalty=wanted.repetition_penalty,
        seed=request.seed,
        logprobs=request.top_logprobs or None,
        structured_outputs=_structured(request),
    )


def _structured(request: Request) -> StructuredOutputsParams | None:
    from vllm.sampling_params import StructuredOutputsParams

    structure = request.structure
    if structure is None:
        return None
    match structure.kind:
        case "json":
            return StructuredOutputsParams(json=json.loads(structure.text))
        case "regex":
            return StructuredOutputsParams(regex=structure.text)
        case "choice":
            return StructuredOutputsParams(choice=json.loads(structure.text))


def _reply(output: RequestOutput | str, latency_ms: float, prompt_tokens: int) -> Reply:
    if isinstance(output, str):
        return Reply.unanswered("rejected", prompt_tokens, output)
    answer = output.outputs[0]
    return Reply(
        text=answer.text.strip(),
        finish_reason=answer.finish_reason or "stop",
        prompt_tokens=prompt_tokens,
        completion_tokens=len(answer.token_ids),
        latency_ms=latency_ms,
        logprobs=_logprobs(answer.logprobs),
    )


def _logprobs(positions: Any) -> str | None:
    """For each token of the reply, its alternatives and their log-probabilities."""
    if not positions:
        return None
    return json.dumps([spelled((one.decoded_token, one.logprob) for one in found.values()) for found in positions])
