"""What the tests of real parts share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import postgresql
from tests.integration.airflow_stack import Airflow, airflow_2, airflow_3
from tests.integration.browser import Browser, chromium
from tests.requires import require
from tests.support import connection
from zoom_provider.simulator.server import Simulator

PYTHON_2 = Path(__file__).parents[2] / ".venv-2.11" / "bin" / "python"


def pytest_configure(config: pytest.Config) -> None:
    """Make it possible to leave out what takes half a minute: ``-m "not slow"``."""
    config.addinivalue_line("markers", "slow: starts a whole Airflow, half a minute each")


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Run an Airflow 3.3 with the example DAGs, one for all tests."""
    with airflow_3(tmp_path_factory.mktemp("airflow")) as airflow:
        airflow.read_dags("zoom_create_user", "zoom_onboarding_csv")
        yield airflow


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory, airflow: Airflow) -> Iterator[Browser]:
    """Open a browser and log in; ``ZOOM_SCREENSHOTS=1`` renews the documentation's pictures."""
    home = tmp_path_factory.mktemp("chromium")
    docs = Path(__file__).parents[2] / "docs" / "images"
    with chromium(home, docs if os.environ.get("ZOOM_SCREENSHOTS") == "1" else home) as browser:
        browser.driver.get(airflow.url)
        browser.one("[name=username]").send_keys(airflow.user)
        browser.one("[name=password]").send_keys(airflow.password)
        browser.click("button[type=submit]")
        browser.one("a, button", "Admin")
        yield browser


@pytest.fixture(scope="module")
def airflow_211(
    tmp_path_factory: pytest.TempPathFactory, zoom_server: Simulator
) -> Iterator[Airflow]:
    """Run an Airflow 2.11 with the example DAGs, connected to the local Zoom."""
    require("Airflow 2.11", PYTHON_2.exists(), "make test-2.11, with Python 3.11 or 3.12 on PATH")
    home = tmp_path_factory.mktemp("airflow-2.11")
    with airflow_2(home, PYTHON_2, connection(zoom_server)) as airflow:
        airflow.read_dags("zoom_create_user")
        yield airflow


@pytest.fixture(scope="session")
def hr_server() -> Iterator[postgresql.Server]:
    """Run a PostgreSQL for HR's data and for Airflow's own, one for all tests."""
    require("PostgreSQL", postgresql.program("initdb"), "install Debian's postgresql")
    # Its own time zone is far from HR's, since it must not matter.
    with postgresql.running("timezone=Pacific/Auckland", "max_connections=200") as server:
        server.create_database("hr")
        server.create_database("airflow")
        server.run_sql("hr", "CREATE ROLE reader LOGIN")
        yield server
