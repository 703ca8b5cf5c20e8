"""Whole runs on the older releases of Airflow 3, with all their processes and their providers."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.airflow import Airflow
from devstack.demo import FIRST_DAY, expected_people, read_sample
from devstack.stack import EXISTING, FOREIGN, SAMPLE
from tests.integration.conftest import require_airflow
from tests.support import connection, emails
from zoom_provider.get_provider_info import FORM_FIELDS
from zoom_provider.simulator.server import Simulator

pytestmark = pytest.mark.slow

JANE = {"email": "jane@example.com", "type": 1, "first_name": "Jane", "last_name": "Doe"}


@pytest.fixture(scope="module", params=["3.1", "3.2"])
def older(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    zoom_server: Simulator,
) -> Iterator[Airflow]:
    """Run an older Airflow with the example DAGs, connected to the local Zoom."""
    require_airflow(request.param)
    home = tmp_path_factory.mktemp(f"airflow-{request.param}")
    env = {"AIRFLOW_CONN_ZOOM_DEFAULT": connection(zoom_server)}
    with Airflow(home, request.param, env=env) as airflow:
        airflow.wait_for_dags("zoom_create_user", "zoom_onboarding_csv")
        yield airflow


def test_the_connection_form_has_every_field(older: Airflow) -> None:
    hooks = older.session.get(f"{older.url}/ui/connections/hook_meta", timeout=60).json()

    [form] = [hook for hook in hooks if hook["connection_type"] == "zoom"]
    assert list(form["extra_fields"]) == [field.name for field in FORM_FIELDS]
    secret = {field.name for field in FORM_FIELDS if field.secret}
    masked = {
        name
        for name, field in form["extra_fields"].items()
        if field["schema"].get("format") == "password"
    }
    assert masked == secret
    assert form["standard_fields"]["login"]["title"] == "Client ID"


def test_one_person_is_created_by_a_request(older: Airflow, zoom: Simulator) -> None:
    run = older.trigger("zoom_create_user", {"user_info": JANE})

    assert older.wait_for_run("zoom_create_user", run) == "success"
    assert emails(zoom) == [JANE["email"]]


def test_a_refused_person_fails_the_run_and_the_log_says_why(
    older: Airflow, zoom: Simulator
) -> None:
    zoom.configure(foreign_accounts={JANE["email"]: "paid"})

    run = older.trigger("zoom_create_user", {"user_info": JANE})

    assert older.wait_for_run("zoom_create_user", run) == "failed"
    log = older.log("zoom_create_user", run, "create_user")
    assert "The address holds an active Zoom account elsewhere" in log
    assert zoom.settings.client_secret not in log
    assert emails(zoom) == []


def test_an_export_is_onboarded(older: Airflow, zoom: Simulator, tmp_path: Path) -> None:
    zoom.seed(EXISTING)
    zoom.configure(foreign_accounts={FOREIGN: "free"})
    export = shutil.copy(SAMPLE, tmp_path)
    # A file that has just changed is left to the next run.
    os.utime(export, (time.time() - 3600,) * 2)
    older.rest("POST", "variables", {"key": "zoom_hr_folder", "value": str(tmp_path)})

    run = older.trigger("zoom_onboarding_csv", {"from": FIRST_DAY})

    assert older.wait_for_run("zoom_onboarding_csv", run) == "success"
    assert set(emails(zoom)) == {email for email, *_ in expected_people(read_sample())}
