"""Shards of a roster: mapped tasks that share it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import DAG, conf, task

from tests.support import connection, emails, person, run_dag
from zoom_provider.operators.users import ZoomCreateUsersOperator
from zoom_provider.simulator.server import Simulator


@pytest.mark.usefixtures("airflow_db")
def test_shards_of_an_upstream_task_are_lists_and_have_reports_of_their_own(
    zoom: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(zoom))
    crowd = [person(number) for number in range(20)]
    with DAG("shards", schedule=None) as dag:

        @task
        def parts() -> list[list[int]]:
            return [[0, 2], [1, 2]]

        ZoomCreateUsersOperator.partial(task_id="create", users=crowd).expand(shard=parts())

    run = run_dag(dag)

    assert str(run.state) == "success"
    assert sorted(emails(zoom)) == sorted(one["email"] for one in crowd)
    folder = Path(conf.get("logging", "base_log_folder")) / "zoom" / "shards"
    rows = [
        [json.loads(line)["row"] for line in path.read_text("utf-8").splitlines()]
        for path in sorted(folder.glob("*/create-[01].jsonl"))
    ]
    assert len(rows) == 2
    assert all(rows)
    assert sorted(rows[0] + rows[1]) == list(range(1, 21))
