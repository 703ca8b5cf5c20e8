"""Rows of a database become users, by one query that runs once in each try."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from tests.support import emails
from tests.unit.operators.conftest import BreakOff, Killed, Perform, StateStore, TaskInstance, lines
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.simulator.server import Simulator
from zoom_provider.transfers.sql import SqlToZoomUsersOperator, open_cursor

MONDAY_AT_5 = datetime(2026, 3, 2, 5, tzinfo=ZoneInfo("Europe/Berlin"))
RUN = {"data_interval_start": MONDAY_AT_5 - timedelta(days=1), "data_interval_end": MONDAY_AT_5}
MAPPING = {"email": "mail", "type": 1, "first_name": "given"}
SQL = "SELECT no, mail, given, start FROM hires ORDER BY no"

Make = Callable[..., SqlToZoomUsersOperator]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    """Make an HR database of SQLite with the connection ``hr`` to it."""
    file = tmp_path / "hr.sqlite"
    found = sqlite3.connect(file)
    found.execute("CREATE TABLE hires (no TEXT, mail TEXT, given TEXT, start TEXT, site TEXT)")
    rows = [
        ("E-1", "ann@example.com", "Annabella", "2026-03-03", "hh"),
        ("E-2", "bob@example.com", "Bobadilla", "2026-04-01", "hh"),
        ("E-3", "cy.example.com", "Cyriacus", "2026-03-03", "b"),
        ("E-4", "dee@example.com", "Dee", None, "b"),
    ]
    found.executemany("INSERT INTO hires VALUES (?, ?, ?, ?, ?)", rows)
    found.commit()
    fields = {"conn_type": "sqlite", "host": str(file)}
    monkeypatch.setenv("AIRFLOW_CONN_HR", json.dumps(fields))
    return found


@pytest.fixture
def make(path: Path) -> Make:
    def operator(**options: Any) -> SqlToZoomUsersOperator:
        given = {"sql": SQL, "conn_id": "hr", "mapping": MAPPING, "key": "no", "max_failures": 9}
        return SqlToZoomUsersOperator(task_id="create", **{**given, "report": str(path), **options})

    return operator


def test_rows_of_a_query_become_users(
    database: sqlite3.Connection,
    connected: Simulator,
    make: Make,
    perform: Perform,
    path: Path,
    ti: TaskInstance,
) -> None:
    first_day = {"column": "start", "lead_days": 1, "timezone": "Europe/Berlin"}
    result = perform(make(first_day=first_day), **RUN)
    assert emails(connected) == ["ann@example.com"]
    assert result["outcomes"] == {"invited": 1, "not_due": 1, "rejected": 2}
    assert [(line["row"], line["key"], line["source"]) for line in lines(path)] == [
        (1, "E-1", "hr"),
        (2, "E-2", "hr"),
        (3, "E-3", "hr"),
        (4, "E-4", "hr"),
    ]
    assert [who["key"] for who in ti.pushed["attention"]] == ["E-3", "E-4"]


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT mail, given FROM hires WHERE site = ?", ["{{ params.site }}"]),
        ("SELECT mail, given FROM hires WHERE site = :site", {"site": "{{ params.site }}"}),
        ("SELECT mail, given FROM hires WHERE site = '{{ params.site }}'", None),
        ("SELECT mail, given FROM hires WHERE given LIKE 'B%' OR given = 'Annabella'", None),
    ],
)
def test_query_and_parameters_may_be_templates(
    sql: str,
    parameters: Any,
    database: sqlite3.Connection,
    connected: Simulator,
    make: Make,
    perform: Perform,
) -> None:
    perform(make(sql=sql, parameters=parameters, key=None), params={"site": "hh"})
    assert emails(connected) == ["ann@example.com", "bob@example.com"]


def test_a_query_may_stand_in_a_file_beside_the_dag(
    tmp_path: Path,
    database: sqlite3.Connection,
    connected: Simulator,
    path: Path,
    perform: Perform,
) -> None:
    (tmp_path / "hires.sql").write_text(
        "SELECT mail, given FROM hires WHERE no = '{{ params.no }}'"
    )
    with DAG("hr", schedule=None, template_searchpath=str(tmp_path)):
        task = SqlToZoomUsersOperator(
            task_id="create", sql="hires.sql", conn_id="hr", mapping=MAPPING, report=str(path)
        )
    perform(task, params={"no": "E-1"})
    assert emails(connected) == ["ann@example.com"]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("CREATE TABLE other (x)", "sql gave no rows and no columns"),
        ("SELECT mail, mail, given FROM hires", "columns has 'mail' twice"),
    ],
)
def test_a_query_that_gives_no_usable_rows_is_refused(
    sql: str,
    says: str,
    database: sqlite3.Connection,
    connected: Simulator,
    make: Make,
    perform: Perform,
) -> None:
    with pytest.raises(AirflowFailException, match=says):
        perform(make(sql=sql, key=None))
    assert connected.requests() == []


def test_a_query_without_rows_is_green(
    database: sqlite3.Connection, connected: Simulator, make: Make, perform: Perform
) -> None:
    assert perform(make(sql=SQL.replace("ORDER", "WHERE 0 ORDER")))["outcomes"] == {}


def test_a_connection_that_is_no_database_is_refused_by_name(
    connected: Simulator, make: Make, perform: Perform
) -> None:
    with pytest.raises(AirflowFailException, match="zoom_default is a connection of type zoom"):
        perform(make(conn_id="zoom_default"))


def test_a_database_without_its_provider_is_refused_with_what_to_install(
    connected: Simulator, make: Make, perform: Perform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HR", json.dumps({"conn_type": "nosuch", "host": "x"}))
    with pytest.raises(AirflowFailException, match="pip install apache-airflow-providers-nosuch"):
        perform(make())


def test_an_error_of_the_database_is_raised_as_it_is_and_retried(
    database: sqlite3.Connection, connected: Simulator, make: Make, perform: Perform
) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        perform(make(sql="SELECT * FROM nowhere"))


@pytest.mark.parametrize("option", ["users", "roster", "multiple_outputs"])
def test_another_source_is_refused_while_the_dag_is_parsed(option: str, make: Make) -> None:
    with pytest.raises(ZoomValidationError, match=option):
        make(**{option: "x"})


def test_at_a_retry_the_query_runs_again_and_no_user_is_created_twice(
    database: sqlite3.Connection,
    connected: Simulator,
    make: Make,
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    break_off(1, store, killed=True)
    with pytest.raises(Killed):
        perform(make(), task_state_store=store)
    database.execute("INSERT INTO hires VALUES ('E-0', 'zoe@example.com', 'Zoë', NULL, 'b')")
    database.commit()
    result = perform(make(), task_state_store=store)
    assert result["outcomes"] == {"invited": 4, "rejected": 1}
    posts = [entry["email"] for entry in connected.requests("POST /v2/users")]
    assert len(posts) == len(set(posts)) == 4


@pytest.mark.parametrize(
    ("module", "opened"),
    [
        ("psycopg2.extensions", ((), {"name": "zoom_users"})),
        ("sqlite3", ((), {})),
        ("pyodbc", ((), {})),
    ],
)
def test_a_server_side_cursor_is_opened_where_the_driver_has_one(module: str, opened: Any) -> None:
    def cursor(_: Any, *args: Any, **options: Any) -> Any:
        return args, options

    connection = type("Connection", (), {"__module__": module, "cursor": cursor})
    assert open_cursor(connection()) == opened
