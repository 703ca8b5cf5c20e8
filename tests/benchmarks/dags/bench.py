"""The same people two ways: in one task of ours, and in one HttpOperator task for each."""

from __future__ import annotations

import json

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import dag, task

from tests.benchmarks.roster import person
from zoom_provider.operators.users import ZoomCreateUsersOperator


@dag(schedule=None, params={"roster": ""})
def bench_operator() -> None:
    ZoomCreateUsersOperator(task_id="create", roster="{{ params.roster }}")


@dag(schedule=None, params={"people": 100})
def bench_http_mapped() -> None:
    @task
    def bodies(params: dict[str, int] | None = None) -> list[str]:
        count = (params or {}).get("people", 0)
        return [
            json.dumps({"action": "create", "user_info": person(number)}) for number in range(count)
        ]

    HttpOperator.partial(
        task_id="create",
        http_conn_id="zoom_http",
        endpoint="v2/users",
        method="POST",
        headers={"Content-Type": "application/json"},
    ).expand(data=bodies())


bench_operator()
bench_http_mapped()
