"""The example DAGs, run by a real Airflow against the local Zoom."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import told_asset
from zoom_provider.simulator.server import Simulator

DAGS = Path(__file__).parents[2] / "dags"
SAMPLE = DAGS / "data" / "hr_export.csv"
EXISTING, FOREIGN = "sofia.garcia@example.com", "liam.murphy@example.net"
JANE = {"email": "jane@example.com", "type": 1, "first_name": "Jane", "last_name": "Doe"}

# The sample's first day is Monday, 2 March. Its eve lies within this run's interval, which ends on
# Sunday at 5:00 in Berlin.
SUNDAY_MORNING = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)

RunDag = Callable[..., Any]


@pytest.fixture(scope="module")
def example_dags(airflow_db: Path) -> Iterator[None]:
    """Let Airflow find the examples and nothing else."""
    bundle = {
        "name": "examples",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(DAGS)},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))
        yield


@pytest.fixture
def run_dag(example_dags: None, zoom: Simulator, monkeypatch: pytest.MonkeyPatch) -> RunDag:
    """Run an example to its end, without a logical date unless one is given; return the run."""
    from airflow.dag_processing.dagbag import DagBag

    connection = {
        "conn_type": "zoom",
        "host": zoom.url,
        "login": zoom.settings.client_id,
        "password": zoom.settings.client_secret,
        "extra": {"account_id": zoom.settings.account_id, "plan": "business"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", json.dumps(connection))

    def run(dag_id: str, conf: dict[str, Any] | None = None, **dates: Any) -> Any:
        bag = DagBag(DAGS / f"{dag_id}.py")
        assert bag.import_errors == {}
        return bag.dags[dag_id].test(run_conf=conf, **{"logical_date": None, **dates})

    return run


def returned(run: Any, task_id: str) -> Any:
    return run.get_task_instance(task_id).xcom_pull(task_ids=task_id)


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def emails(zoom: Simulator) -> list[str]:
    return [person["email"] for person in zoom.people()]


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        pytest.param({"user_info": JANE}, {**JANE, "status": "pending"}, id="as the form has it"),
        pytest.param(
            {"user_info": {**JANE, "type": "2"}, "action": "ssoCreate"},
            {**JANE, "type": 2, "status": "active"},
            id="another action, and the type as text",
        ),
        pytest.param(
            {"user_info": {**JANE, "first_name": "{{ 6 * 7 }}", "last_name": 'O\'Neil "Jr" {%'}},
            {**JANE, "first_name": "{{ 6 * 7 }}", "last_name": 'O\'Neil "Jr" {%'},
            id="what a person typed is no template",
        ),
    ],
)
def test_one_person_is_created_from_what_a_trigger_sends(
    run_dag: RunDag, zoom: Simulator, conf: dict[str, Any], expected: dict[str, Any]
) -> None:
    zoom.configure(sso="on")

    run = run_dag("zoom_create_user", conf)

    assert run.state == "success"
    (person,) = zoom.people()
    assert {name: person[name] for name in expected} == expected
    result = returned(run, "create_user")
    assert (result["id"], result["status"]) == (person["id"], person["status"])
    assert told_asset(run) == [{result["outcome"]: 1}]


@pytest.mark.parametrize(
    ("if_exists", "state", "first_name", "outcome"),
    [
        ("fail", "failed", "Janet", None),
        ("skip", "success", "Janet", "existing"),
        ("update", "success", "Jane", "updated"),
    ],
)
def test_a_person_who_is_there_already(
    run_dag: RunDag,
    zoom: Simulator,
    if_exists: str,
    state: str,
    first_name: str,
    outcome: str | None,
) -> None:
    zoom.seed({**JANE, "first_name": "Janet"})

    run = run_dag("zoom_create_user", {"user_info": JANE, "if_exists": if_exists})

    assert run.state == state
    assert [person["first_name"] for person in zoom.people()] == [first_name]
    assert (returned(run, "create_user") or {}).get("outcome") == outcome


def test_a_password_is_refused_before_there_is_a_run(run_dag: RunDag, zoom: Simulator) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match="password"):
        run_dag("zoom_create_user", {"user_info": {**JANE, "password": "Correct9Horse"}})

    assert zoom.requests() == []


def test_mapped_hires_each_have_a_task_and_exist_once(
    run_dag: RunDag,
    zoom: Simulator,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    first = run_dag("zoom_onboarding_mapped")
    created = zoom.people()
    labels = [ti.rendered_map_index for ti in first.get_task_instances() if ti.map_index >= 0]
    again = run_dag("zoom_onboarding_mapped")

    assert (first.state, again.state) == ("success", "success")
    assert zoom.people() == created
    names = {(person["first_name"], person["last_name"]) for person in created}
    assert names == {("Ada", "Nwosu"), ("Björn", "Åkerman"), ("민서", "박")}
    assert sorted(labels) == sorted(person["email"] for person in created)
    said = caplog.text + "".join(capfd.readouterr())
    assert not any(name in said for name in ("Nwosu", "Åkerman", "민서"))
