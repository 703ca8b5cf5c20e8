"""The client of Airflow's REST API: what it repeats, what counts as an answer, its log-in."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from requests_mock import Mocker

from devstack.processes import StackError
from devstack.rest import AirflowClient

URL = "http://airflow.test"
RUNS = f"{URL}/api/v2/dags/d/dagRuns"


@pytest.fixture
def airflow() -> AirflowClient:
    return AirflowClient(URL, password="s3cret")


def test_a_visitor_with_a_password_logs_in(airflow: AirflowClient, requests_mock: Mocker) -> None:
    requests_mock.post(f"{URL}/auth/token", json={"access_token": "token"})
    requests_mock.get(f"{URL}/api/v2/dags/d", request_headers={"Authorization": "Bearer token"})

    assert airflow.log_in()
    assert airflow.rest("GET", "dags/d") == {}
    assert requests_mock.request_history[0].json() == {"username": "admin", "password": "s3cret"}


def test_without_a_password_each_visitor_gets_a_token(requests_mock: Mocker) -> None:
    requests_mock.get(f"{URL}/auth/token", json={"access_token": "token"})
    assert AirflowClient(URL).log_in()


def test_airflow_2_takes_the_name_and_the_password(requests_mock: Mocker) -> None:
    requests_mock.get(f"{URL}/api/v1/dags", json={})
    client = AirflowClient(URL, "api/v1", "s3cret")
    assert client.log_in()
    [request] = requests_mock.request_history
    assert request.headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("reply", [{"exc": requests.ConnectionError}, {"status_code": 401}])
def test_an_airflow_that_is_not_ready_is_asked_again(
    reply: dict[str, Any], airflow: AirflowClient, requests_mock: Mocker
) -> None:
    requests_mock.post(f"{URL}/auth/token", **reply)
    assert airflow.log_in() is None


@pytest.mark.parametrize("fault", [{"exc": requests.ConnectionError}, {"status_code": 500}])
def test_a_run_whose_answer_was_lost_is_not_started_twice(
    fault: dict[str, Any], airflow: AirflowClient, requests_mock: Mocker
) -> None:
    requests_mock.post(RUNS, [fault, {"status_code": 409, "json": {}}])

    run_id = airflow.trigger("d", {"a": 1})

    bodies = [request.json() for request in requests_mock.request_history]
    wanted = {"dag_run_id": run_id, "conf": {"a": 1}, "logical_date": None}
    assert bodies == [wanted, wanted]


def test_a_conflict_at_the_first_call_is_an_error(
    airflow: AirflowClient, requests_mock: Mocker
) -> None:
    requests_mock.post(RUNS, status_code=409, text="exists")
    with pytest.raises(StackError, match="Airflow refused POST dags/d/dagRuns: 409 exists"):
        airflow.trigger("d")


def test_what_airflow_does_not_know_is_none(airflow: AirflowClient, requests_mock: Mocker) -> None:
    requests_mock.get(f"{RUNS}/r/taskInstances/t/xcomEntries/return_value", status_code=404)
    assert airflow.xcom("d", "r", "t") is None


def test_all_pages_of_tasks_are_read(airflow: AirflowClient, requests_mock: Mocker) -> None:
    def page(request: Any, _: Any) -> dict[str, Any]:
        offset = int(request.qs["offset"][0])
        tasks = [{"task_id": f"t{number}"} for number in range(offset, min(offset + 100, 250))]
        return {"task_instances": tasks, "total_entries": 250}

    requests_mock.get(f"{RUNS}/r/taskInstances", json=page)
    assert len({task["task_id"] for task in airflow.tasks("d", "r")}) == 250


def test_a_connection_takes_the_place_of_the_one_before(
    airflow: AirflowClient, requests_mock: Mocker
) -> None:
    requests_mock.delete(f"{URL}/api/v2/connections/zoom_default", status_code=404)
    requests_mock.post(f"{URL}/api/v2/connections", status_code=201, json={})

    airflow.connect('{"conn_type": "zoom", "extra": {"plan": "pro"}}')

    deleted, stored = requests_mock.request_history
    assert (deleted.method, stored.method) == ("DELETE", "POST")
    assert stored.json() == {
        "conn_type": "zoom",
        "connection_id": "zoom_default",
        "extra": '{"plan": "pro"}',
    }
