"""What the page about PostgreSQL shows, and the commands on it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from devstack import postgres
from tests.integration.hr_table import (
    DAG_FILE,
    PAGE,
    SEED,
    seed,
)
from tests.readme import PROJECT, block, blocks

SQL = re.compile(r'^SQL = """(.*?)"""$', re.DOTALL | re.MULTILINE)
RUN = ("connection", "grant", "seed", "index", "backfill")


def test_each_block_of_the_page_is_run_or_shows_what_the_dag_has() -> None:
    marks = {b.mark for b in blocks(PAGE) if b.language == "bash" or b.mark}
    assert marks == {f"run by a test: {name}" for name in RUN}
    code = DAG_FILE.read_text(encoding="utf-8")
    shown = [b for b in blocks(PAGE) if b.language in ("python", "sql") and not b.mark]
    assert len(shown) >= 3
    assert [b.code for b in shown if b.code not in code] == []


def test_the_statement_uses_the_indexes(hr_server: postgres.Server) -> None:
    seed(hr_server)
    assert block("index", PAGE) in SEED
    hr_server.run_sql(
        "hr",
        "INSERT INTO hr.employees (employee_number, employment_type, hire_date, recorded_at)"
        " SELECT n, 'employee', date '2000-01-01' + n / 10,"
        " timestamptz '2000-01-01Z' + n * interval '1 hour'"
        " FROM generate_series(1, 50000) n",
    )
    hr_server.run_sql("hr", "ANALYZE hr.employees")
    sql = SQL.search(DAG_FILE.read_text(encoding="utf-8"))
    assert sql
    given = {"first": "2005-01-02", "last": "2005-01-02", "today": "2005-01-01"}
    given |= {"start": "2005-01-01 04:00Z", "end": "2005-01-02 04:00Z"}

    plan = hr_server.run_sql(
        "hr", "EXPLAIN" + sql[1] % {name: f"'{value}'" for name, value in given.items()}
    )

    assert "employees_hire_date" in plan
    assert "employees_recorded_at" in plan
    assert "Seq Scan" not in plan


def test_the_connection_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    command = f'{block("connection", PAGE)}\nprintf %s "$AIRFLOW_CONN_HR_POSTGRES"'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    monkeypatch.setenv("AIRFLOW_CONN_HR_POSTGRES", done.stdout)

    found = PostgresHook.get_connection("hr_postgres")

    assert (found.conn_type, found.host, found.schema) == ("postgres", "hr-db.example.com", "hr")
    assert found.extra_dejson == {"sslmode": "verify-full"}


def test_the_seed_makes_what_the_page_says(hr_server: postgres.Server) -> None:
    hr_server.create_database("tried")
    path = f"{Path(postgres.program('psql') or '').parent}{os.pathsep}{os.environ['PATH']}"
    reach = f"postgresql://airflow@127.0.0.1:{hr_server.port}/tried"
    env = {**os.environ, "PATH": path, "HR_DATABASE": reach}
    command = ["bash", "-c", block("seed", PAGE)]
    subprocess.run(command, env=env, cwd=PROJECT, capture_output=True, check=True)

    rows = hr_server.run_sql("tried", "SELECT count(*) FROM hr.employees").strip()

    text = (PROJECT / PAGE).read_text(encoding="utf-8")
    assert f"with {rows} made-up rows" in text
    emails = hr_server.run_sql(
        "tried", "SELECT work_email FROM hr.employees WHERE work_email <> ''"
    )
    domains = {email.rpartition("@")[2] for email in emails.split()}
    assert domains == {"example.com", "example.net", "example.org"}
