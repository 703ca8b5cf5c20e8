"""What a person sees of the sources of HR data: triggered in a browser, read on the run's page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import pytest

from devstack import postgres
from devstack.airflow import Airflow
from tests.integration.browser import Browser
from tests.readme import PROJECT
from tests.requires import require
from tests.stand_ins import bamboohr
from tests.support import connection, emails
from zoom_provider.simulator.server import Simulator

pytestmark = pytest.mark.slow

DIALOG = "[role=dialog]"
SEED = (PROJECT / "dags" / "data" / "hr_seed.sql").read_text(encoding="utf-8")
# Has left and comes back.
BACK = {"email": "katarzyna.zielinska@example.com", "type": 2, "status": "inactive"}


@pytest.fixture(autouse=True)
def connected(airflow: Airflow, zoom: Simulator) -> Iterator[None]:
    """Connect Airflow to the local Zoom; forget all connections afterwards."""
    airflow.connect(connection(zoom))
    yield
    for name in ("zoom_default", "hr_postgres", "bamboohr"):
        airflow.rest("DELETE", f"connections/{name}")


def trigger(
    browser: Browser, airflow: Airflow, dag_id: str, last_task: str, dates: Mapping[str, str]
) -> str:
    """Start a run by its form, wait for its end, open its last task; return what is seen there."""
    browser.resize(1200, 1250)
    browser.driver.get(f"{airflow.url}/dags/{dag_id}")
    browser.click("button", "Trigger")
    for label, keys in dates.items():
        browser.field(label).send_keys(keys)
    browser.click(f"{DIALOG} button", "Trigger")
    browser.wait("the run's page", lambda: "/runs/" in browser.driver.current_url)
    run = browser.driver.current_url.partition("/runs/")[2].partition("/")[0]
    assert airflow.wait_for_run(dag_id, run) == "success"

    browser.resize(1360, 700)
    browser.driver.get(f"{airflow.url}/dags/{dag_id}/runs/{run}/tasks/{last_task}")

    def read() -> str | None:
        text = browser.one("body").text
        return text if "Post Execute" in text else None

    return browser.wait("the log", read)


def people(zoom: Simulator) -> dict[str, tuple[Any, Any]]:
    return {person["email"]: (person["type"], person["status"]) for person in zoom.people()}


def test_people_from_a_table(
    airflow: Airflow, browser: Browser, hr_server: postgres.Server, zoom: Simulator
) -> None:
    zoom.seed(BACK)
    hr_server.run_sql("hr", f"DROP SCHEMA IF EXISTS hr CASCADE; {SEED}")
    fields = {"connection_id": "hr_postgres", **hr_server.connection("hr")}
    airflow.rest("POST", "connections", fields)
    airflow.wait_for_dags("zoom_onboarding_postgres")
    dates = {"First days from": "10202025", "First days to, included": "10282025"}

    seen = trigger(browser, airflow, "zoom_onboarding_postgres", "report", dates)

    for line in (
        "invited          1036       bjorn.akerman@example.com",
        "rejected         1043       fatima.zahra@example.com",
        "needs_human      1004       katarzyna.zielinska@example.com",
        "rejected         1063       sam.taylor@example.com",
    ):
        assert line in seen
    browser.picture("onboarding-postgres")
    assert people(zoom) == {
        **{f"{name}@example.com": (2, "pending") for name in ("anouk.devries", "bjorn.akerman")},
        **{f"{name}@example.com": (2, "pending") for name in ("hans.gruber", "ana.popescu")},
        **{f"{name}@example.com": (1, "pending") for name in ("marta.rossi", "ola.nordmann")},
        "peter.hruska@example.com": (1, "pending"),
        "katarzyna.zielinska@example.com": (2, "inactive"),
    }


def test_people_from_bamboohr(airflow: Airflow, browser: Browser, zoom: Simulator) -> None:
    provider = find_spec("airflow.providers.http")
    require("Airflow's HTTP provider", provider, "pip install 'airflow-provider-zoom[examples]'")
    with bamboohr.running(bamboohr.sample()) as hr:
        fields = {"conn_type": "http", "host": hr.url, "login": "api-key", "password": hr.key}
        airflow.rest("POST", "connections", {"connection_id": "bamboohr", **fields})
        airflow.wait_for_dags("zoom_onboarding_bamboohr")

        seen = trigger(browser, airflow, "zoom_onboarding_bamboohr", "summarize", {})

    assert "bamboohr 127 : rejected, user_info.email: is required" in seen
    assert "{'invited': 15, 'rejected': 1}" in seen
    browser.picture("onboarding-bamboohr")
    tomorrow = [f"hire{number}@example.com" for number in range(101, 115)]
    assert sorted(emails(zoom)) == [*tomorrow, "late.entry@example.com"]
