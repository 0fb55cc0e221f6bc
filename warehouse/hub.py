"""Datasets on the Hugging Face hub: upload a folder to a dataset repository, or download one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import ConfigError, UpstreamError

HUB = "hf://datasets/"
"""How a place on the hub is written: `hf://datasets/OWNER/NAME`, and `@REVISION` after it."""

REPOSITORY = re.compile(r"(?P<name>([\w.-]+/)?[\w.-]+)(@(?P<revision>[^@\s]+))?")

ALWAYS = ("dataset_dict.json", "state.json", "*/state.json")
"""What says which files of a saved `datasets` folder hold its rows."""


def upload(folder: Path, name: str, *, message: str, endpoint: str | None = None) -> str:
    """Upload `folder` to the dataset repository `name`, made private if it is new; return its address.

    The hub is HF_ENDPOINT's, the token HF_TOKEN. What an older upload left in `data` goes with the same commit.
    """
    name, revision = _repository(name)
    if revision is not None:
        raise ConfigError(f"{HUB}{name}@{revision}: an upload makes a new revision; leave out @{revision}.")
    if not (token := os.environ.get("HF_TOKEN")):
        raise ConfigError(f"{HUB}{name} needs a token to be written; set HF_TOKEN to one.")
    from huggingface_hub import HfApi

    hub = HfApi(endpoint=endpoint, token=token)
    with _troubles_told(name, "uploaded"):
        address = hub.create_repo(name, repo_type="dataset", private=True, exist_ok=True)
        hub.upload_folder(
            folder_path=folder, repo_id=name, repo_type="dataset", commit_message=message, delete_patterns=["data/*"]
        )
    return str(address)


def fetched(places: Sequence[str], suffixes: Sequence[str]) -> list[Path]:
    """Paths as they are, and what is on the hub as the folder that it was downloaded to."""
    return [download(place, suffixes) if place.startswith(HUB) else Path(place) for place in places]


def download(place: str, suffixes: Sequence[str], *, endpoint: str | None = None) -> Path:
    """The folder of a dataset repository with its files of these endings, in the hub's cache (HF_HOME)."""
    name, revision = _repository(place.removeprefix(HUB))
    from huggingface_hub import snapshot_download

    with _troubles_told(name, "downloaded"):
        folder = snapshot_download(
            name,
            repo_type="dataset",
            revision=revision,
            allow_patterns=[*ALWAYS, *(f"*{suffix}{packed}" for suffix in suffixes for packed in ("", ".gz"))],
            token=os.environ.get("HF_TOKEN") or False,
            endpoint=endpoint,
        )
    return Path(str(folder))


def _repository(text: str) -> tuple[str, str | None]:
    """(name, revision) of a place without its `hf://datasets/`."""
    found = REPOSITORY.fullmatch(text)
    if found is None:
        raise ConfigError(f"{HUB}{text} names no dataset repository; write {HUB}OWNER/NAME.")
    return found["name"], found["revision"]


@contextmanager
def _troubles_told(name: str, done: str) -> Iterator[None]:
    """Troubles with the hub as one sentence."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        yield
    except HFValidationError as error:
        raise ConfigError(f"{HUB}{name} names no dataset repository; write {HUB}OWNER/NAME.") from error
    except GatedRepoError as error:
        raise UpstreamError(
            f"{HUB}{name} is gated; accept its terms on the hub, and set HF_TOKEN to your token."
        ) from error
    except RepositoryNotFoundError as error:
        raise UpstreamError(
            f"{HUB}{name} is not on the hub, or HF_TOKEN may not see it; check the name and the token."
        ) from error
    except RevisionNotFoundError as error:
        raise UpstreamError(f"{HUB}{name} has no such revision; name a branch, a tag or a commit of it.") from error
    except (HTTPError, OSError) as error:
        first = str(error).strip().splitlines()[0]
        raise UpstreamError(
            f"{HUB}{name} was not {done} ({first}); check the network and the token HF_TOKEN."
        ) from error
