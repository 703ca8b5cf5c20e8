"""Which messages are sent after a task, and what they say."""

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
    with DAG("notified", schedule=None) as dag:
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


def test_rejected_rows_are_listed_with_key_and_reason(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    users = [hired(1), wrong(2), wrong(3), hired(4), wrong(5)]

    done = run(tmp_path, users, max_failures=3)

    assert str(done.state) == "success"
    assert sorted(emails(connected)) == ["p1@example.com", "p4@example.com"]
    [message] = sent
    assert message["subject"] == "Zoom: notified.create_users is done, except for 3 people"
    for body in (message["html"], message["text"]):
        for text in ("E-2", "E-3", "E-5", "p5@example.com", "rejected", "user_info.type"):
            assert text in body
        assert "hr_export.csv" in body
        assert str(tmp_path / "report.jsonl") in body
        assert "create_users" in body.partition("http")[2], "the log's address"
        assert "E-1" not in body
        assert "p4@example.com" not in body
    assert "2 invited, 3 rejected" in message["html"]


def test_no_message_is_sent_if_everything_succeeded(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    assert str(run(tmp_path, [hired(1)]).state) == "success"
    assert emails(connected) == ["p1@example.com"]
    assert sent == []


def test_too_many_failures_make_one_message(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    done = run(tmp_path, [hired(n) for n in range(2)] + [wrong(n) for n in range(100, 123)])

    assert str(done.state) == "failed"
    [message] = sent
    assert message["subject"] == "Zoom: notified.create_users failed"
    for body in (message["html"], message["text"]):
        if AIRFLOW not in ((3, 1), (3, 2)):  # there dag.test() gives callbacks no exception
            assert "23 of 25 people failed; max_failures allows none" in body
        assert "E-119" in body
        assert "E-120" not in body
        assert "3 more are not listed here: see the log and the report" in body


def test_a_refused_log_in_is_reported_without_the_secret(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    connected.configure(client_secret="another")

    assert str(run(tmp_path, [hired(1)]).state) == "failed"

    [message] = sent
    for body in (message["html"], message["text"]):
        assert "Client Secret" in body
        assert connected.settings.client_secret not in body


def test_input_from_outside_is_escaped(
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


def test_each_mapped_task_lists_its_own_rows(
    airflow_db: Path, connected: Simulator, sent: Messages, tmp_path: Path
) -> None:
    with DAG("notified_mapped", schedule=None) as dag:
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
def test_a_failing_notifier_does_not_change_the_tasks_state(
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
    said = "The notification could not be sent: ConnectionRefusedError: the mail server is down"
    assert said in caplog.text


class Unreachable:
    """A task instance whose XCom cannot be reached, as after the death of a worker."""

    dag_id, task_id, run_id, map_index = "notified", "create_users", "manual", -1
    log_url = "http://127.0.0.1:8080/log"

    def xcom_pull(self, **_: Any) -> Any:
        raise RuntimeError("no XCom here")


def test_a_failure_is_reported_even_without_its_details() -> None:
    secret = "canary-7316-secret"
    mask_secret(secret)
    contexts: list[Any] = []

    def notify(context: Any) -> None:
        contexts.append(context["zoom"])

    callbacks = attention_callbacks(notify)

    context: Any = {"ti": Unreachable(), "exception": ValueError(f"no entry with {secret}")}
    callbacks["on_failure_callback"](context)
    callbacks["on_success_callback"](context)

    [zoom] = contexts
    assert (zoom["failed"], zoom["people"], zoom["report"]) == (True, [], None)
    assert zoom["log_url"] == Unreachable.log_url
    assert zoom["error"].startswith("no entry with ")
    assert secret not in zoom["error"]


class Pushed(Unreachable):
    """
    A task instance of a DAG that pushes its own list of failures, as an example DAG does.

    :param people: the XCom ``attention``
    :param outcomes: the XCom ``outcomes``
    """

    def __init__(self, people: list[dict[str, Any]], outcomes: dict[str, int]) -> None:
        self.xcoms: dict[str, Any] = {"attention": people, "outcomes": outcomes}

    def xcom_pull(self, **wanted: Any) -> Any:
        return self.xcoms.get(wanted["key"])


def messages_of(ti: Any, sent: Messages) -> list[str]:
    """Send the message of a green task; return its bodies."""
    # Airflow 2's notifier finds the templates' environment by the DAG.
    context: Any = {"ti": ti, "dag": DAG("notified", schedule=None)}
    attention_callbacks(Recorder())["on_success_callback"](context)
    [message] = sent
    return [message["html"], message["text"]]


def undated(number: int) -> dict[str, Any]:
    """Make a failure that no row of a report stands for, and that lacks what it may lack."""
    who = {"source": "hr.employees", "row": None, "key": f"E-{number}", "email": None}
    return {**who, "outcome": "rejected", "reason": "no first day"}


def test_a_person_without_row_or_address_is_listed_without_them(sent: Messages) -> None:
    html, text = messages_of(Pushed([undated(7)], {"rejected": 1}), sent)

    assert "hr.employees, E-7: rejected, no first day" in text.splitlines()
    for body in (html, text):
        assert "None" not in body


def test_failures_that_the_report_lacks_are_not_promised_to_be_in_it(sent: Messages) -> None:
    listed = [undated(number) for number in range(20)]

    for body in messages_of(Pushed(listed, {"invited": 1, "rejected": 23}), sent):
        # The log of the task that pushed the list has all of them; the report need not.
        assert "3 more are not listed here: see the log" in body
        assert "more are in the report" not in body
