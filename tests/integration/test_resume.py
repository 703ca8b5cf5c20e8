"""
Creating many people outlives what kills it: a real Airflow whose worker dies half-way.

Whatever dies, and when: in the end each user is in Zoom once, was posted once, and has one line.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from devstack.airflow import Airflow
from tests.support import DAY, emails
from zoom_provider.simulator.server import Simulator

pytestmark = pytest.mark.slow

PEOPLE = 240
POST = "POST /v2/users"
LIST = "GET /v2/users"


@pytest.fixture
def account(zoom: Simulator) -> Simulator:
    """Give a Zoom whose limits hold, as far away as the real one."""
    zoom.configure(plan="pro", limits_enforced=True, latency_ms=250)
    return zoom


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    """Write a roster of a few hundred people."""
    path = tmp_path / "roster.jsonl"
    people = ({"email": f"p{number}@example.com", "type": 1} for number in range(PEOPLE))
    path.write_text("".join(f"{json.dumps(person)}\n" for person in people))
    return path


def lines_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(result["report"]).read_text("utf-8").splitlines()]


def posted(zoom: Simulator, status: int | None = None) -> list[str]:
    """List the posted users, all or those with this status."""
    return [entry["email"] for entry in zoom.requests(POST) if status in (None, entry["status"])]


def kill(airflow: Airflow, run_id: str, *, supervisor: bool) -> None:
    """Kill the task's process, and with it the worker that watches over it."""
    process = psutil.Process(airflow.task("killed", run_id, "create")["pid"])
    if supervisor:
        os.kill(process.ppid(), signal.SIGKILL)
    os.kill(process.pid, signal.SIGKILL)


def after(count: int, on: str) -> Callable[[Simulator], bool | None]:
    """Tell when so many calls have come."""
    return lambda zoom: len(zoom.requests(on)) >= count or None


@pytest.mark.parametrize(
    ("supervisor", "moment"),
    [
        pytest.param(True, after(2, LIST), id="the worker, while it lists"),
        pytest.param(False, after(20, POST), id="the task, early"),
        pytest.param(True, after(20, POST), id="the worker, early"),
        pytest.param(True, after(200, POST), id="the worker, late"),
    ],
)
def test_a_retry_finishes_what_a_killed_try_began(
    impatient: Airflow,
    account: Simulator,
    roster: Path,
    supervisor: bool,
    moment: Callable[[Simulator], bool | None],
) -> None:
    account.seed("p7@example.com", *(f"old{number}@example.com" for number in range(700)))
    run_id = impatient.trigger("killed", {"roster": str(roster)})
    impatient.wait_for("The moment", partial(moment, account), 60)
    kill(impatient, run_id, supervisor=supervisor)

    assert impatient.wait_for_run("killed", run_id) == "success"

    assert impatient.task("killed", run_id, "create")["try_number"] == 2
    wanted = {f"p{number}@example.com" for number in range(PEOPLE)}
    there = [email for email in emails(account) if not email.startswith("old")]
    assert sorted(there) == sorted(wanted)
    # No user was invited twice, and no existing one was posted.
    assert sorted(posted(account, 201)) == sorted(wanted - {"p7@example.com"})
    assert posted(account, 409) == []
    result = impatient.xcom("killed", run_id, "create")
    lines = lines_of(result)
    assert sorted(line["email"] for line in lines) == sorted(wanted)
    outcomes = Counter(line["outcome"] for line in lines)
    assert result["outcomes"] == outcomes
    assert set(outcomes) <= {"invited", "existing"}
    # The second try goes on with the report of the first; only of those whose reply the first one
    # had no time to write down does it find that they are there: a second's worth at most.
    assert outcomes["existing"] <= 1 + 30


def test_a_task_waits_for_each_days_quota_and_reports_once(
    impatient: Airflow, account: Simulator, roster: Path
) -> None:
    account.configure(create_cap=100, retry_after="seconds")
    run_id = impatient.trigger("put_off", {"roster": str(roster)})
    for made in (0, 100, 200):

        def goes_on(made: int = made) -> bool | None:
            return len(posted(account, 201)) > made or None

        impatient.wait_for(f"More than {made} people", goes_on, 60)
        # The quota, which is used up in some seconds, is renewed a few seconds after that.
        account.advance_clock(DAY - account.world.now() % DAY - 8)

    assert impatient.wait_for_run("put_off", run_id) == "success"

    wanted = sorted(f"p{number}@example.com" for number in range(PEOPLE))
    assert sorted(emails(account)) == sorted(posted(account, 201)) == wanted
    # Once a day Zoom said that it was enough, to those who were under way.
    assert 2 <= len(posted(account, 429)) <= 60
    result = impatient.xcom("put_off", run_id, "create")
    assert result["outcomes"] == {"invited": PEOPLE}
    assert sorted(line["email"] for line in lines_of(result)) == wanted
    assert impatient.task("put_off", run_id, "create")["try_number"] == 1
