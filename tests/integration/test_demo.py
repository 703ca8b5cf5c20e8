"""The demo and the local UI, as a person runs them; they end without leaving a process behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import psutil  # type: ignore[import-untyped]
import pytest

from devstack import postgres
from devstack.rest import AirflowClient
from devstack.ui import SCHEDULED
from tests.requires import require

PROJECT = Path(__file__).parents[2]
# A real Airflow with its four processes is started each time.
pytestmark = pytest.mark.slow


def processes_of(home: str) -> list[str]:
    """List what still runs with this AIRFLOW_HOME, or was started from there."""
    folder = str(PROJECT / home)
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("AIRFLOW_HOME") == folder or folder in process.cmdline():
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def read_sample() -> list[dict[str, str]]:
    path = PROJECT / "dags" / "data" / "hr_export.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Script:
    """A script of ours in a session of its own, as in a terminal."""

    def __init__(self, name: str) -> None:
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"devstack.{name}"],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def listen(self, until: str = "") -> str:
        """Read what it says, up to a line that has this, or to the end; return that line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if until and until in line:
                return line
        assert not until, f"It never said {until!r}:\n{self.said}"
        return ""

    def interrupt(self) -> int:
        """Press Ctrl-C, and wait for its end."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.listen()
        return self.process.wait(60)


@pytest.fixture
def script(request: pytest.FixtureRequest) -> Iterator[Script]:
    running = Script(request.param)
    yield running
    if running.process.poll() is None:
        running.interrupt()


@pytest.mark.parametrize("script", ["demo"], indirect=True)
def test_the_demo_tells_what_happened_to_each_person(script: Script) -> None:
    script.listen()

    assert script.process.wait(60) == 0, script.said
    _, _, rest = script.said.partition("\nOUTCOME ")
    table, _, ending = rest.partition("\n\n")
    rows = [line.split() for line in table.splitlines()[1:]]
    sample = [row["Work Email"] for row in read_sample()]
    assert sorted(row[1] for row in rows) == sorted(sample)
    assert Counter(row[0] for row in rows) == {
        **{"invited": 37, "rejected": 5, "not_due": 2},
        **{"existing": 1, "foreign_account": 1, "duplicate": 1},
    }
    # A user that is neither new nor existing has a reason beside the name.
    assert all(len(row) > 5 for row in rows if row[0] not in ("invited", "existing"))
    assert "exactly the expected ones" in ending
    assert "make ui" in ending
    assert processes_of(".demo") == []

    # Airflow's logs have addresses, and no names.
    names = {row["Last Name"] for row in read_sample() if not row["Last Name"].isascii()}
    spelled = names | {json.dumps(name)[1:-1] for name in names}
    logs = [path for path in (PROJECT / ".demo" / "logs").rglob("*") if path.is_file()]
    texts = {path: path.read_text(encoding="utf-8") for path in logs}
    assert any("sakura.sato@example.com" in text for text in texts.values())
    assert [(path, n) for path, text in texts.items() for n in spelled if n in text] == []


@pytest.mark.parametrize("script", ["demo"], indirect=True)
def test_a_demo_stopped_in_the_middle_leaves_no_process(script: Script) -> None:
    script.listen("Running zoom_onboarding_csv")

    assert script.interrupt() == 130
    assert "Traceback" not in script.said
    assert processes_of(".demo") == []


@pytest.mark.parametrize("script", ["ui"], indirect=True)
def test_the_ui_is_there_until_ctrl_c(script: Script) -> None:
    require("PostgreSQL", postgres.program("initdb"), "install Debian's postgresql")
    url = script.listen("Airflow  ").split()[-1]
    password = script.listen("password").split()[-1]
    zoom = script.listen("The local Zoom  ").split()[-1]
    mailbox = script.listen("The mailbox  ").split()[-1]
    script.listen("Stop with Ctrl-C")
    opener = build_opener(ProxyHandler({}))

    def shows(page: str, text: str) -> bool:
        with opener.open(page, timeout=60) as reply:
            return text in reply.read().decode()

    assert shows(url, "Airflow")
    assert shows(zoom, "sakura.sato@example.com")
    assert len(processes_of(".ui")) >= 5

    airflow = AirflowClient(url, password=password)
    mail = "Zoom: zoom_onboarding_csv.summarize is done, except for 6 people"
    airflow.wait_for("The mail", lambda: shows(mailbox, mail) or None, 60)
    assert shows(mailbox, "hannah.becker.example.com")
    airflow.log_in()
    assert airflow.rest("GET", "importErrors")["import_errors"] == []
    paused = {dag["dag_id"]: dag["is_paused"] for dag in airflow.rest("GET", "dags")["dags"]}
    assert set(paused) == {path.stem for path in (PROJECT / "dags").glob("*.py")}
    assert {dag_id for dag_id in paused if paused[dag_id]} == {*SCHEDULED}
    # What was said to trigger, as it was said.
    dates = {"zoom_onboarding_postgres": {"from": "2025-10-08", "to": "2025-11-06"}}
    runs = {}
    for dag_id in paused.keys() - {"zoom_onboarded", "zoom_onboarding_csv", "zoom_create_user"}:
        airflow.pause(dag_id, paused=False)
        now = datetime.now(UTC).isoformat()  # as the form does
        runs[dag_id] = airflow.trigger(dag_id, dates.get(dag_id, {}), logical_date=now)
    assert {airflow.wait_for_run(dag_id, run) for dag_id, run in runs.items()} == {"success"}
    with opener.open(f"{zoom}/control/state", timeout=60) as reply:
        there = {person["email"] for person in json.load(reply)["people"]}
    assert {"kovacs.bence@example.com", "hire101@example.com", "minseo.park@example.com"} <= there

    assert script.interrupt() == 130
    assert "Traceback" not in script.said
    assert processes_of(".ui") == []
