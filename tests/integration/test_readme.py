"""The README's commands and examples, run as they stand there, and what docs/ adds to them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from devstack.airflow import AUTH_BACKENDS, Airflow
from devstack.processes import free_port
from tests.readme import PROJECT, README, TEXT, block, blocks, text_of
from tests.requires import require
from tests.support import connection, run_dag
from zoom_provider.simulator.server import Simulator

TRIGGER = "docs/trigger.md"
OPERATORS = "docs/operators.md"
SIMULATOR = "docs/simulator.md"
# The commands that no test can run, by their first lines, with the reason that the README gives.
NOT_RUN: dict[str, str] = {}
# Where each target that the README names is run; .ci/run is the whole check.
MADE_BY = {
    "demo": (".ci/run", "\nmake demo\n"),
    "test": (".ci/run", "\nmake test\n"),
    "ui": ("tests/integration/test_demo.py", '["ui"]'),
    "bench": ("Makefile", "\nbench: "),
    "docs": ("Makefile", "\ntest: lint docs "),
}
# The commands that are run below, by their comments in the README; any-source has its own file.
RUN = ("install", "connection", "any-source", "trigger-3.3", "simulator")
# Instead of this folder, the example reads one that the test has.
ROSTER = "s3://hr/exports/"
JANE = {"email": "jane@example.com", "type": 1, "first_name": "Jane", "status": "pending"}


def environment(**more: str) -> dict[str, str]:
    """Return ours, as in a terminal where this project's environment is activated."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "NO_PROXY": "*", "no_proxy": "*", **more}


def bash(commands: str, env: Mapping[str, str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run commands to their end."""
    command = ["bash", "-euo", "pipefail", "-c", commands]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False, **options
    )


# ---- every piece of code is accounted for


def makes(code: str) -> list[str]:
    """List what is made, if the commands do nothing else."""
    commands = [line.partition("#")[0].split() for line in code.splitlines()]
    names = [words[1] for words in commands if len(words) == 2 and words[0] == "make"]
    return names if len(names) == len(commands) else []


def test_every_command_is_run_or_says_why_not() -> None:
    run = {f"run by a test: {name}" for name in RUN}
    assert run <= {b.mark for b in blocks()}
    rest = [b for b in blocks() if b.language != "python" and b.mark not in run]
    assert {b.language for b in rest} == {"bash"}
    found = {b.code.splitlines()[0].strip(): b.mark for b in rest if not makes(b.code)}
    assert found == NOT_RUN, "Commands that nothing runs"


def test_what_the_readme_makes_is_made_by_the_checks() -> None:
    made = {name for b in blocks() for name in makes(b.code)}
    assert made == set(MADE_BY)
    for name, (path, line) in MADE_BY.items():
        assert line in (PROJECT / path).read_text(encoding="utf-8"), name


# ---- commands


def test_install(tmp_path: Path) -> None:
    copy, target = tmp_path / "checkout", tmp_path / "installed"
    shutil.copytree(
        PROJECT / "plugins", copy / "plugins", ignore=shutil.ignore_patterns("__pycache__")
    )
    for path in PROJECT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    # What it needs is installed already, and nothing is to be fetched.
    options = {"TARGET": str(target), "NO_DEPS": "1", "NO_INDEX": "1", "NO_BUILD_ISOLATION": "0"}
    env = environment(**{f"PIP_{name}": value for name, value in options.items()})
    done = bash(block("install"), env, cwd=copy)
    assert done.returncode == 0, done.stderr
    [metadata] = target.glob("airflow_provider_zoom-*.dist-info")
    # The README's other way to install is by this name.
    assert 'pip install ".[simulator]"' in TEXT
    assert "Provides-Extra: simulator\n" in (metadata / "METADATA").read_text(encoding="utf-8")


def test_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    done = bash(f'{block("connection")}\nprintf %s "$AIRFLOW_CONN_ZOOM_DEFAULT"', environment())
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", done.stdout)

    from zoom_provider.hooks.zoom import ZoomHook, settings_from_connection

    settings = settings_from_connection(ZoomHook.get_connection("zoom_default"))
    assert (settings.client_id, settings.account_id) == ("CLIENT_ID", "ACCOUNT_ID")
    assert (settings.plan, settings.token_url) == ("business", "https://zoom.us/oauth/token")


@pytest.mark.slow
@pytest.mark.parametrize(("version", "fixture"), [("3.3", "airflow"), ("2.11", "airflow_211")])
def test_trigger(
    version: str, fixture: str, zoom: Simulator, request: pytest.FixtureRequest
) -> None:
    require("curl", shutil.which("curl"), "install curl")
    airflow: Airflow = request.getfixturevalue(fixture)
    if version == "3.3":
        airflow.connect(connection(zoom))
        commands = block("trigger-3.3")
    else:
        assert f"AIRFLOW__API__AUTH_BACKENDS={AUTH_BACKENDS}`" in text_of(TRIGGER)
        commands = block("trigger-2.11", TRIGGER)
    env = environment(
        AIRFLOW_URL=airflow.url, AIRFLOW_USER=airflow.user, AIRFLOW_PASSWORD=airflow.password
    )

    forbidden = bash(commands.replace('"type": 1', '"type": 7'), env)
    assert forbidden.returncode == 22  # curl's word for an error of HTTP
    assert "400" in forbidden.stderr
    assert "Invalid input for param user_info" in forbidden.stdout

    done = bash(commands, env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        airflow.wait_for_run("zoom_create_user", json.loads(done.stdout)["dag_run_id"]) == "success"
    )
    [person] = zoom.people()
    assert {name: person[name] for name in JANE} == JANE


@contextmanager
def started(commands: str) -> Iterator[None]:
    """Run commands that go on until they are stopped."""
    process = subprocess.Popen(
        ["bash", "-c", commands], env=environment(), start_new_session=True, cwd=PROJECT
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)


def test_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    require("port 8900 of this machine", free_port(8900) == 8900, "stop what listens there")
    url = "http://127.0.0.1:8900"
    login = {"login": "simulated-client-id", "password": "simulated-client-secret"}
    extra = {"account_id": "simulated-account-id"}
    fields = {"conn_type": "zoom", "host": url, **login, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", json.dumps(fields))

    from zoom_provider.hooks.zoom import ZoomHook

    session = requests.Session()
    session.trust_env = False
    session.mount(
        url, HTTPAdapter(max_retries=Retry(connect=40, backoff_factor=0.1, backoff_max=1))
    )
    with started(block("simulator")):
        assert session.get(url, timeout=10).ok
        ZoomHook().create_user("create", {"email": "jane@example.com", "type": 1})
        assert "jane@example.com" in session.get(url, timeout=10).text

        for command in (block("control", SIMULATOR), block("fault", SIMULATOR)):
            done = bash(command, environment())
            assert done.returncode == 0, done.stdout + done.stderr
        state = session.get(f"{url}/control/state", timeout=10).json()
        assert state["settings"]["latency_ms"] == 250
        assert [fault["kind"] for fault in state["faults"]] == ["cut_after"]
    assert free_port(8900) == 8900, "It still listens"


# ---- examples in Python


def test_examples(
    airflow_db: Path, connected: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.common.compat.sdk import DAG, task

    from zoom_provider.operators.users import ZoomCreateUserOperator

    @task
    def extract_from_hr() -> list[dict[str, Any]]:
        return [{"email": f"{name}@example.com", "type": 1} for name in ("ann", "bob")]

    (tmp_path / "2026-03-02.csv").write_text(
        "Work Email,Department,First Name,Last Name\n"
        "sam@example.com,Sales,Sam,Ray\n"
        "eve@example.com,Legal,Eve,Orr\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AIRFLOW_VAR_ZOOM_FIRST_PASSWORD", "Xk7-plmoq-2wA")
    connected.configure(managed_domains=["example.com"])

    code = "\n".join(
        b.code
        for page in (README, OPERATORS)
        for b in blocks(page)
        if b.language == "python" and not b.mark
        # The other examples of that page have tests of their own.
        if page == README or "create_kim" in b.code
    )
    assert code.count(ROSTER) == 1
    names = {
        "extract_from_hr": extract_from_hr,
        "ZoomCreateUserOperator": ZoomCreateUserOperator,
    }
    start = datetime(2026, 3, 1, tzinfo=UTC)
    with DAG("readme", schedule=None, start_date=start) as dag:
        exec(code.replace(ROSTER, f"{tmp_path}/"), names)  # noqa: S102 - the README's own
    run = run_dag(dag, logical_date=datetime(2026, 3, 2, tzinfo=UTC))

    assert str(run.state) == "success"
    people = {p["email"].partition("@")[0]: p for p in connected.people()}
    assert {name: (p["type"], p["status"]) for name, p in people.items()} == {
        **{"ann": (1, "pending"), "bob": (1, "pending"), "jane": (1, "pending")},
        **{"sam": (2, "pending"), "eve": (1, "pending")},
        "kim": (2, "active"),
    }
    assert [people["sam"][name] for name in ("first_name", "last_name")] == ["Sam", "Ray"]
