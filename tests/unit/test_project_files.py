"""The files that a public project needs: the workflow, the hooks, the templates."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any, Final

import pytest
import yaml

from tests.readme import PROJECT, text_of
from tests.support import AIRFLOW

WORKFLOW: Final = ".github/workflows/ci.yml"
MAKEFILE: Final = text_of("Makefile")


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text_of(WORKFLOW))["jobs"]
    return found


def commands() -> list[str]:
    return [step["run"] for job in jobs().values() for step in job["steps"] if "run" in step]


def test_the_workflow_checks_each_version_that_has_a_lock_file() -> None:
    locked = {path.stem.removeprefix("airflow-") for path in PROJECT.glob("requirements/*.txt")}
    older = jobs()["unit"]["strategy"]["matrix"]["airflow"]
    # All of 3.3 is in .ci/run.
    assert {*older, "3.3", "docs"} == locked
    assert ".ci/run" in commands()


def test_the_workflow_makes_only_what_the_makefile_has() -> None:
    targets = {word for run in commands() for word in re.findall(r"^make (\S+)", run)}
    plain = {target for target in targets if re.fullmatch(r"[a-z]+", target)}
    assert {"lint", "docs"} <= plain
    assert [target for target in plain if f"\n{target}:" not in MAKEFILE] == []
    # The one with a version in it.
    assert "$(OLDER:%=test-%): test-%:" in MAKEFILE


def test_the_workflow_may_only_read() -> None:
    workflow = yaml.safe_load(text_of(WORKFLOW))
    assert workflow["permissions"] == {"contents": "read"}
    assert [name for name, job in workflow["jobs"].items() if "timeout-minutes" not in job] == []


@pytest.mark.skipif(AIRFLOW != (3, 3), reason="check-jsonschema is only beside Airflow 3.3")
def test_the_workflow_fits_its_schema() -> None:
    schema = ["--builtin-schema", "vendor.github-workflows", str(PROJECT / WORKFLOW)]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_local_hooks_run_the_programs_of_make_lint() -> None:
    hooks = [
        hook
        for repo in yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
        if repo["repo"] == "local"
        for hook in repo["hooks"]
    ]
    programs = [hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks]
    assert {"ruff", "mypy", "lint-imports"} == set(programs)
    assert [name for name in programs if f"$(VENV)/bin/{name}" not in MAKEFILE] == []


@pytest.mark.parametrize("form", ["bug", "feature"])
def test_each_issue_form_has_what_github_asks_for(form: str) -> None:
    found = yaml.safe_load(text_of(f".github/ISSUE_TEMPLATE/{form}.yml"))
    assert {"name", "description", "body"} <= set(found)
    fields = [field for field in found["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    assert [f for f in fields if f.get("validations", {}).get("required")]


@pytest.mark.parametrize("lock", sorted(path.name for path in PROJECT.glob("requirements/*.txt")))
def test_each_locked_version_has_its_hashes(lock: str) -> None:
    text = re.sub(r"^ *#.*\n", "", text_of(f"requirements/{lock}"), flags=re.MULTILINE)
    pins = [pin for pin in re.split(r"\n(?! )", text) if pin.strip()]
    assert len(pins) > 20
    assert [
        pin for pin in pins if not re.search(r"==.* --hash=sha256:[0-9a-f]{64}", pin, re.S)
    ] == []


def test_what_is_installed_from_a_lock_file_must_have_its_hashes() -> None:
    installs = re.findall(r"pip (?:sync|install --quiet --disable\S*).*(?:\\\n.*)?", MAKEFILE)
    assert len(installs) == 4
    assert [command for command in installs if "--require-hashes" not in command] == []
