"""Who is told after a task, and what."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.notifier import BaseNotifier
from airflow.providers.common.compat.sdk import DAG

from tests.support import AIRFLOW, emails, run_dag
from zoom_provider._compat import mask_secret
from zoom_provider.notifications import (
    PEOPLE_HTML,
    PEOPLE_SUBJECT,
    PEOPLE_TEXT,
    attention_callbacks,
)
from zoom_provider.operators.users import ZoomCreateUsersOperator
from zoom_provider.simulator.server import Simulator

Messages = list[dict[str, str]]
SENT: Messages = []


class Recorder(BaseNotifier):
    """A notifier as providers have them; it sends nowhere."""

    template_fields = ("subject", "html", "text")

    def __init__(self) -> None:
        super().__init__()
        self.subject, self.html, self.text = PEOPLE_SUBJECT, PEOPLE_HTML, PEOPLE_TEXT

    def notify(self, context: Any) -> None:
        SENT.append({name: getattr(self, name) for name in self.template_fields})


@pytest.fixture
def sent() -> Iterator[Messages]:
    SENT.clear()
    yield SENT
    SENT.clear()


def hired(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"E-{number}", "email": f"p{number}@example.com", "type": 1, **fields}


def wrong(number: int) -> dict[str, Any]:
    return hired(number, type=7)


def run(folder: Path, users: list[dict[str, Any]], notify: Any = None, **options: Any) -> Any:
    """Run a DAG of one task for these people."""
    with DAG("told", schedule=None) as dag:
        ZoomCreateUsersOperator(
            task_id="create_users",
            users=users,
            mapping={"email": "email", "type": "type"},
            key="id",
            source="hr_export.csv",
            report=str(folder / "report.jsonl"),
            **options,
            **attention_callbacks(notify or Recorder()),
        )
    return run_dag(dag)


def test_importing_it_loads_no_airflow() -> None:
    program = "import sys, zoom_provider.notifications; print('airflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]


def test_who_was_rejected_is_told_with_key_and_reason(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    users = [hired(1), wrong(2), wrong(3), hired(4), wrong(5)]

    done = run(tmp_path, users, max_failures=3)

    assert str(done.state) == "success"
    assert sorted(emails(connected)) == ["p1@example.com", "p4@example.com"]
    [message] = sent
    assert message["subject"] == "Zoom: told.create_users is done, except for 3 people"
    for body in (message["html"], message["text"]):
        for told in ("E-2", "E-3", "E-5", "p5@example.com", "rejected", "user_info.type"):
            assert told in body
        assert "hr_export.csv" in body
        assert str(tmp_path / "report.jsonl") in body
        assert "create_users" in body.partition("http")[2], "the log's address"
        assert "E-1" not in body
        assert "p4@example.com" not in body
    assert "2 invited, 3 rejected" in message["html"]


def test_nobody_is_told_that_all_is_well(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    assert str(run(tmp_path, [hired(1)]).state) == "success"
    assert emails(connected) == ["p1@example.com"]
    assert sent == []


def test_too_many_failures_are_told_once(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    done = run(tmp_path, [hired(n) for n in range(2)] + [wrong(n) for n in range(100, 123)])

    assert str(done.state) == "failed"
    [message] = sent
    assert message["subject"] == "Zoom: told.create_users failed"
    for body in (message["html"], message["text"]):
        if AIRFLOW not in ((3, 1), (3, 2)):  # there dag.test() gives callbacks no exception
            assert "23 of 25 people failed; max_failures allows none" in body
        assert "E-119" in body
        assert "E-120" not in body
        assert "3 more are in the report" in body


def test_that_zoom_let_nobody_in_is_told_without_the_secret(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    connected.configure(client_secret="another")

    assert str(run(tmp_path, [hired(1)]).state) == "failed"

    [message] = sent
    for body in (message["html"], message["text"]):
        assert "Client Secret" in body
        assert connected.settings.client_secret not in body


def test_what_came_from_outside_is_text(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    # Raw, because users that stand in a DAG file are a template.
    key = "<!channel> {% raw %}{{ 6 * 7 }}{% endraw %}"
    users = [hired(1, id=key, email="<script>alert(1)</script>")]

    run(tmp_path, users, max_failures=1)

    [message] = sent
    assert "&lt;script&gt;alert(1)" in message["html"]
    for body in (message["html"], message["text"]):
        assert "&lt;!channel&gt; {{ 6 * 7 }}" in body
        assert "<script" not in body
        assert "<!" not in body


def test_each_of_the_mapped_tasks_tells_its_own_people(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    with DAG("told_mapped", schedule=None) as dag:
        ZoomCreateUsersOperator.partial(
            task_id="create_users",
            max_failures=1,
            report=f"{tmp_path}/{{{{ ti.map_index }}}}.jsonl",
            **attention_callbacks(Recorder()),
        ).expand(
            users=[[{"email": "a"}], [{"email": "b@example.com", "type": 1}], [{"email": "c"}]]
        )

    assert str(run_dag(dag).state) == "success"

    reports = [line for message in sent for line in message["text"].splitlines()[-1:]]
    assert sorted(reports) == [f"Report: {tmp_path}/{n}.jsonl" for n in (0, 2)]
    assert emails(connected) == ["b@example.com"]


@pytest.mark.parametrize(("max_failures", "state"), [(1, "success"), (0, "failed")])
def test_a_notifier_that_fails_leaves_the_state_as_it_is(
    airflow_db: Path,
    connected: Simulator,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    max_failures: int,
    state: str,
) -> None:
    def unreachable(context: Any) -> None:
        raise ConnectionRefusedError("the mail server is down")

    done = run(tmp_path, [hired(1), wrong(2)], unreachable, max_failures=max_failures)

    assert str(done.state) == state
    assert "Nobody could be told: ConnectionRefusedError: the mail server is down" in caplog.text


class Lost:
    """A task instance whose XCom cannot be reached, as after the death of a worker."""

    dag_id, task_id, run_id, map_index = "told", "create_users", "manual", -1
    log_url = "http://127.0.0.1:8080/log"

    def xcom_pull(self, **_: Any) -> Any:
        raise RuntimeError("no XCom here")


def test_a_failure_is_told_without_its_details_rather_than_not_at_all() -> None:
    secret = "canary-7316-secret"
    mask_secret(secret)
    told: list[Any] = []

    def notify(context: Any) -> None:
        told.append(context["zoom"])

    callbacks = attention_callbacks(notify)

    context: Any = {"ti": Lost(), "exception": ValueError(f"no entry with {secret}")}
    callbacks["on_failure_callback"](context)
    callbacks["on_success_callback"](context)

    [zoom] = told
    assert (zoom["failed"], zoom["people"], zoom["report"]) == (True, [], None)
    assert zoom["log_url"] == Lost.log_url
    assert zoom["error"].startswith("no entry with ")
    assert secret not in zoom["error"]
