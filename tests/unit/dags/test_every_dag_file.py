"""Every example parses, cheaply, and also where the providers that it reads from are absent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

DAGS = Path(__file__).parents[3] / "dags"
FILES = sorted(DAGS.glob("*.py"))

# What comes with Airflow, and what zoom_provider itself needs.
ALLOWED = ("airflow.providers.common.compat", "airflow.providers.standard")
# The extra "examples", and what that brings.
EXTRA = ("amazon", "common.sql", "http", "postgres", "smtp")

# One interpreter for all files: each start of Airflow costs seconds. Airflow itself loads each
# provider's description: what counts is what the files add.
PROGRAM = """
import json, pathlib, sys

from airflow.providers_manager import ProvidersManager

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag

ProvidersManager().initialize_providers_taskflow_decorator()
paths, absent = json.loads(sys.argv[1])
for name in absent:
    for module in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
        del sys.modules[module]
    sys.modules[name] = None  # as if it were not installed
found = {}
for path in paths:
    before = set(sys.modules)
    bag = DagBag(path)
    found[pathlib.Path(path).stem] = {
        "errors": list(bag.import_errors.values()),
        "dags": len(bag.dags),
        "loaded": sorted(set(sys.modules) - before),
    }
print(json.dumps(found))
"""


def parsed(home: Path, *paths: Path, absent: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Parse files in an interpreter of their own; say what came of each."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([[str(path) for path in paths], absent])],
        env=env | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {path.stem for path in paths}
    return found


def providers(loaded: Iterable[str]) -> set[str]:
    """Name the providers among modules, but not those that any DAG file may load."""
    return {
        ".".join(name.split(".")[2:4])
        for name in loaded
        if name.startswith("airflow.providers.")
        and name != "airflow.providers.common"
        and not name.startswith(ALLOWED)
    }


def test_no_dag_file_imports_a_provider(tmp_path: Path) -> None:
    found = parsed(tmp_path, *FILES)

    assert len(found) > 2
    assert {name: said["errors"] for name, said in found.items() if said["errors"]} == {}
    assert [name for name, said in found.items() if not said["dags"]] == []
    assert {name: used for name, s in found.items() if (used := providers(s["loaded"]))} == {}


def test_no_dag_file_needs_the_extra_to_be_parsed(tmp_path: Path) -> None:
    found = parsed(tmp_path, *FILES, absent=[f"airflow.providers.{name}" for name in EXTRA])

    assert {name: said["errors"] for name, said in found.items() if said["errors"]} == {}
    assert [name for name, said in found.items() if not said["dags"]] == []


def test_an_imported_provider_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "with_provider.py"
    path.write_text(
        "from airflow.providers.common.compat.sdk import DAG\n"
        "from airflow.providers.http.hooks.http import HttpHook\n"
        "dag = DAG('with_provider', schedule=None)\n",
        encoding="utf-8",
    )

    [found] = parsed(tmp_path, path).values()
    assert (found["errors"], found["dags"]) == ([], 1)
    assert "http.hooks" in providers(found["loaded"])

    [found] = parsed(tmp_path, path, absent=["airflow.providers.http"]).values()
    assert "airflow.providers.http" in found["errors"][0]
