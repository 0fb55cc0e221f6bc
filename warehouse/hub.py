"""Upload a folder to a dataset repository of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.errors import ConfigError, UpstreamError

HUB = "hf://datasets/"
"""How a place on the hub is written: `hf://datasets/OWNER/NAME`."""

NAME = re.compile(r"([\w.-]+/)?[\w.-]+")


def upload(folder: Path, name: str, *, message: str, endpoint: str | None = None) -> str:
    """Upload `folder` to the dataset repository `name`, made private if it is new; return its address.

    The hub and the token are those of `huggingface_hub`: HF_ENDPOINT, HF_TOKEN, or what `hf auth login` stored.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{HUB}{name} names no dataset repository; write {HUB}OWNER/NAME.")
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    hub = HfApi(endpoint=endpoint)
    try:
        address = hub.create_repo(name, repo_type="dataset", private=True, exist_ok=True)
        hub.upload_folder(folder_path=folder, repo_id=name, repo_type="dataset", commit_message=message)
    except HFValidationError as error:
        raise ConfigError(f"{HUB}{name} names no dataset repository; write {HUB}OWNER/NAME.") from error
    except (HfHubHTTPError, LocalTokenNotFoundError, HTTPError, OSError) as error:
        first = str(error).strip().splitlines()[0]
        raise UpstreamError(
            f"{HUB}{name} was not uploaded ({first}); check the network and the token HF_TOKEN."
        ) from error
    return str(address)
