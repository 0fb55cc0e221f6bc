"""Faults of a disk as sentences that say what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import DiskError

SENTENCES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "is on a full disk; free some space and try again"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "cannot be written or read; check its permissions"),
    errno.EIO: "is on a disk that fails; check it",
}


@contextmanager
def disk_errors(path: str | Path) -> Iterator[None]:
    """Raise DiskError where the disk of `path` is full, fails or is closed to us; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in SENTENCES:
            raise
        raise DiskError(f"{error.filename or path} {SENTENCES[error.errno]}.") from error
