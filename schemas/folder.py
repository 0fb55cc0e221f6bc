"""Folders that appear whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.disk import disk_errors


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A draft beside `folder` to fill; it takes the folder's place at the end, and vanishes on an error.

    Raises DiskError where it cannot be written.
    """
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        draft.chmod(0o755)  # mkdtemp's folders are closed to other users
        old = draft.with_name(f"{draft.name}-old")
        try:
            yield draft
            if folder.exists():
                folder.rename(old)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
