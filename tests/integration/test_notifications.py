"""Events and mails after a run of a real Airflow: another DAG starts, a person is notified."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dags import zoom_onboarding_csv as csv_example
from devstack.airflow import Airflow
from devstack.processes import free_port
from tests.readme import PROJECT, block, blocks
from tests.stand_ins.mailbox import Mailbox, body_of, receiving
from tests.support import JANE, connection, emails, run_dag
from zoom_provider.simulator.server import Simulator

pytestmark = pytest.mark.slow

PAGE = "docs/events.md"
# Its task is killed after it has pushed its list of failures.
KILLED = """
import os

from airflow.providers.common.compat.sdk import DAG, task

from zoom_onboarding_notify import mail_to_hr
from zoom_provider.notifications import attention_callbacks

failed = attention_callbacks(mail_to_hr)["on_failure_callback"]
with DAG("killed", schedule=None, on_failure_callback=failed):

    @task
    def die(ti=None):
        person = {"source": "hr.csv", "row": 1, "key": "E-1", "email": "a@example.com"}
        person |= {"outcome": "failed", "reason": "why"}
        ti.xcom_push(key="attention", value=[person])
        os.kill(os.getpid(), 9)

    die()
"""
ONE, MANY, CONSUMER = "zoom_create_user", "zoom_onboarding_notify", "zoom_onboarded"


@pytest.fixture(scope="module")
def mail_port() -> int:
    return free_port(0)


@pytest.fixture
def mailbox(mail_port: int) -> Iterator[Mailbox]:
    """Take mails while the test runs, and only then."""
    with receiving(mail_port) as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder that the page's DAG reads."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, zoom_server: Simulator, mail_port: int, data: Path
) -> Iterator[Airflow]:
    """Run an Airflow whose scheduler starts what an event is to start."""
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    for dag_id in (ONE, CONSUMER):
        shutil.copy(PROJECT / "dags" / f"{dag_id}.py", dags)
    code = block("notify", PAGE)
    assert code.count('"/data/') == 1
    (dags / f"{MANY}.py").write_text(code.replace('"/data/', f'"{data}/'), encoding="utf-8")
    (dags / "killed.py").write_text(KILLED, encoding="utf-8")
    env = {
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "True",
        "AIRFLOW_CONN_ZOOM_DEFAULT": connection(zoom_server),
        "AIRFLOW_CONN_SMTP_DEFAULT": Mailbox(mail_port).connection,
        "PYTHONWARNINGS": "error::UserWarning:zoom_provider",
    }
    with Airflow(home, dags=dags, env=env) as airflow:
        airflow.wait_for_dags(ONE, MANY, CONSUMER, "killed")
        yield airflow


@pytest.fixture
def roster(data: Path) -> Path:
    """Write an export: seven people, of which Zoom would refuse three."""
    path = data / "hr_export.csv"
    people = [f"p{n}@example.com" for n in range(4)] + ["not an address", "<b>bold</b>", "a@b@c"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Employee #", "Work Email"])
        writer.writerows([f"E-{n}", email] for n, email in enumerate(people))
    return path


def run(airflow: Airflow, dag_id: str, **conf: Any) -> tuple[str, str]:
    """Run a DAG to its end; return the run's id, and how it ended."""
    run_id = airflow.trigger(dag_id, conf)
    return run_id, airflow.wait_for_run(dag_id, run_id)


def events(airflow: Airflow, run_id: str) -> list[dict[str, Any]]:
    """List the asset's events that a run caused."""
    found = airflow.rest("GET", "assets/events?limit=100&order_by=-timestamp")["asset_events"]
    return [event for event in found if event["source_run_id"] == run_id]


def started_by(airflow: Airflow, run_id: str) -> dict[str, Any]:
    """Wait for the run that an event of this run has started."""

    def found() -> dict[str, Any] | None:
        [event] = events(airflow, run_id)
        return next(iter(event["created_dagruns"]), None)

    return airflow.wait_for("The run for the event", found, 60)


def log_of(airflow: Airflow, dag_id: str, run_id: str, task_id: str) -> str:
    """Give the log of a task's first try, once its end is there."""

    def whole() -> str | None:
        log = json.dumps(json.loads(airflow.log(dag_id, run_id, task_id)), ensure_ascii=False)
        return log if log.count("::endgroup::") >= 2 else None

    return airflow.wait_for(f"The log of {task_id}", whole, 30)


# ---- events


def test_an_onboarded_person_starts_another_dag(stack: Airflow, zoom: Simulator) -> None:
    run_id, state = run(stack, ONE, user_info=JANE)

    assert state == "success"
    assert emails(zoom) == [JANE["email"]]
    [event] = events(stack, run_id)
    assert (event["uri"], event["source_dag_id"]) == ("zoom://account/users", ONE)
    assert event["extra"]["outcomes"] == {"invited": 1}
    follower = started_by(stack, run_id)
    assert follower["dag_id"] == CONSUMER
    assert stack.wait_for_run(CONSUMER, follower["run_id"]) == "success"
    log = log_of(stack, CONSUMER, follower["run_id"], "announce")
    assert f"1 new in Zoom, by {ONE}, run {run_id}" in log


def test_an_existing_user_starts_no_announcement(stack: Airflow, zoom: Simulator) -> None:
    zoom.seed(JANE)

    run_id, _ = run(stack, ONE, user_info=JANE, if_exists="skip")

    [event] = events(stack, run_id)
    assert event["extra"]["outcomes"] == {"existing": 1}
    follower = started_by(stack, run_id)["run_id"]
    assert stack.wait_for_run(CONSUMER, follower) == "success"
    tasks = stack.tasks(CONSUMER, follower)
    assert {task["task_id"]: task["state"] for task in tasks} == {
        "newcomers": "success",
        "announce": "skipped",
    }


def test_a_consumer_started_by_hand_finds_no_events(stack: Airflow) -> None:
    run_id, state = run(stack, CONSUMER)
    assert state == "success"
    assert {task["state"] for task in stack.tasks(CONSUMER, run_id)} == {"success", "skipped"}


def test_the_dags_with_the_asset_are_read_without_a_warning(stack: Airflow) -> None:
    assert stack.rest("GET", "importErrors")["import_errors"] == []
    assert stack.rest("GET", "dagWarnings")["dag_warnings"] == []
    [asset] = stack.rest("GET", "assets")["assets"]
    assert asset["uri"] == "zoom://account/users"
    assert {task["dag_id"] for task in asset["producing_tasks"]} == {ONE, MANY}
    assert [dag["dag_id"] for dag in asset["scheduled_dags"]] == [CONSUMER]


# ---- messages


def test_three_who_were_let_pass_come_by_mail(
    stack: Airflow, zoom: Simulator, mailbox: Mailbox, roster: Path
) -> None:
    run_id, state = run(stack, MANY, file=roster.name)

    assert state == "success"
    assert len(zoom.people()) == 4
    log_of(stack, MANY, run_id, "create_users")
    [mail] = mailbox.mails
    assert mail["to"] == "hr@example.com"
    assert mail["subject"] == f"Zoom: {MANY}.create_users is done, except for 3 people"
    body = body_of(mail)
    for key in ("E-4", "E-5", "E-6"):
        assert key in body
    assert "4 invited, 3 rejected" in body
    assert body.count("user_info.email") == 3
    assert "&lt;b&gt;bold" in body
    assert "<b>" not in body
    assert "E-0" not in body
    assert f'href="{stack.url}/dags/{MANY}/runs/' in body
    [event] = events(stack, run_id)
    assert event["extra"]["outcomes"] == {"invited": 4, "rejected": 3}
    assert event["extra"]["report"] in body
    assert Path(event["extra"]["report"]).exists()


def test_when_all_is_well_nobody_gets_a_mail(
    stack: Airflow, zoom: Simulator, mailbox: Mailbox, roster: Path
) -> None:
    lines = roster.read_text(encoding="utf-8").splitlines()[:5]
    roster.write_text("\n".join(lines), encoding="utf-8")

    run_id, state = run(stack, MANY, file=roster.name)

    assert (state, len(zoom.people())) == ("success", 4)
    log_of(stack, MANY, run_id, "create_users")
    assert mailbox.mails == []


def test_a_failure_comes_by_mail_without_the_secret(
    stack: Airflow, zoom: Simulator, mailbox: Mailbox, roster: Path
) -> None:
    zoom.configure(client_secret="another")

    run_id, state = run(stack, MANY, file=roster.name)

    assert state == "failed"
    assert zoom.people() == []
    log_of(stack, MANY, run_id, "create_users")
    [mail] = mailbox.mails
    assert mail["subject"] == f"Zoom: {MANY}.create_users failed"
    assert "Client Secret" in body_of(mail)
    assert zoom.settings.client_secret not in mail.as_string() + body_of(mail)
    assert events(stack, run_id) == []


def test_too_many_who_failed_come_by_mail_with_the_failure(
    stack: Airflow, zoom: Simulator, mailbox: Mailbox, roster: Path
) -> None:
    with roster.open("a", encoding="utf-8") as file:
        file.writelines(f"E-{n},nosign {n}\n" for n in range(7, 15))

    run_id, state = run(stack, MANY, file=roster.name)

    assert (state, len(zoom.people())) == ("failed", 4)
    log_of(stack, MANY, run_id, "create_users")
    [mail] = mailbox.mails
    assert mail["subject"] == f"Zoom: {MANY}.create_users failed"
    assert "11 of 15 people failed; max_failures allows 10" in body_of(mail)
    assert all(f"E-{n}<" in body_of(mail) for n in range(4, 15))
    assert events(stack, run_id) == []


@pytest.mark.parametrize(
    ("change", "state"), [({}, "success"), ({"client_secret": "another"}, "failed")]
)
def test_without_a_mail_server_the_task_ends_as_it_would(
    stack: Airflow, zoom: Simulator, roster: Path, change: dict[str, Any], state: str
) -> None:
    zoom.configure(**change)

    run_id, ended = run(stack, MANY, file=roster.name)

    assert ended == state
    log = log_of(stack, MANY, run_id, "create_users")
    assert "The notification could not be sent: ConnectionRefusedError" in log
    assert [task["state"] for task in stack.tasks(MANY, run_id)] == [state]


def test_the_dag_reports_a_task_that_was_killed(stack: Airflow, mailbox: Mailbox) -> None:
    _, state = run(stack, "killed")

    assert state == "failed"
    [mail] = stack.wait_for("The mail", lambda: mailbox.mails or None, 60)
    assert mail["subject"] == "Zoom: killed.die failed"
    assert "<td>E-1</td>" in body_of(mail)


@pytest.mark.parametrize("there", [True, False])
def test_the_example_with_exports_tells_hr(
    airflow_db: Path, connected: Simulator, tmp_path: Path, there: bool
) -> None:
    inbox = tmp_path / "inbox"
    if there:
        inbox.mkdir()
        export = shutil.copy(PROJECT / "dags" / "data" / "hr_export.csv", inbox)
        # What has just changed is left to the next run.
        os.utime(export, (0, 0))
    conf = {"from": "2026-03-02", "folder": str(inbox)}

    with receiving(free_port(0)) as mailbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_VAR_ZOOM_HR_FOLDER", str(inbox))
        patch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mailbox.connection)
        done = run_dag(csv_example.dag, run_conf=conf)

    mails = {mail["subject"].partition("csv.")[2]: body_of(mail) for mail in mailbox.mails}
    assert {mail["to"] for mail in mailbox.mails} == {"hr@example.com"}
    if there:
        assert str(done.state) == "success"
        [(subject, body)] = mails.items()
        assert subject == "summarize is done, except for 5 people"
        assert body.count("<td>rejected</td>") == 5
        assert (
            "ingrid.solberg@example.com</td>\n<td>rejected</td>\n<td>hire date is missing" in body
        )
    else:
        assert str(done.state) == "failed"
        assert set(mails) == {"extract failed", "summarize failed"}
        assert f"There is no folder &#39;{inbox}&#39;" in mails["extract failed"]


# ---- the page


def test_each_piece_of_code_on_the_page_is_run_or_says_why_not() -> None:
    marks = [b.mark for b in blocks(PAGE) if b.language != "json"]
    assert marks == [
        "run by a test: notify",
        "run by a test: smtp",
        "not run: needs a Slack workspace",
    ]


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/secret.csv", "x/../../y", "..", ""])
def test_a_run_names_a_file_and_no_path(name: str) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    found: dict[str, Any] = {}
    exec(block("notify", PAGE), found)  # noqa: S102 - the page's own
    assert found["FILE"].resolve("new-hires.2026.csv") == "new-hires.2026.csv"
    with pytest.raises(ParamValidationError):
        found["FILE"].resolve(name)


def test_the_connection_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    command = f'{block("smtp", PAGE)}\nprintf %s "$AIRFLOW_CONN_SMTP_DEFAULT"'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", done.stdout)

    hook = SmtpHook()
    hook.smtp_connection = hook.get_connection("smtp_default")
    assert (hook.host, hook.port) == ("smtp.example.com", 587)
    assert (hook.use_ssl, hook.smtp_starttls) == (False, True)
    assert hook.from_email == "airflow@example.com"
