"""
The leak hunt: people with recognisable passwords, run by a whole Airflow, then a search for them.

Created, refused by us, refused by Zoom, retried, deferred, mapped, timed out: afterwards neither a
log file nor the database, a report or the output of a process holds a password, the client
secret, an access token or a refresh token, in any form.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from devstack.airflow import Airflow
from devstack.rest import FINISHED
from tests.integration.leaks.hunt import Hunt, forms
from tests.support import connection
from zoom_provider.simulator.server import Simulator
from zoom_provider.simulator.server import running as running_zoom
from zoom_provider.simulator.settings import SimulatorSettings

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parent / "leaks" / "dags"

# Each holds signs that JSON, URLs, HTML and Python write differently, and a stretch of letters and
# digits that all of them leave alone and that shows a part of it that got out.
SECRETS = {
    "password": 'Zq7"w\\Ü/&+k9Rm2vX4tQ',
    "weak password": 'zzQ"w\\Ü/&+kFmWvXjTbQz',
    "client secret": 'cS-/+"\\&4hWq8TzLm2Yc',
    "wrong client secret": 'wS-/+"\\&7pLx3NbGd9Kf',
    "refresh token": "rT-/+&6yHn4UjMk8Iq",
    "old access token": "aT-/+&5tGb3RvCx7Ew",
}
CORES = {
    f"part of the {name}": secret[-10:] if len(secret) > 18 else secret[-9:]
    for name, secret in SECRETS.items()
}

# State and number of tries of each task, by map index.
MADE, REFUSED = ("success", 1), ("failed", 1)
EXPECTED = {
    **{
        task_id: [MADE]
        for task_id in (
            *("made", "made_text", "made_quoted_twice", "refreshing", "put_off"),
            *("bulk", "bulk_text", "bulk_large", "bulk_put_off"),
        )
    },
    **{
        task_id: [REFUSED]
        for task_id in (
            *("other_action", "weak", "wrong_type", "misspelt", "in_a_list", "broken", "bare"),
            *("foreign", "refused", "redirected", "wrong_secret", "old_token", "slow"),
            *("bulk_refused", "bulk_broken", "bulk_at_zoom", "bulk_slow"),
        )
    },
    "mapped": [MADE, MADE, REFUSED],
    "bulk_mapped": [MADE, MADE],
    "again": [("success", 2)],
    "again_in_vain": [("failed", 2)],
    "policy": [("success", 2)],
}


# As much as can be shown and stored is shown and stored.
SETTINGS = {
    "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
    "AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH": "1000000",
    "AIRFLOW__CORE__PARALLELISM": "3",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
}
FILL = """
import json, sys
from airflow.models import Connection, Variable
from airflow.utils.session import create_session
given = json.load(sys.stdin)
with create_session() as session:
    for connection in given["connections"]:
        session.add(Connection(**connection))
    for key, value in given["variables"].items():
        session.add(Variable(key=key, val=value))
"""


def fill(airflow: Airflow, given: dict[str, Any]) -> None:
    """Fill Airflow's two safes; nothing secret is in a file or an argument."""
    with (airflow.processes.logs / "fill.log").open("w") as output:
        subprocess.run(
            [sys.executable, "-c", FILL],
            input=json.dumps(given),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env=airflow.env,
            check=True,
        )


def states(airflow: Airflow, dag_id: str, run_id: str) -> dict[str, list[tuple[str, int]]]:
    """Return state and number of the last try of each task, by map index."""
    found: dict[str, list[tuple[str, int]]] = {}
    for ti in sorted(airflow.tasks(dag_id, run_id), key=lambda ti: int(ti["map_index"])):
        found.setdefault(ti["task_id"], []).append((ti["state"], ti["try_number"]))
    return found


class Midnight:
    """
    The local Zoom's clock: it stands still a little before its daily limits end.

    A task that is put off for less than Airflow's scheduler takes for a round may be lost by it.
    """

    def __init__(self) -> None:
        self.now = (time.time() // 86_400 + 1) * 86_400 - 20

    def __call__(self) -> float:
        return self.now


def connections(zoom: Simulator) -> list[dict[str, Any]]:
    refreshing = {"grant_type": "refresh_token", "refresh_token": SECRETS["refresh token"]}
    token = {"grant_type": "access_token", "access_token": SECRETS["old access token"]}
    changes: dict[str, dict[str, Any]] = {
        "zoom_default": {},
        "zoom_impatient": {"extra": {"max_wait": 0.5}},
        "zoom_refreshing": {"extra": refreshing},
        "zoom_wrong": {"password": SECRETS["wrong client secret"]},
        "zoom_token": {"extra": token},
    }
    made = []
    for conn_id, change in changes.items():
        fields = json.loads(connection(zoom, **change))
        made.append({"conn_id": conn_id, **fields, "extra": json.dumps(fields["extra"])})
    return made


def arrange(zoom: Simulator) -> None:
    """Let things go wrong for the users that the DAG expects them for."""
    zoom.configure(
        retry_after="seconds",
        limits_enforced=False,
        foreign_accounts={"foreign@example.com": "free"},
    )
    post = "POST /v2/users"
    zoom.fault("error", code=300, on=post, email="refused@example.com", times=None)
    zoom.fault("redirect", on=post, email="redirected@example.com", times=None)
    zoom.fault("429", on=post, email="again@example.com")
    zoom.fault("429", on=post, email="policy@example.com")
    zoom.fault("429", on=post, email="again_in_vain@example.com", times=None)
    zoom.fault("slow", on=post, email="slow@example.com", seconds=6, acted=False, times=None)
    for name in ("put_off", "bulk_put_off1"):
        zoom.fault("429", limit="creates", on=post, email=f"{name}@example.com")
    for name in ("still_put_off", "still0"):
        zoom.fault("429", limit="creates", on=post, email=f"{name}@example.com", times=None)


class Story:
    """What was done, and what is left of it."""

    def __init__(self, airflow: Airflow, zoom: Simulator, clock: Midnight) -> None:
        airflow.wait_for_dags("canaries", "waiting")
        run = airflow.trigger("canaries")
        airflow.wait_for_run("canaries", run, 300)
        self.states = states(airflow, "canaries", run)
        # From now on the limits end in half a day: who is put off stays so, trigger and all.
        clock.now -= 43_200
        waiting = airflow.trigger("waiting")

        def settled() -> dict[str, Any] | None:
            tries = states(airflow, "waiting", waiting)
            found = {state for each in tries.values() for state, _ in each}
            return tries if found and found <= {"deferred", *FINISHED} else None

        self.waiting = airflow.wait_for("The deferral", settled, 300)
        self.home = airflow.home
        self.database = airflow.home / "airflow.db"
        self.fernet_key = airflow.env["AIRFLOW__CORE__FERNET_KEY"].encode()
        self.emails = {person["email"] for person in zoom.people()}
        with zoom.world.lock:
            grants = zoom.world.grants
            tokens = [*grants._tokens, *grants._refresh_tokens]
        self.tokens = {f"token {number}": token for number, token in enumerate(tokens)}

    def hunt(self) -> Hunt:
        secrets = {**SECRETS, **CORES, **self.tokens}
        return Hunt(secrets, self.fernet_key)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    home, clock = tmp_path_factory.mktemp("airflow"), Midnight()
    settings = SimulatorSettings(
        client_secret=SECRETS["client secret"], refresh_token=SECRETS["refresh token"]
    )
    whole = {
        "email": "made_quoted_twice@example.com",
        "type": 1,
        "password": SECRETS["password"],
    }
    variables = {
        "starter": SECRETS["password"],
        "weak": SECRETS["weak password"],
        "whole_person": json.dumps(whole),
    }
    with running_zoom(settings, clock=clock) as zoom:
        arrange(zoom)
        airflow = Airflow(home, dags=DAGS, triggerer=True, env=SETTINGS)
        airflow.migrate()
        fill(airflow, {"connections": connections(zoom), "variables": variables})
        with airflow:
            story = Story(airflow, zoom, clock)
        yield story


def test_everything_happened_as_it_was_meant_to(story: Story) -> None:
    assert story.states == EXPECTED
    assert story.waiting == {
        "still_put_off": [("deferred", 1)],
        "bulk_still_put_off": [("deferred", 1)],
    }
    for name in ("made", "made_quoted_twice", "mapped1", "bulk1", "bm1", "large119", "again"):
        assert f"{name}@example.com" in story.emails
    for name in ("weak", "misspelt", "refused", "again_in_vain", "still0"):
        assert f"{name}@example.com" not in story.emails
    assert len(story.tokens) > 2


def test_the_hunt_looks_where_people_are_written_down(story: Story) -> None:
    """The addresses are allowed to be there: they show that logs, fields and reports are read."""
    people = Hunt({"made": "made@example.com", "bulk": "bulk1@example.com"})
    places = "\n".join(people.files(story.home) + people.database(story.database))
    for place in ("dag_id=canaries", "logs/zoom/canaries", ".csv", "rendered_task_instance_fields"):
        assert place in places
    assert people.looked_at > 1_000_000


def test_no_secret_is_in_any_file(story: Story) -> None:
    assert story.hunt().files(story.home) == []


def test_no_secret_is_in_the_database(story: Story) -> None:
    assert story.hunt().database(story.database) == []


def test_what_is_put_off_has_its_trigger_and_nothing_personal_in_it(story: Story) -> None:
    hunt = Hunt({"a person": "@example.com", "time": "moment"}, story.fernet_key)
    found = hunt.database(story.database)
    assert any("time" in line and "trigger." in line for line in found)
    assert not [line for line in found if "a person" in line and "trigger." in line]
    assert not [line for line in found if "a person" in line and "next_kwargs" in line]


@pytest.mark.parametrize("form", list(forms("")))
def test_the_hunt_finds_what_is_planted(form: str, story: Story, tmp_path: Path) -> None:
    secret = SECRETS["password"]
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    planted = b"before " + forms(secret)[form] + b" after"
    (home / "logs" / "task.log").write_bytes(planted)
    assert any(form in line and "task.log" in line for line in story.hunt().files(home))
    database = home / "airflow.db"
    shutil.copy(story.database, database)
    with closing(sqlite3.connect(database)) as connected, connected:
        connected.execute(
            "INSERT INTO slot_pool (pool, slots, include_deferred, description) "
            "VALUES ('x', 1, 0, ?)",
            (planted.decode(),),
        )
    assert any(form in line and "slot_pool" in line for line in story.hunt().database(database))
