"""Rows of a real PostgreSQL become users: by a server-side cursor, under both of its drivers."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from devstack import postgres
from tests.support import emails
from tests.unit.operators.conftest import lines
from zoom_provider.provisioning.spool import Spool
from zoom_provider.simulator.server import Simulator
from zoom_provider.transfers.sql import SqlToZoomUsersOperator

TABLE = """
DROP TABLE IF EXISTS hires;
CREATE TABLE hires (
  no integer, mail text, given text, licence numeric, start date, seen timestamptz
);
INSERT INTO hires VALUES
  (1, 'ann@example.com', 'Änn', 1, '2026-03-03', '2026-01-01 12:00Z'),
  (2, 'bob@example.com', 'Bob', 2, '2026-04-01', '-infinity'),
  (3, 'cy@example.com', 'Cy', 1, 'infinity', NULL),
  (4, 'dee@example.com', 'Dee', 1, NULL, NULL);
"""
MANY = """
CREATE TABLE IF NOT EXISTS crowd AS
SELECT n, 'p' || n || '@example.com' AS mail, repeat('x', 200) AS filler
FROM generate_series(1, 200000) n;
"""
FIRST_DAY = {"column": "start", "from": "2026-03-01", "to": "2026-03-31"}


@pytest.fixture
def hr(hr_server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> postgres.Server:
    """Make a table of hires, with the connection ``hr`` to it."""
    hr_server.run_sql("hr", TABLE)
    monkeypatch.setenv("AIRFLOW_CONN_HR", json.dumps(hr_server.connection("hr")))
    return hr_server


@pytest.fixture
def airflow(airflow_db: Path) -> None:
    """Let Airflow know its connection types."""


def create(sql: str, report: Path, **options: Any) -> Any:
    mapping = {"email": "mail", "type": "licence", "first_name": "given"}
    given: dict[str, Any] = {
        "mapping": mapping,
        "key": "no",
        "max_failures": 9,
        "report": str(report),
    }
    task = SqlToZoomUsersOperator(task_id="create", sql=sql, conn_id="hr", **given | options)
    context: Any = {"ti": _TaskInstance(), "params": {"site": "hh"}}
    task.render_template_fields(context)
    return task.execute(context)


class _TaskInstance:
    dag_id, run_id, task_id, map_index = "hr", "run", "create", -1
    try_number, max_tries = 1, 0

    def xcom_push(self, key: str, value: Any) -> None:
        pass


@pytest.mark.usefixtures("airflow", "hr")
def test_rows_of_every_type_become_users_or_failures(connected: Simulator, tmp_path: Path) -> None:
    result = create(
        "SELECT * FROM hires WHERE no < %(most)s ORDER BY no",
        tmp_path / "r.jsonl",
        parameters={"most": 9},
        first_day=FIRST_DAY,
    )
    assert emails(connected) == ["ann@example.com"]
    assert connected.people()[0]["first_name"] == "Änn"
    assert result["outcomes"] == {"invited": 1, "not_due": 1, "rejected": 2}
    report = lines(tmp_path / "r.jsonl")
    assert sorted((line["key"], line["outcome"]) for line in report) == [
        ("1", "invited"),
        ("2", "not_due"),
        ("3", "rejected"),
        ("4", "rejected"),
    ]


@pytest.mark.usefixtures("airflow", "hr")
def test_a_query_without_rows_is_green(connected: Simulator, tmp_path: Path) -> None:
    result = create("SELECT * FROM hires WHERE false", tmp_path / "r.jsonl", first_day=FIRST_DAY)
    assert result["outcomes"] == {}


@pytest.mark.usefixtures("airflow")
def test_a_large_table_takes_no_memory_for_its_rows(hr: postgres.Server) -> None:
    hr.run_sql("hr", MANY)
    operator = SqlToZoomUsersOperator(
        task_id="create", sql="SELECT * FROM crowd ORDER BY n", conn_id="hr", mapping={}
    )
    spool = Spool(operator.columns_of_rows)
    tracemalloc.start()
    try:
        spool.fill(operator.read_rows({}))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(spool) == 200_000
    assert peak < 16 * 1024 * 1024
    # What libpq holds is not Python's: the rows stayed on the server.
    with operator._hook().get_conn() as connection:
        assert type(connection).__module__.partition(".")[0] in ("psycopg", "psycopg2")


@pytest.mark.usefixtures("airflow", "hr")
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_both_drivers_read_by_a_cursor_on_the_server(
    driver: str, hr: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = pytest.importorskip(driver)
    where = BaseHook.get_connection("hr")
    dsn = f"host={where.host} port={where.port} user={where.login} dbname={where.schema}"

    class Hook:
        def get_conn(self) -> Any:
            return module.connect(dsn)

    monkeypatch.setattr(SqlToZoomUsersOperator, "_hook", lambda _: Hook())
    sql = "SELECT no, start, (SELECT count(*) FROM pg_cursors) AS cursors FROM hires WHERE no < 3"
    operator = SqlToZoomUsersOperator(task_id="create", sql=sql, conn_id="hr", mapping={})
    spool = Spool(operator.columns_of_rows)
    spool.fill(operator.read_rows({}))
    assert list(spool) == [
        {"no": 1, "start": "2026-03-03", "cursors": 1},
        {"no": 2, "start": "2026-04-01", "cursors": 1},
    ]
