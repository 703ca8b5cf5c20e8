"""Bulk tasks that tests stop, kill, defer or time out, on any version of Airflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from zoom_provider.operators.users import ZoomCreateUsersOperator

OPTIONS: dict[str, dict[str, Any]] = {
    "stopped": {"retries": 2},
    # As many tries as a busy machine needs, on which a try gets little done in its time.
    "timed": {"retries": 40, "execution_timeout": timedelta(seconds=4)},
    "killed": {"retries": 1},
    "put_off": {"deferrable": True},
}

for dag_id, options in OPTIONS.items():
    with DAG(dag_id, schedule=None):
        ZoomCreateUsersOperator(
            task_id="create",
            roster="{{ dag_run.conf['roster'] }}",
            retry_delay=timedelta(seconds=1),
            **options,
        )
