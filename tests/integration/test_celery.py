"""
Many machines on one Zoom account: a real CeleryExecutor with two workers, of which one dies.

The stack is that of ``docker-compose.yaml``: its commands, its settings, without Docker.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.integration import compose

pytestmark = pytest.mark.slow

SHARDS = 4
PEOPLE = 2_000
DAG = """
from datetime import timedelta

from airflow.sdk import DAG

from zoom_provider.operators.users import ZoomCreateUsersOperator

with DAG("sharded", schedule=None):
    ZoomCreateUsersOperator.partial(
        task_id="create",
        roster="{{ dag_run.conf['roster'] }}",
        retries=1,
        retry_delay=timedelta(seconds=1),
    ).expand(shard=[(0, 4), (1, 4), (2, 4), (3, 4)])
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[compose.Stack]:
    """Run the stack, which soon notices that a worker is gone."""
    home = tmp_path_factory.mktemp("celery")
    (home / "dags").mkdir()
    (home / "dags" / "sharded.py").write_text(DAG)
    settings = {
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    }
    with compose.running(home, **settings) as stack:
        stack.wait_for_dags("sharded")
        yield stack


def shard_of(email: str) -> int:
    return int.from_bytes(sha256(email.encode()).digest()) % SHARDS


def posts(stack: compose.Stack) -> list[dict[str, Any]]:
    return [
        entry
        for entry in stack.zoom("requests")
        if (entry["method"], entry["path"]) == ("POST", "/v2/users")
    ]


def show(entries: list[dict[str, Any]]) -> None:
    """Print the rate and the refusals while all shards were at work."""
    first = {shard: float("inf") for shard in range(SHARDS)}
    for entry in entries:
        shard = shard_of(entry["email"])
        first[shard] = min(first[shard], entry["time"])
    began = max(first.values())
    entries = [entry for entry in entries if entry["time"] >= began]
    statuses = Counter(entry["status"] for entry in entries)
    seconds = entries[-1]["time"] - began
    print(
        f"\n{SHARDS} shards together: {statuses[201] / seconds:.1f} people a second of 80, over "
        f"{seconds:.1f} s; {statuses[429]} of {len(entries)} calls refused "
        f"({statuses[429] / len(entries):.1%})"
    )


def test_shards_share_an_account_and_the_death_of_a_worker_loses_nobody(
    stack: compose.Stack, tmp_path: Path
) -> None:
    roster = tmp_path / "roster.csv"
    wanted = [f"p{number}@example.com" for number in range(PEOPLE)]
    roster.write_text("\n".join(["email,type", *(f"{email},1" for email in wanted)]))
    run_id = stack.trigger("sharded", {"roster": str(roster)})

    def half() -> bool | None:
        return stack.zoom("state")["counts"]["people"] >= PEOPLE / 2 or None

    stack.wait_for("Half of the people", half, 120)
    stack.processes.kill("worker-2")
    show(posts(stack))

    assert stack.wait_for_run("sharded", run_id) == "success"

    people = [found["email"] for found in stack.zoom("state")["people"]]
    made = [entry["email"] for entry in posts(stack) if entry["status"] == 201]
    assert sorted(people) == sorted(made) == sorted(wanted)
    tries = []
    for shard in range(SHARDS):
        tries.append(stack.task("sharded", run_id, "create", shard)["try_number"])
        result = stack.xcom("sharded", run_id, "create", map_index=shard)
        lines = [json.loads(line) for line in Path(result["report"]).read_text().splitlines()]
        mine = [email for email in wanted if shard_of(email) == shard]
        assert sorted(line["email"] for line in lines) == sorted(mine)
        assert result["outcomes"] == Counter(line["outcome"] for line in lines)
        assert set(result["outcomes"]) <= {"invited", "existing"}
    # Those of the worker that died were tried again.
    assert 1 <= tries.count(2) < SHARDS
    assert set(tries) == {1, 2}


def test_each_service_of_the_compose_file_has_run(stack: compose.Stack) -> None:
    single = [name for name in compose.services() if name != "worker"]
    assert stack.started() == {*single, "worker-1", "worker-2"}


@pytest.mark.parametrize(
    "service", ["api-server", "scheduler", "dag-processor", "triggerer", "worker", "zoom"]
)
def test_the_health_check_of_a_running_service_succeeds(stack: compose.Stack, service: str) -> None:
    done = stack.check_health(service)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_is_one() -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    check = [sys.executable, "-m", "check_jsonschema", *schema, str(compose.FILE)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
