"""Work in parts: what a killed task left to its retry, and what is mapped over shards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, conf, task

from tests.support import connection, emails, person, run_dag
from zoom_provider.operators.users import ZoomCreateUsersOperator
from zoom_provider.simulator.server import Simulator

POST = "POST /v2/users"


class Killed(BaseException):
    """What no task can catch, as a power cut cannot be."""


class StateStore(dict[str, Any]):
    """What Airflow 3.3 gives a task to keep its state in; the killed keep nothing."""

    cut_off = False

    def set(self, key: str, value: Any) -> None:
        if not self.cut_off:
            self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)


@pytest.mark.parametrize("made", [1, 7, 15])
def test_without_a_state_store_zoom_itself_remembers(
    made: int,
    connected: Simulator,
    perform: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = tmp_path / "report.jsonl"
    crowd = [person(number) for number in range(20)]

    def create() -> ZoomCreateUsersOperator:
        return ZoomCreateUsersOperator(task_id="create", users=crowd, report=str(report))

    with monkeypatch.context() as patch:
        patch.setattr("zoom_provider.provisioning.bulk._Work.write", killed_after(made))
        with pytest.raises(Killed):
            perform(create())
    there = len(emails(connected))
    assert made <= there <= made + 1

    result = perform(create())

    assert result["outcomes"] == {"existing": there, "invited": 20 - there}
    assert len(connected.requests(POST)) == len(emails(connected)) == 20
    lines = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    assert sorted(line["row"] for line in lines) == list(range(1, 21))
    assert Counter(line["outcome"] for line in lines) == result["outcomes"]


def test_with_a_state_store_the_report_goes_on_however_early_the_kill_was(
    connected: Simulator,
    perform: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = tmp_path / "report.jsonl"
    crowd = [person(number) for number in range(20)]
    store = StateStore()

    def create() -> ZoomCreateUsersOperator:
        return ZoomCreateUsersOperator(task_id="create", users=crowd, report=str(report))

    with monkeypatch.context() as patch:
        patch.setattr("zoom_provider.provisioning.bulk._Work.write", killed_after(3, store))
        with pytest.raises(Killed):
            perform(create(), task_state_store=store)
    store.cut_off = False
    there = len(emails(connected))

    result = perform(create(), task_state_store=store)

    # Whose reply was written down is told as it was; of the others Zoom knows.
    assert result["outcomes"] == {"existing": there - 3, "invited": 20 - (there - 3)}
    assert len(connected.requests(POST)) == len(emails(connected)) == 20
    assert store == {}


def killed_after(people: int, store: StateStore | None = None) -> Callable[..., None]:
    """Make what writes a person down end the task, as if by a kill, after so many."""
    from zoom_provider.provisioning.bulk import _Work

    real, written = _Work.write, Counter[str]()

    def write(work: _Work, outcome: Any) -> None:
        if written["people"] >= people:
            if store is not None:
                store.cut_off = True
            raise Killed
        written["people"] += 1
        real(work, outcome)

    return write


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
