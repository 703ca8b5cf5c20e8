"""zoom_onboarding_bamboohr, run by a real Airflow against a stand-in of BambooHR."""

from __future__ import annotations

import csv
import email.utils
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from devstack.processes import Processes
from tests.integration.leaks.names import texts_in_database
from tests.readme import block, blocks
from tests.requires import require
from tests.stand_ins.bamboohr import BambooHR, running
from tests.support import emails, run_dag, told_asset
from zoom_provider.simulator.server import Simulator

PROJECT = Path(__file__).parents[2]
PAGE = "docs/sources/bamboohr.md"
DAG_FILE = PROJECT / "dags" / "zoom_onboarding_bamboohr.py"
BERLIN = ZoneInfo("Europe/Berlin")

# The run of a morning to come: people are still hires to BambooHR, at whatever time this runs.
MORNING = datetime.combine(datetime.now(BERLIN) + timedelta(days=3), clock_time(5), BERLIN)
TOMORROW = MORNING.date() + timedelta(days=1)
LONG_AGO = MORNING - timedelta(days=90)

# What is asked first, and an error that Airflow does not try again.
ASKED, FAILED = "GET /api/v1/employees/changed", "AirflowFailException"

Run = Callable[..., Any]


def day(number: int) -> date:
    """Give a first day: 0 is the one for which the run of MORNING is meant."""
    return TOMORROW + timedelta(days=number)


@pytest.fixture
def hr(monkeypatch: pytest.MonkeyPatch) -> Iterator[BambooHR]:
    """Run a company without employees, and connect Airflow to it."""
    provider = find_spec("airflow.providers.http")
    require("Airflow's HTTP provider", provider, "pip install 'airflow-provider-zoom[examples]'")
    with running(BambooHR()) as company:
        connect(monkeypatch, company, company.key)
        yield company


def connect(monkeypatch: pytest.MonkeyPatch, hr: BambooHR, key: str) -> None:
    fields = {"conn_type": "http", "host": hr.url, "login": "api-key", "password": key}
    monkeypatch.setenv("AIRFLOW_CONN_BAMBOOHR", json.dumps(fields))


@pytest.fixture
def run(airflow_db: Path, connected: Simulator) -> Run:
    """Run the example to its end, as of MORNING unless another date or conf is given."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(DAG_FILE)
    assert bag.import_errors == {}

    def run(conf: dict[str, Any] | None = None, logical_date: datetime | None = MORNING) -> Any:
        dag = bag.dags["zoom_onboarding_bamboohr"]
        return run_dag(dag, run_conf=conf, logical_date=logical_date)

    return run


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """List what is waited between two tries of a request, instead of waiting."""
    seconds: list[float] = []
    instead = SimpleNamespace(sleep=seconds.append, time=time.time)
    monkeypatch.setattr("urllib3.util.retry.time", instead)
    return seconds


def asked(hr: BambooHR, path: str) -> list[dict[str, Any]]:
    return [sent for _, where, sent in hr.requests if where.endswith(path)]


def pulled(run: Any, key: str = "return_value", task_id: str = "create_users") -> Any:
    return run.get_task_instance(task_id).xcom_pull(task_ids=task_id, key=key)


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def test_who_starts_tomorrow_or_came_late_is_in_zoom_once(
    run: Run, hr: BambooHR, connected: Simulator
) -> None:
    yesterday = MORNING - timedelta(hours=20)
    active = {"status": "Active"}
    gone = {"status": "Inactive"}
    hr.add(1, day(0), email="entered.long.ago@example.com", changed=LONG_AGO, **gone)
    hr.add(2, day(0), email="withdrew@example.com", terminationDate=f"{day(0)}", **gone)
    hr.add(3, day(0), email="for.a.year@example.com", terminationDate=f"{day(365)}", **gone)
    hr.add(4, day(1), email="a.day.later@example.com", changed=yesterday, **gone)
    hr.add(5, day(-1), email="entered.yesterday@example.com", changed=yesterday, **gone)
    hr.add(6, day(-30), email="thirty.days.late@example.com", changed=yesterday, **active)
    hr.add(7, day(-31), email="new.name@example.com", changed=yesterday, **active)
    hr.add(8, day(-9), email="done.before@example.com", changed=LONG_AGO, **active)
    hr.add(9, day(-9), email="left@example.com", changed=yesterday, **gone)
    hr.add(10, None, email="no.first.day@example.com", changed=yesterday, **active)
    hr.add(11, day(0), email="again@example.com", terminationDate=f"{day(-99)}", **gone)
    wanted = ["again", "entered.long.ago", "entered.yesterday", "for.a.year", "thirty.days.late"]

    first = run()
    assert sorted(emails(connected)) == [f"{name}@example.com" for name in wanted]
    assert (str(first.state), pulled(first, task_id="summarize")) == ("success", {"invited": 5})
    assert told_asset(first) == [{"invited": 5}]

    # For the same morning: Airflow puts it in the place of the first.
    again = run()
    assert sorted(emails(connected)) == [f"{name}@example.com" for name in wanted]
    assert (str(again.state), pulled(again, task_id="summarize")) == ("success", {"existing": 5})
    assert len(connected.requests("POST /v2/users")) == 5

    # An interval is a day; on the two days a year when clocks are set, 23 or 25 hours.
    day_before = datetime.combine(MORNING - timedelta(days=1), clock_time(5), BERLIN)
    since = [datetime.fromisoformat(sent["since"]) for sent in asked(hr, "/changed")]
    assert since == [day_before, day_before]


def test_first_day_that_cannot_be_read_is_a_failure_and_holds_up_none(
    run: Run, hr: BambooHR, connected: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    hr.add(1, day(0), email="ann@example.com")
    late = {"hireDate": f"{day(-1)}T00:00:00", "changed": MORNING - timedelta(hours=20)}
    hr.add(2, day(-1), email="bob@example.com", **late)
    for number in range(3, 14):
        hr.add(number, day(-1), hireDate=f"{day(-1)} or later")

    done = run()

    assert sorted(emails(connected)) == ["ann@example.com", "bob@example.com"]
    assert states(done) == {"create_users": "failed", "summarize": "failed"}
    reason = f"first_day: hireDate '{day(-1)} or later' is not in the form YYYY-MM-DD"
    assert f"bamboohr 13 person13@example.com: rejected, {reason}" in caplog.text
    attention = pulled(done, "attention")
    assert {line["key"] for line in attention} == {str(number) for number in range(3, 14)}


def test_a_crowd_is_stopped_before_anybody_is_created(
    run: Run, hr: BambooHR, connected: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(501):
        hr.add(number, day(0))

    assert str(run().state) == "failed"

    assert "501 people are more than max_creates=500 allows" in capsys.readouterr().out
    assert connected.people() == []


def test_every_page_is_read_and_mapped(run: Run, hr: BambooHR, connected: Simulator) -> None:
    for number in range(25):
        hr.add(number, day(0), jobInformationDepartment=("Sales", "Law")[number % 2])
    hr.most_per_page = 10

    run()

    assert [sent["page"] for sent in asked(hr, "/data")] == [1, 2, 3]
    assert {person["email"]: person["type"] for person in connected.people()} == {
        f"person{number}@example.com": (2, 1)[number % 2] for number in range(25)
    }


def test_dates_instead_of_the_interval_are_both_included(
    run: Run, hr: BambooHR, connected: Simulator
) -> None:
    for number in range(5):
        hr.add(number, day(number))

    run({"from": f"{day(1)}", "to": f"{day(3)}"})

    assert sorted(emails(connected)) == [f"person{number}@example.com" for number in (1, 2, 3)]
    assert asked(hr, "/changed") == []


def test_dates_the_wrong_way_round_are_refused(
    run: Run, hr: BambooHR, capfd: pytest.CaptureFixture[str]
) -> None:
    assert str(run({"from": f"{day(3)}", "to": f"{day(1)}"}).state) == "failed"

    assert f"No day is both from {day(3)} on and up to {day(1)}" in capfd.readouterr().out
    assert hr.requests == []


def test_without_interval_and_dates_tomorrow_is_meant(
    run: Run, hr: BambooHR, connected: Simulator
) -> None:
    today = datetime.now(BERLIN).date()
    for number in range(4):
        hr.add(number, today + timedelta(days=number), status="Inactive")

    run(logical_date=None)

    # A run over midnight may mean either day.
    possible = {(on - today).days + 1 for on in (today, datetime.now(BERLIN).date())}
    assert emails(connected) in [[f"person{number}@example.com"] for number in possible]


@pytest.mark.parametrize("status", [429, 503])
def test_bamboohr_is_given_the_time_that_it_asks_for(
    run: Run, hr: BambooHR, connected: Simulator, waited: list[float], status: int
) -> None:
    hr.add(1, day(0))
    at = datetime.now(UTC) + timedelta(seconds=60)
    hr.refusals = [(status, "7"), (status, email.utils.format_datetime(at, usegmt=True))]
    hr.refusals += [(status, "86400"), (status, None)]

    assert str(run().state) == "success"

    assert emails(connected) == ["person1@example.com"]
    seconds, until_then, bounded, unasked = waited
    assert (seconds, bounded) == (7, 75)
    # What of the minute had passed when the reply came.
    assert 0 <= until_then <= 60
    assert 0 < unasked <= 75


def test_the_question_that_is_a_post_is_asked_again_too(
    run: Run, hr: BambooHR, connected: Simulator, waited: list[float]
) -> None:
    hr.add(1, day(0))
    hr.refusals = [(429, "7"), (503, "8")]

    # With dates, nothing else is asked.
    assert str(run({"from": f"{day(0)}"}).state) == "success"

    assert emails(connected) == ["person1@example.com"]
    assert ([method for method, *_ in hr.requests], waited) == (["POST"] * 3, [7, 8])


@pytest.mark.parametrize(
    ("refusals", "reported"),
    [
        ([(400, None)], f"{FAILED}: BambooHR answered {ASKED} with 400 Bad Request"),
        ([(403, None)], "the password of the connection bamboohr must be an API key"),
        # Where the task has retries, these are worth one.
        ([(200, None)], f"RuntimeError: BambooHR gave no answer to {ASKED}: JSONDecodeError"),
        ([(500, None)], f"RuntimeError: BambooHR answered {ASKED} with 500"),
        ([(429, "1")] * 5, f"RuntimeError: BambooHR answered {ASKED} with 429"),
        ([(503, "1")] * 5, f"RuntimeError: BambooHR answered {ASKED} with 503"),
    ],
)
def test_what_bamboohr_refuses_is_told_in_one_line(
    run: Run,
    hr: BambooHR,
    connected: Simulator,
    waited: list[float],
    capfd: pytest.CaptureFixture[str],
    refusals: list[tuple[int, str | None]],
    reported: str,
) -> None:
    hr.refusals = [*refusals]

    ended = run()

    assert str(ended.state) == "failed"
    assert reported in capfd.readouterr().out
    assert hr.refusals == []
    assert connected.people() == []
    assert states(ended)["summarize"] == "failed"


def test_a_wrong_key_is_told_without_the_key(
    run: Run,
    hr: BambooHR,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    connect(monkeypatch, hr, "a-wrong-key-of-bamboohr")

    assert str(run().state) == "failed"

    reported = caplog.text + "".join(capfd.readouterr())
    assert "with 401 Unauthorized; the password of the connection bamboohr must be" in reported
    assert "a-wrong-key" not in reported


def test_the_key_and_names_are_nowhere_to_be_read(
    run: Run,
    hr: BambooHR,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    caplog.set_level("DEBUG")
    hr.add(1, day(0), lastName="Åkerman-Nwosu")
    ended = run()

    with create_session() as session:
        of_run = {"dag_id": ended.dag_id, "run_id": ended.run_id}
        xcoms = session.scalars(select(XComModel.value).filter_by(**of_run)).all()
        rendered = session.scalars(select(Rendered.rendered_fields).filter_by(**of_run)).all()
    assert "person1@example.com" not in str(xcoms)
    assert rendered != []
    reported = caplog.text + "".join(capfd.readouterr())
    assert "1 people with their first day" in reported
    assert hr.key not in reported + str(xcoms) + str(rendered)
    stored = texts_in_database()
    assert any("zoom_onboarding_bamboohr" in text for text in stored)
    for name in ("Åkerman-Nwosu", "Nwosu"):
        assert name not in reported
        assert [text for text in stored if name in text] == []


def test_a_person_who_cannot_be_created_is_traced_to_bamboohr(
    run: Run, hr: BambooHR, connected: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    hr.add(4711, day(0), email=None)
    hr.add(4712, day(0))

    ended = run()

    assert str(ended.state) == "success"
    assert emails(connected) == ["person4712@example.com"]
    assert pulled(ended, task_id="summarize") == {"invited": 1, "rejected": 1}
    [failure] = pulled(ended, "attention")
    assert (failure["source"], failure["key"], failure["outcome"]) == (
        *("bamboohr", "4711", "rejected"),
    )
    assert f"bamboohr 4711 : rejected, {failure['reason']}" in caplog.text
    with Path(pulled(ended, "report")).with_suffix(".rejects.csv").open(encoding="utf-8") as file:
        [reject] = csv.DictReader(file)
    assert (reject["source"], reject["key"], reject["field"]) == (
        *("bamboohr", "4711", "user_info.email"),
    )


def test_too_many_failures_turn_the_run_red_and_hold_nobody_up(
    run: Run, hr: BambooHR, connected: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(11):
        hr.add(number, day(0), email="nosign")
    hr.add(11, day(0))

    ended = run()

    assert states(ended) == {"create_users": "failed", "summarize": "failed"}
    assert emails(connected) == ["person11@example.com"]
    assert all(f"bamboohr {number} nosign: rejected" in caplog.text for number in range(11))
    assert told_asset(ended) == []


def test_whom_zoom_has_stays_as_they_are(run: Run, hr: BambooHR, connected: Simulator) -> None:
    connected.seed({"email": "person1@example.com", "type": 2, "first_name": "Janet"})
    hr.add(1, day(0), email=" Person1@Example.COM ")
    hr.add(2, day(0), email="person1@example.com")

    ended = run()

    [person] = connected.people()
    assert (person["first_name"], person["type"]) == ("Janet", 2)
    assert pulled(ended, task_id="summarize") == {"existing": 1}


def test_a_morning_without_hires_is_green(run: Run, hr: BambooHR, connected: Simulator) -> None:
    ended = run()

    assert (str(ended.state), pulled(ended, task_id="summarize")) == ("success", {})
    assert Path(pulled(ended, "report")).read_text(encoding="utf-8") == ""
    assert connected.people() == []


def test_without_the_provider_one_line_says_what_is_missing(
    airflow_db: Path,
    connected: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    def found(name: str, *rest: Any) -> Any:
        return None if name == "airflow.providers.http" else find_spec(name, *rest)

    monkeypatch.setattr("importlib.util.find_spec", found)
    bag = DagBag(DAG_FILE)
    assert bag.import_errors == {}
    dag = bag.dags["zoom_onboarding_bamboohr"]
    missing = "Needs the HTTP provider: pip install 'airflow-provider-zoom[examples]'"
    assert dag.description == missing

    ended = run_dag(dag, logical_date=MORNING)

    assert states(ended)["create_users"] == "failed"
    reported = capfd.readouterr().out
    assert missing in reported
    assert "ModuleNotFoundError" not in reported


# ---- the page in docs/


def test_the_page_shows_the_code_as_it_is() -> None:
    code = DAG_FILE.read_text(encoding="utf-8")
    shown = [b.code for b in blocks(PAGE) if b.language == "python"]
    assert len(shown) == 3
    assert [piece for piece in shown if piece not in code] == []
    rest = {b.mark for b in blocks(PAGE) if b.language == "bash"}
    run = {f"run by a test: {name}" for name in ("connection", "stand-in")}
    assert rest == {*run, "not run: needs a BambooHR account"}


def test_the_connection_of_the_page_puts_the_key_where_bamboohr_looks(
    run: Run, hr: BambooHR, connected: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = f'{block("connection", PAGE)}\nprintf %s "$AIRFLOW_CONN_BAMBOOHR"'
    said = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, check=True)
    there = json.loads(said.stdout) | {"host": hr.url}
    monkeypatch.setenv("AIRFLOW_CONN_BAMBOOHR", json.dumps(there))
    hr.key = "BAMBOOHR_API_KEY"
    hr.add(1, day(0))

    assert str(run().state) == "success"
    assert emails(connected) == ["person1@example.com"]


def test_the_stand_in_runs_by_itself(tmp_path: Path) -> None:
    python, *command = block("stand-in", PAGE).replace("8090", "0").split()
    assert [python, command.pop(0)] == ["python", "-m"]
    (tmp_path / "logs").mkdir()
    with Processes(tmp_path / "logs", dict(os.environ)) as processes:
        url = processes.start_server("bamboohr", *command)
        query = {"fields": ["eeid", "email"], "filter": "hireDate ge '2020-01-01'"}
        data = f"{url}/api/v2/datasets/employee/data"
        reply = requests.post(data, json=query, auth=("bamboohr-stand-in-key", "x"), timeout=30)
        assert reply.json()["meta"]["totalItems"] == 29
        assert requests.post(data, json=query, timeout=30).status_code == 401
