"""Model folders: load a policy or a reward model, save one whole or not at all.

Weights are safetensors only, and no code from a model folder is ever run.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from accelerate import PartialState
from huggingface_hub import snapshot_download
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.tensor import DTensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from schemas.errors import ModelError
from schemas.folder import whole_folder
from schemas.quiet import quiet
from schemas.revision import model_revision
from training.prepare import pad_of

RECORD = "training.json"
GATE = "gate.safetensors"

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
"""`owner/name`: a model on the Hugging Face hub."""

CONTENT = ("config.json", "*.safetensors", "tokenizer*", "*.jinja", "special_tokens_map.json", "vocab*", "merges.txt")
"""Files that decide what a model computes."""

UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError)
"""What transformers raises on a folder whose config, weights or tokenizer are broken."""

Head = Literal["normal", "zero"]

REWARD_OUTPUT = "reward"
"""The output that is the reward, where a head has several."""


class Loaded(NamedTuple):
    """A model with its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """What made a checkpoint: `training.json` beside its weights. The same run gives the same record."""

    kind: Literal["policy", "reward"]
    data: str
    """NAME@V"""
    fingerprint: str
    objective: Mapping[str, Any]
    settings: Mapping[str, Any]
    base: str
    base_revision: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    recipe: str = ""
    """JSON of the recipe that made the data; empty where the export does not say"""


def load_policy(path: Path | str) -> Loaded:
    """A causal language model in float32; says what made it. Raises ModelError when `path` holds none."""
    folder = resolve(path)
    _say_what_made(folder)
    model, tokenizer = _read(folder, AutoModelForCausalLM)
    if not _head_is_last(model):
        raise ModelError(f"{path}: its logits are more than output embedding times hidden state; use another model.")
    return Loaded(model, tokenizer)


def load_reward(
    path: Path | str, *, seed: int = 0, head: Head = "normal", outputs: Sequence[str] | None = None
) -> Loaded:
    """A reward model in float32: a stored one, or the trunk of a language model under a fresh head. Says what made it.

    A fresh head is N(0, 1/(hidden+1)) as in OpenRLHF, or zero, where every pair starts as an exact tie. `outputs` names
    its columns, and those that a stored head must have; without it a fresh head has one, and a stored one any.
    """
    folder = resolve(path)
    _say_what_made(folder)
    stored = is_classifier(folder)
    auto, fresh = AutoModelForSequenceClassification, labels(outputs or (REWARD_OUTPUT,))
    model, tokenizer = _read(folder, auto) if stored else _read(folder, auto, "score.weight", **fresh)
    score = getattr(model, "score", None)
    found = output_names(model)
    if not isinstance(score, nn.Linear) or score.bias is not None or not (outputs or REWARD_OUTPUT in found):
        raise ModelError(f"{path} is no reward model: it needs one `score` output without bias, or one named `reward`.")
    if outputs and found != tuple(outputs):
        raise ModelError(f"{path} has the outputs {', '.join(found)}; this needs {', '.join(outputs)}.")
    if not stored:
        _reset(score, seed, head)
    return Loaded(model, tokenizer)


def output_names(model: PreTrainedModel) -> tuple[str, ...]:
    """Names of a classifier's outputs. What is alone is the reward, whatever it is called."""
    return _names(model.config)


def stored_outputs(path: Path | str) -> tuple[str, ...]:
    """Names of the outputs of a stored classifier, whether or not one is the reward."""
    return _names(_config(resolve(path)))


def labels(outputs: Sequence[str]) -> dict[str, Any]:
    """The part of a config that names the outputs of a head."""
    return {"id2label": dict(enumerate(outputs)), "label2id": {name: place for place, name in enumerate(outputs)}}


def _names(config: Any) -> tuple[str, ...]:
    names: dict[int, str] = config.id2label or {}
    return tuple(names[place] for place in sorted(names)) if len(names) > 1 else (REWARD_OUTPUT,)


def reward_column(model: PreTrainedModel) -> int:
    """The column of a reward model's head that is its reward."""
    return output_names(model).index(REWARD_OUTPUT)


def is_classifier(path: Path | str) -> bool:
    """Whether a model has a stored head, as reward models do, rather than a vocabulary."""
    return any(name.endswith("ForSequenceClassification") for name in _config(resolve(path)).architectures or [])


def context_of(path: Path | str) -> int | None:
    """Most tokens that a model was made to read, where its config says so."""
    return getattr(_config(resolve(path)), "max_position_embeddings", None)


def write_tensors(file: Path, tensors: Mapping[str, Tensor], about: dict[str, str] | None = None) -> None:
    """Store tensors and texts about them in `file`, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    # A file takes no tensor that shares memory with another one.
    save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, draft, about)
    draft.replace(file)


def save(
    folder: Path | str,
    loaded: Loaded,
    record: TrainingRecord | None = None,
    gate: Mapping[str, Tensor] | None = None,
    texts: Mapping[str, str] | None = None,
) -> Path:
    """Write the model to `folder`, whole or not at all; an older model there is replaced. All processes take part.

    `gate` are the tensors of what stands behind the head (`training.gated`), `texts` further files by their names.
    """
    folder = Path(folder).resolve()
    if folder.exists() and not (folder / "config.json").exists() and any(folder.iterdir()):
        raise ModelError(f"{folder} holds something else than a model; name another folder.")
    weights = _gathered(loaded.model)
    if not PartialState().is_main_process:
        return folder
    with whole_folder(folder) as draft:
        with quiet():
            loaded.model.save_pretrained(draft, state_dict=weights)
            loaded.tokenizer.save_pretrained(draft)
        if gate is not None:
            save_file({name: tensor.contiguous() for name, tensor in gate.items()}, draft / GATE)
        if record is not None:
            text = json.dumps(asdict(record), indent=2, sort_keys=True)
            (draft / RECORD).write_text(text + "\n", encoding="utf-8")
        for name, text in (texts or {}).items():
            (draft / name).write_text(text, encoding="utf-8")
    return folder


def _gathered(model: PreTrainedModel) -> dict[str, Any] | None:
    """The weights of a model that several processes share (FSDP); None where this one has them all."""
    if not any(isinstance(weight, DTensor) for weight in model.parameters()):
        return None
    return get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))


def read_record(folder: Path | str) -> TrainingRecord:
    """What made the checkpoint in `folder`."""
    path = Path(folder) / RECORD
    try:
        return TrainingRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path} is no training record: {error}") from error


def _say_what_made(folder: Path) -> None:
    """One line on standard error, where the model was trained here."""
    if (folder / RECORD).is_file() and PartialState().is_main_process:
        made = read_record(folder)
        accuracy = f", test accuracy {made.metrics['test_accuracy']:.3f}" if "test_accuracy" in made.metrics else ""
        by = f"{made.objective['name']} on {made.data} (fingerprint {made.fingerprint[:8]}){accuracy}"
        sys.stderr.write(f"{folder.name}: {by}\n")


def revision_of(path: Path | str) -> str:
    """Digest of a local or hub model: the same that the ledger keeps of the models it asks."""
    return model_revision(resolve(path))


def resolve(path: Path | str) -> Path:
    """The folder of a model: `path` itself, or a copy of the hub model `owner/name`."""
    folder = Path(path)
    if (folder / "config.json").is_file():
        return folder
    if folder.exists():
        model_revision(folder)  # says what is missing
    if not HUB_NAME.fullmatch(str(path)):
        raise ModelError(f"{path} does not exist; name a model folder, or a model on the hub as owner/name.")
    try:
        with quiet():
            return Path(snapshot_download(str(path), allow_patterns=[*CONTENT, "*.json", "*.model"]))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path} is no folder here, and the hub does not give it either; name a model folder."
        ) from error


def _config(folder: Path) -> Any:
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except UNREADABLE as error:
        raise ModelError(f"{folder}: its config.json cannot be read: {error}") from error


def _read(folder: Path, auto: Any, fresh: str = "", **changes: Any) -> Loaded:
    """Model and tokenizer of a local folder, its config changed. `fresh` is the only weight that may be absent."""
    flags = {"trust_remote_code": False, "local_files_only": True}
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, **flags)
            model, report = auto.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **flags, **changes
            )
    except UNREADABLE as error:
        raise ModelError(f"{folder} cannot be read as a model: {str(error).splitlines()[0]}") from error
    if missing := sorted({*report["missing_keys"], *report["mismatched_keys"]} - {fresh}):
        raise ModelError(f"{folder} cannot be read as a model: {missing[0]} is absent or of another shape.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = pad_of(tokenizer)
    return Loaded(model, tokenizer)


def _reset(score: nn.Linear, seed: int, head: Head) -> None:
    chance = torch.Generator().manual_seed(seed)
    fresh = torch.randn(score.weight.shape, generator=chance) / (score.in_features + 1)
    score.weight.data = fresh if head == "normal" else torch.zeros_like(fresh)


@torch.no_grad()
def _head_is_last(model: PreTrainedModel) -> bool:
    """Whether logits are head(hidden) with nothing after it (such as soft-capping), as scoring assumes."""
    ids = torch.tensor([[0, 1]])
    hidden = model.eval().base_model(input_ids=ids, use_cache=False).last_hidden_state
    head = model.get_output_embeddings()
    return head is not None and torch.allclose(head(hidden), model(input_ids=ids).logits, rtol=1e-4, atol=1e-4)
