"""Rules of the tree that a test can hold."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("schemas", "warehouse", "curation", "training", "flows")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
KINDS = (
    "curation/contracts",
    "curation/engines",
    "curation/filters",
    "curation/importers",
    "curation/judges",
    "curation/pairing",
    "curation/principles/embedders",
    "curation/rubrics",
    "curation/rules",
    "training/shaping",
    "training/evaluate/benchmarks",
    "warehouse/exporters",
)
PLUGINS = [path for kind in KINDS for path in sorted((ROOT / kind).glob("*.py")) if path.name != "__init__.py"]
PLUGINS += [path for path in sorted((ROOT / "training" / "objectives").glob("*/*.py")) if path.name != "__init__.py"]

BEYOND_TRAINING = {"duckdb", "vllm", "prefect", "curation", "warehouse", "flows"}
REGISTRIES = """
from curation.contracts import CONTRACTS
from curation.engines import ENGINES
from curation.filters import FILTERS
from curation.importers import IMPORTERS
from curation.judges import JUDGES
from curation.pairing import PAIR_BUILDERS
from curation.principles.embedders import EMBEDDERS
from curation.rubrics import RUBRIC_WRITERS
from curation.rules import RULES
from curation.rules.ifeval import INSTRUCTIONS
from warehouse.exporters import EXPORTERS
CONTRACTS.classes, ENGINES.classes, EXPORTERS.classes, IMPORTERS.classes, JUDGES.classes, PAIR_BUILDERS.classes
RULES.classes, INSTRUCTIONS.classes, EMBEDDERS.classes, RUBRIC_WRITERS.classes, FILTERS.classes
"""


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_plugin_has_its_own_test(path):
    relative = path.relative_to(ROOT)
    assert (ROOT / "tests" / relative.parent / f"test_{relative.name}").exists()


def test_plugins_were_found():
    assert len(PLUGINS) >= 10


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_handler_swallows_whatever_comes(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            named = getattr(node.type, "id", None)
            reraises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            assert node.type is not None
            assert named not in {"Exception", "BaseException"} or reraises, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        pytest.param("import flows.__main__", {"torch", "vllm", "prefect", "duckdb", "polars"}, id="command-line"),
        pytest.param(REGISTRIES, {"torch", "vllm", "prefect", "transformers"}, id="curation-registries"),
        pytest.param(
            "import flows.curate, flows.judging, flows.questions, flows.reparse",
            {"torch", "vllm", "transformers"},
            id="recipes",
        ),
        pytest.param("import training.train", BEYOND_TRAINING, id="training"),
    ],
)
def test_what_is_heavy_is_not_imported(code, heavy):
    ask = f"{code}\nimport sys; print(*sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_nothing_stray_is_tracked():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = [Path(line) for line in done.stdout.splitlines()]
    assert not [path for path in tracked if path.suffix in {".parquet", ".sqlite", ".safetensors", ".duckdb", ".db"}]
    assert not [path for path in tracked if (ROOT / path).exists() and (ROOT / path).stat().st_size > 200_000]
