"""It installs beside what each Airflow release shipped with, on the day that it was released."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.readme import TEXT
from tests.requires import require

ROOT = Path(__file__).parents[2]
COMPAT = "apache-airflow-providers-common-compat"

# The midnight after each came out. Airflow's constraints file of a release holds the newest of
# everything from about that time.
RELEASED = {
    "2.11.2": "2026-03-15",
    "3.1.8": "2026-03-12",
    "3.2.2": "2026-05-30",
    "3.3.0": "2026-07-07",
    "3.3.2": "2026-09-18",
}
TOO_OLD = {"2.11.0": "2025-05-21", "3.1.0": "2025-09-26", "3.1.6": "2026-01-14"}
# All providers that this package and its extras name are in such a file, with their own extras.
PROVIDERS = ("amazon[s3fs]", "common-compat", "http", "postgres", "smtp", "standard")


def resolve(requirements: str, day: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Choose versions as pip would have at the beginning of a day; nothing is installed."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header"]
    command += ["--no-annotate", "--python-version", "3.11", "--exclude-newer", f"{day}T00:00:00Z"]
    return subprocess.run(
        [*command, *options, "-"],
        cwd=ROOT,
        input=requirements,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module", autouse=True)
def dated_index() -> None:
    """Need an index that says when each file was uploaded, as PyPI does and some mirrors do not."""
    # 1.12.0 came out the day before.
    said = resolve(COMPAT, "2026-01-18", "--no-deps").stdout
    reachable = said.strip() == f"{COMPAT}==1.12.0"
    require("A package index with upload times", reachable, "let uv reach PyPI")


def constraints(airflow: str, day: str, folder: Path) -> Path:
    """Write what Airflow's constraints file of a release pins."""
    wanted = [f"apache-airflow=={airflow}"]
    wanted += [f"apache-airflow-providers-{name}" for name in PROVIDERS]
    done = resolve("\n".join(wanted), day)
    assert done.returncode == 0, done.stderr
    path = folder / "constraints.txt"
    path.write_text(done.stdout, encoding="utf-8")
    return path


@pytest.mark.parametrize("airflow", RELEASED)
def test_installs_with_the_constraints_of(airflow: str, tmp_path: Path) -> None:
    day = RELEASED[airflow]
    pins = constraints(airflow, day, tmp_path)
    wanted = f"apache-airflow=={airflow}"

    done = resolve(wanted, day, "--constraint", str(pins), "--all-extras", "setup.py")

    assert done.returncode == 0, done.stderr
    assert wanted in done.stdout.splitlines()


@pytest.mark.parametrize("airflow", TOO_OLD)
def test_earlier_releases_are_too_old_as_the_readme_says(airflow: str) -> None:
    done = resolve(f"apache-airflow=={airflow}", TOO_OLD[airflow], "setup.py")

    assert done.returncode != 0
    assert f"{COMPAT}>=1.12" in " ".join(done.stderr.split())
    assert airflow in TEXT[TEXT.index("## Install") : TEXT.index("## Connect")]


def test_no_name_is_imported_that_the_oldest_common_compat_lacks(tmp_path: Path) -> None:
    needed = map(Requirement, requires("airflow-provider-zoom") or [])
    [wanted] = [requirement for requirement in needed if requirement.name == COMPAT]
    [oldest] = [bound.version for bound in wanted.specifier if bound.operator == ">="]
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*command, "--target", str(tmp_path), f"{COMPAT}=={oldest}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [module] = tmp_path.rglob("compat/sdk.py")
    # It keeps dictionaries of all names, and imports each when it is asked for.
    offered = {
        key.value
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }

    used = imported_from("airflow.providers.common.compat.sdk", ROOT / "plugins", ROOT / "dags")

    assert {"BaseHook", "BaseOperator", "DAG", "task"} <= used
    assert used - offered == set()


def imported_from(module: str, *folders: Path) -> set[str]:
    """List the names that the code in some folders imports from a module."""
    files = [path for folder in folders for path in folder.rglob("*.py")]
    return {
        alias.name
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }
