"""The README's DAG for a new HR source, as it stands there, on an HR system that speaks HTTP."""

from __future__ import annotations

import base64
import csv
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.leaks.names import texts_in_database
from tests.readme import block
from tests.requires import require
from tests.support import emails, run_dag
from tests.unit.operators.conftest import lines
from zoom_provider.simulator.server import Simulator

CODE = block("any-source")
MOST_LINES = 20
KEY = "made-up-key-of-hr"
BASIC = f"Basic {base64.b64encode(f'airflow:{KEY}'.encode()).decode()}"

# Employees, with their first days.
PEOPLE = [
    ("2026-03-03", "E-1", "Ada@example.com", "Sales", "Adaeze", "Nwosu"),
    ("2026-03-03", "E-2", "bjorn@example.com", "Law", "Björn", "Åkerman"),
    ("2026-03-03", "E-3", "nosign.example.com", "Law", "Nobuko", "Bodyson"),
    ("2026-03-04", "E-4", "later@example.com", "Law", "Lauretta", "Tervonen"),
]
NAMES = [name for *_, given, family in PEOPLE for name in (given, family)]
# Ends on Monday, 2 March, at five in the morning in Berlin.
MONDAY = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
FIELDS = ("firstDay", "employeeNumber", "workEmail", "department", "given", "family")


class HrSystem(BaseHTTPRequestHandler):
    """Answers ``GET /starters`` as the README says, if the key is right."""

    asked: list[dict[str, list[str]]]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if self.headers["Authorization"] != BASIC or url.path != "/starters":
            self.send_error(403)
            return
        self.asked.append(parse_qs(url.query))
        found = [dict(zip(FIELDS, person, strict=True)) for person in PEOPLE]
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing on the terminal."""


@pytest.fixture
def hr(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, list[str]]]]:
    """Run an HR system, with the connection ``hr`` to it; yield the queries that it gets."""
    asked: list[dict[str, list[str]]] = []
    handler = type("Handler", (HrSystem,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    fields = {
        "conn_type": "http",
        "host": f"http://127.0.0.1:{server.server_port}",
        "login": "airflow",
        "password": KEY,
    }
    monkeypatch.setenv("AIRFLOW_CONN_HR", json.dumps(fields))
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_has_at_most_20_lines() -> None:
    lines = [line for line in CODE.splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES
    assert [line for line in lines if len(line) > 100 or ";" in line] == []


def read_example(folder: Path) -> Any:
    """Parse the example as Airflow does, and return its DAG."""
    provider = find_spec("airflow.providers.http")
    require("Airflow's HTTP provider", provider, "pip install 'airflow-provider-zoom[examples]'")
    from airflow.dag_processing.dagbag import DagBag

    path = folder / "hr_to_zoom.py"
    path.write_text(CODE, encoding="utf-8")
    bag = DagBag(path)
    assert bag.import_errors == {}
    return bag.dags["hr_to_zoom"]


def test_starters_are_in_zoom_and_each_failure_can_be_traced(
    airflow_db: Path,
    connected: Simulator,
    hr: list[dict[str, list[str]]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    run = run_dag(read_example(tmp_path), logical_date=MONDAY)

    assert str(run.state) == "success"
    assert len(hr) == 1
    people = {person["email"]: person for person in connected.people()}
    created = {
        email: (person["type"], person["first_name"], person["last_name"], person["status"])
        for email, person in people.items()
    }
    assert created == {
        "ada@example.com": (2, "Adaeze", "Nwosu", "pending"),
        "bjorn@example.com": (1, "Björn", "Åkerman", "pending"),
    }

    task = run.get_task_instance("create_users")
    left = {
        key: task.xcom_pull(task_ids="create_users", key=key) for key in ("report", "attention")
    }
    who = {"source": "create_users", "row": 3, "key": "E-3", "email": "nosign.example.com"}
    [failure] = left["attention"]
    assert failure == {**failure, **who, "outcome": "rejected"}
    outcomes = {line["key"]: line["outcome"] for line in lines(Path(left["report"]))}
    assert outcomes == {"E-1": "invited", "E-2": "invited", "E-3": "rejected", "E-4": "not_due"}
    with Path(left["report"]).with_suffix(".rejects.csv").open(encoding="utf-8") as file:
        [reject] = csv.DictReader(file)
    assert {**reject, "row": int(reject["row"])} == {**reject, **who, "field": "user_info.email"}
    assert f"user_info.email: {reject['reason']}" == failure["reason"]
    assert (
        f"Row 3 of create_users, key E-3, nosign.example.com: rejected, {failure['reason']}"
        in caplog.text
    )
    # What a task returns is not written through the logger that caplog hears.
    said = caplog.text + "".join(capfd.readouterr())
    stored = texts_in_database()
    assert any("E-3" in text for text in stored)
    for secret in (KEY, *NAMES):
        assert secret not in said
        assert [text for text in stored if secret in text] == []


@pytest.mark.parametrize(
    ("conf", "state", "created"),
    [
        ({"from": "2026-03-04", "to": "2026-03-04"}, "success", ["later@example.com"]),
        ({}, "failed", []),
    ],
)
def test_a_run_without_an_interval_takes_the_days_that_it_is_given_and_guesses_none(
    conf: dict[str, str],
    state: str,
    created: list[str],
    airflow_db: Path,
    connected: Simulator,
    hr: list[dict[str, list[str]]],
    tmp_path: Path,
) -> None:
    run = run_dag(read_example(tmp_path), logical_date=None, run_conf=conf)

    assert str(run.state) == state
    assert run.data_interval_end is None
    assert emails(connected) == created
