"""What the tests of real parts share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import postgres
from devstack.airflow import Airflow, python_of
from devstack.processes import PROJECT
from tests.integration.browser import Browser, chromium
from tests.requires import require
from tests.support import connection
from zoom_provider.simulator.server import Simulator

INTERRUPTED = Path(__file__).parent / "dags" / "interrupted.py"
SOON: dict[str, str] = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "8",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "1",
}
"""Airflow soon notices that a task is to end, or that its worker is gone."""


def pytest_configure(config: pytest.Config) -> None:
    """Make it possible to leave out what takes half a minute: ``-m "not slow"``."""
    config.addinivalue_line("markers", "slow: starts a whole Airflow, half a minute each")


def require_airflow(version: str) -> None:
    """Skip the test where the environment of an older Airflow is not made."""
    made = python_of(version).exists()
    require(f"Airflow {version}", made, f"make test-{version}, with a Python that it runs on")


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Run an Airflow 3.3 with the example DAGs, one for all tests."""
    with Airflow(tmp_path_factory.mktemp("airflow")) as airflow:
        airflow.wait_for_dags("zoom_create_user", "zoom_onboarding_csv")
        yield airflow


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, airflow: Airflow) -> Iterator[Browser]:
    """
    Open a browser and log in; ``ZOOM_SCREENSHOTS=1`` renews the documentation's pictures.

    One for each module: none has to outlive the minutes in which other tests need no browser, and
    none inherits what an earlier module has stored in its pages.
    """
    home = tmp_path_factory.mktemp("chromium")
    docs = Path(__file__).parents[2] / "docs" / "images"
    with chromium(home, docs if os.environ.get("ZOOM_SCREENSHOTS") == "1" else home) as browser:
        browser.driver.get(airflow.url)
        browser.one("[name=username]").send_keys(airflow.user)
        browser.one("[name=password]").send_keys(airflow.password)
        browser.click("button[type=submit]")
        browser.one("a, button", "Admin")
        yield browser


@pytest.fixture(scope="session")
def impatient(
    tmp_path_factory: pytest.TempPathFactory, zoom_server: Simulator
) -> Iterator[Airflow]:
    """Run an Airflow 3.3 that soon notices what has become of a task, one for all tests."""
    home = tmp_path_factory.mktemp("airflow-impatient")
    zoom_default = connection(zoom_server, extra={"plan": "pro"})
    env = {**SOON, "AIRFLOW_CONN_ZOOM_DEFAULT": zoom_default}
    with Airflow(home, dags=INTERRUPTED.parent, triggerer=True, env=env) as airflow:
        airflow.wait_for_dags("stopped", "timed", "killed", "put_off")
        yield airflow


@pytest.fixture(scope="session")
def airflow_211(
    tmp_path_factory: pytest.TempPathFactory, zoom_server: Simulator
) -> Iterator[Airflow]:
    """Run an Airflow 2.11 that is as impatient, and has the example for one person."""
    require_airflow("2.11")
    home = tmp_path_factory.mktemp("airflow-2.11")
    dags = home / "dags"
    dags.mkdir()
    for path in (INTERRUPTED, PROJECT / "dags" / "zoom_create_user.py"):
        shutil.copy(path, dags)
    zoom_default = connection(zoom_server, extra={"plan": "pro"})
    env = {**SOON, "AIRFLOW_CONN_ZOOM_DEFAULT": zoom_default}
    with Airflow(home, "2.11", dags=dags, env=env) as airflow:
        airflow.wait_for_dags("zoom_create_user", "stopped")
        yield airflow


@pytest.fixture(scope="session")
def hr_server() -> Iterator[postgres.Server]:
    """Run a PostgreSQL for HR's data and for Airflow's own, one for all tests."""
    require("PostgreSQL", postgres.program("initdb"), "install Debian's postgresql")
    # Its own time zone is far from HR's, since it must not matter.
    with postgres.running("timezone=Pacific/Auckland", "max_connections=200") as server:
        server.create_database("hr")
        server.create_database("airflow")
        server.run_sql("hr", "CREATE ROLE reader LOGIN")
        yield server
