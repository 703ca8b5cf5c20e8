"""People passed in every way, in one run of a real Airflow: what Zoom got, what was stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from tests.support import connection, run_dag
from zoom_provider.operators.users import ZoomCreateUserOperator, ZoomCreateUsersOperator
from zoom_provider.simulator.server import Simulator

JINJA = "{{ 1+1 }}"
SECRET = 'Ca"nary\\7316-ü'
NAMELESS = "{{ var.value.starter }}"


def person(name: str, first_name: str = JINJA, **fields: Any) -> dict[str, Any]:
    return {"email": f"{name}@example.com", "type": 1, "first_name": first_name, **fields}


def with_password(name: str) -> dict[str, Any]:
    """Write a person as a DAG's author does whose passwords come from a Variable."""
    return person(name, "Ann", password=NAMELESS)


def as_text(name: str) -> str:
    """Write the same as a text, with the Variable's value quoted as JSON wants it."""
    return json.dumps(person(name, "Ann", password="PASS")).replace(
        '"PASS"', "{{ var.value.starter | tojson }}"
    )


def build(folder: Path) -> DAG:
    params = {"person": person("params"), "text": json.dumps(person("text"))}
    with DAG("every_way", schedule=None, params=params) as dag:

        @task
        def hire(name: str, text: bool = False) -> Any:
            return json.dumps(person(name)) if text else person(name)

        @task
        def hire_some(*names: str) -> list[Any]:
            return [hire.function(name, text=bool(n % 2)) for n, name in enumerate(names)]

        def one(task_id: str, user_info: Any, **options: Any) -> Any:
            return ZoomCreateUserOperator(task_id=task_id, user_info=user_info, **options)

        def many(task_id: str, users: Any, **options: Any) -> None:
            report = str(folder / f"{task_id}.jsonl")
            ZoomCreateUsersOperator(task_id=task_id, users=users, report=report, **options)

        mapped = ZoomCreateUserOperator.partial
        auto = {"action": "autoCreate"}
        one("authors", person("authors"))
        one("params", "{{ params.person }}")
        one("params_json", "{{ params.text }}")
        one("conf", "{{ dag_run.conf['hired'] }}")
        one("conf_json", "{{ dag_run.conf['other'] | tojson }}")
        hired = hire("upstream")
        one("upstream", hired)
        one("upstream_json", hire.override(task_id="hire_json")("upstream_json", text=True))
        hired >> one(
            "pulled", "{{ ti.xcom_pull(task_ids='hire') | string | replace('upstream', 'pulled') }}"
        )
        one("secret", with_password("secret"), **auto)
        one("secret_json", as_text("secret_json"), **auto)
        mapped(task_id="mapped").expand(user_info=hire_some("mapped0", "mapped1"))
        mapped(task_id="literals", **auto).expand(
            user_info=[with_password("literals0"), as_text("literals1")]
        )
        many("bulk", hire_some.override(task_id="hire_bulk")("bulk0", "bulk1"))
        many("bulk_lazy", hire.override(task_id="hire_lazy").expand(name=["lazy0", "lazy1"]))
        many("bulk_secret", [with_password("bs0"), as_text("bs1")], **auto)
        many("bulk_json", f"[{as_text('bj0')}, {as_text('bj1')}]", **auto)
    return dag


class Story:
    """What is left of the run, on Zoom's side and in Airflow's database."""

    def __init__(self, zoom: Simulator, run: Any) -> None:
        from airflow.models import xcom
        from airflow.models.renderedtifields import RenderedTaskInstanceFields
        from airflow.utils.session import create_session

        stored: Any = getattr(xcom, "XComModel", None) or xcom.XCom  # Airflow 3, Airflow 2

        self.state = str(run.state)
        self.names = {p["email"].partition("@")[0]: p["first_name"] for p in zoom.people()}
        with create_session() as session:
            self.rendered = {
                (row.task_id, row.map_index): row.rendered_fields
                for row in session.query(RenderedTaskInstanceFields)
            }
            self.xcoms = {
                (row.task_id, row.map_index, row.key): repr(row.value)
                for row in session.query(stored)
            }


@pytest.fixture(scope="module")
def story(
    airflow_db: Path, zoom_server: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    zoom_server.reset()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(zoom_server))
        patch.setenv("AIRFLOW_VAR_STARTER", SECRET)
        conf = {"hired": person("conf"), "other": person("conf_json")}
        run = run_dag(build(tmp_path_factory.mktemp("reports")), run_conf=conf)
        yield Story(zoom_server, run)


def test_the_run_succeeds(story: Story) -> None:
    assert story.state == "success"


def test_the_authors_templates_are_rendered(story: Story) -> None:
    assert story.names["authors"] == "2"


@pytest.mark.parametrize(
    "name",
    [
        *("params", "text", "conf", "conf_json", "upstream", "upstream_json", "pulled"),
        *("mapped0", "mapped1", "bulk0", "bulk1", "lazy0", "lazy1"),
    ],
)
def test_a_template_in_data_goes_through_literally(name: str, story: Story) -> None:
    assert story.names[name] == JINJA


@pytest.mark.parametrize(
    "name",
    ["secret", "secret_json", "literals0", "literals1", "bs0", "bs1", "bj0", "bj1"],
)
def test_people_with_a_password_from_a_variable_are_created(name: str, story: Story) -> None:
    assert story.names[name] == "Ann"


def test_no_other_user_is_created(story: Story) -> None:
    assert len(story.names) == 22


@pytest.mark.parametrize(
    ("task_id", "map_index"),
    [
        *(("secret", -1), ("secret_json", -1), ("literals", 0), ("literals", 1)),
        *(("bulk_secret", -1), ("bulk_json", -1)),
    ],
)
def test_the_stored_fields_show_the_person_without_the_password(
    task_id: str, map_index: int, story: Story
) -> None:
    fields = story.rendered[task_id, map_index]
    people = fields["users"] if "users" in fields else [fields["user_info"]]
    for found in people:
        assert found["password"] == "***"
        assert found["email"].endswith("@example.com")


def test_no_stored_field_and_no_xcom_holds_the_password(story: Story) -> None:
    stored = repr(story.rendered) + repr(story.xcoms)
    for text in (SECRET, json.dumps(SECRET)[1:-1], "nary", "7316"):
        assert text not in stored
    assert "secret@example.com" in stored
