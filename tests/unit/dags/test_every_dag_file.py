"""Every example parses, cheaply, and also where the providers that it reads from are absent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[3] / "dags"
FILES = sorted(DAGS.glob("*.py"))

# What comes with Airflow, and what zoom_provider itself needs.
ALLOWED = ("airflow.providers.common.compat", "airflow.providers.standard")
# The extra "examples", and what that brings.
EXTRA = ("amazon", "common.sql", "http", "postgres", "smtp")

# Airflow itself loads each provider's description, and on 2.11 providers of its own: what counts is
# what the file adds.
PROGRAM = """
import pathlib, sys

from airflow.providers_manager import ProvidersManager

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag

ProvidersManager().initialize_providers_taskflow_decorator()
path, *absent = sys.argv[1:]
for name in absent:
    for module in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
        del sys.modules[module]
    sys.modules[name] = None  # as if it were not installed
before = set(sys.modules)
bag = DagBag(path)
print("errors", *(repr(text) for text in bag.import_errors.values()))
print("dags", *bag.dags)
print("loaded", *sorted(name for name in set(sys.modules) - before))
"""


def parsed(path: Path, home: Path, *absent: str) -> dict[str, str]:
    """Parse a file in an interpreter of its own; give what the program above prints."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), *absent],
        env=env | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        capture_output=True,
        text=True,
        check=True,
    )
    words = ("errors", "dags", "loaded")
    said = {line.partition(" ")[0]: line.partition(" ")[2] for line in done.stdout.splitlines()}
    return {word: said[word] for word in words}


def providers(loaded: str) -> set[str]:
    """Name the providers among modules, but not those that any DAG file may load."""
    names = {name for name in loaded.split() if name.startswith("airflow.providers.")}
    return {
        ".".join(name.split(".")[2:4])
        for name in names
        if name != "airflow.providers.common" and not name.startswith(ALLOWED)
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_imports_no_provider(path: Path, tmp_path: Path) -> None:
    found = parsed(path, tmp_path)

    assert found["errors"] == ""
    assert found["dags"] != ""
    assert providers(found["loaded"]) == set()


def test_an_imported_provider_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "with_provider.py"
    path.write_text(
        "from airflow.providers.common.compat.sdk import DAG\n"
        "from airflow.providers.http.hooks.http import HttpHook\n"
        "dag = DAG('with_provider', schedule=None)\n",
        encoding="utf-8",
    )

    found = parsed(path, tmp_path)

    assert (found["errors"], found["dags"]) == ("", "with_provider")
    assert "http.hooks" in providers(found["loaded"])
    assert "No module named" in parsed(path, tmp_path, "airflow.providers.http")["errors"]


def test_no_dag_file_needs_the_extra_to_be_parsed(tmp_path: Path) -> None:
    absent = [f"airflow.providers.{name}" for name in EXTRA]

    found = {path.stem: parsed(path, tmp_path, *absent) for path in FILES}

    assert {name: said["errors"] for name, said in found.items() if said["errors"]} == {}
    assert [name for name, said in found.items() if not said["dags"]] == []
