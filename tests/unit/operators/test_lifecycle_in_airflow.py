"""A user's years in the account, in one run of a real Airflow: what Zoom has, what was stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from tests.support import connection, run_dag
from zoom_provider.operators.lifecycle import (
    ZoomDeleteUserOperator,
    ZoomSetUserStatusOperator,
    ZoomUpdateUserOperator,
)
from zoom_provider.simulator.server import Simulator

NEW, LEAD = "new@example.com", "lead@example.com"
NAME = "Xanthippe"


def build() -> DAG:
    with DAG("years", schedule=None, params={"user": NEW}) as dag:

        @task(show_return_value_in_logs=False)
        def from_hr() -> dict[str, Any]:
            return {"dept": "Law", "groups": ["Law"], "type": 2}

        @task
        def licence(done: dict[str, Any]) -> dict[str, Any]:
            return {"type": done["changed"]["type"]["old"]}

        hired: Any = from_hr()
        who = "{{ params.user }}"
        welcome = ZoomUpdateUserOperator(
            task_id="welcome",
            user=who,
            fields={"first_name": NAME},
            on_pending="wait",
        )
        profile = ZoomUpdateUserOperator(task_id="profile", user=who, fields=hired)
        same = ZoomUpdateUserOperator.partial(task_id="same", user=who).expand(
            fields=[{"dept": "Law"}, '{"first_name": "{{ params.user[:3] }}"}']
        )
        pause = ZoomSetUserStatusOperator(task_id="pause", user=who, action="deactivate")
        taken: Any = licence(pause.output)  # type: ignore[arg-type]  # Airflow passes the output
        back = ZoomSetUserStatusOperator(task_id="back", user=who, action="activate", license=taken)
        leave = ZoomDeleteUserOperator(
            task_id="leave",
            user=who,
            action="delete",
            transfer={"to": LEAD, "what": ["meeting"]},
        )
        gone = ZoomDeleteUserOperator(task_id="gone", user=who, transfer="{{ None }}")
        welcome >> profile >> same >> pause >> back >> leave >> gone
    return dag


class Story:
    """What is left of the run, on Zoom's side and in Airflow's database."""

    def __init__(self, zoom: Simulator, run: Any) -> None:
        from airflow.models import xcom
        from airflow.utils.session import create_session

        stored: Any = getattr(xcom, "XComModel", None) or xcom.XCom  # Airflow 3, Airflow 2
        self.state = str(run.state)
        self.departed = zoom.state()["departed"]
        self.written = [
            f"{call['method']} {call['path'].rpartition('/')[2]}"
            for call in zoom.requests("* /v2/*")
            if call["method"] != "GET"
        ]
        with create_session() as session:
            rows = session.query(stored).filter_by(dag_id="years").all()
            values = {(row.task_id, row.map_index): row.value for row in rows}
        # Airflow 3 keeps a JSON text, Airflow 2 reads it.
        self.results: dict[tuple[str, int], Any] = {
            key: json.loads(value) if isinstance(value, str) else value
            for key, value in values.items()
        }

    def outcome(self, task_id: str, map_index: int = -1) -> str:
        found: str = self.results[task_id, map_index]["outcome"]
        return found


@pytest.fixture(scope="module")
def story(airflow_db: Path, zoom_server: Simulator) -> Iterator[Story]:
    zoom_server.reset()
    zoom_server.seed({"email": NEW, "status": "pending", "assets": {"meeting": 2}})
    zoom_server.seed({"email": LEAD, "type": 2})
    zoom_server.group("Law")

    async def accept(seconds: float) -> None:
        zoom_server.confirm(NEW)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(zoom_server))
        patch.setattr("zoom_provider.triggers.users.sleep", accept)
        yield Story(zoom_server, run_dag(build()))


def test_the_run_succeeds(story: Story) -> None:
    assert story.state == "success"


@pytest.mark.parametrize(
    ("task_id", "outcome"),
    [
        ("welcome", "updated"),
        ("profile", "updated"),
        ("pause", "deactivated"),
        ("back", "activated"),
        ("leave", "deleted"),
        ("gone", "absent"),
    ],
)
def test_each_task_says_what_became_of_the_user(story: Story, task_id: str, outcome: str) -> None:
    assert story.outcome(task_id) == outcome


def test_a_mapped_task_renders_what_its_author_wrote(story: Story) -> None:
    assert story.outcome("same", 0) == "unchanged"
    assert story.results["same", 1]["changed"] == {"first_name": {}}


def test_the_licence_that_was_taken_is_given_back(story: Story) -> None:
    assert story.results["pause", -1]["changed"]["type"] == {"old": 2, "new": 1}
    assert story.results["back", -1]["changed"]["type"] == {"old": 1, "new": 2}


def test_the_meetings_go_to_the_lead(story: Story) -> None:
    (gone,) = story.departed
    assert (gone["to"], gone["moved"]) == (LEAD, {"meeting": 2})


def test_no_result_holds_a_name(story: Story) -> None:
    assert NEW in repr(story.results)
    assert NAME not in repr(story.results)
