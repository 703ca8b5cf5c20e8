"""``@task.zoom_create_users``: what a function returns or yields is in Zoom, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from tests.support import connection, emails, run_dag
from tests.unit.operators.conftest import BreakOff, Killed, Perform, StateStore, TaskInstance, lines
from zoom_provider.decorators.users import zoom_create_users_task
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.simulator.server import Simulator

MAPPING = {"email": "Mail", "type": 1, "first_name": "Given"}
COLUMNS = ("No", "Mail", "Given", "Start")
ROWS = [("E-1", "ann@example.com", "Annabella", date(2026, 3, 3)),
        ("E-2", "bob@example.com", "Bobadilla", date(2026, 4, 1)),
        ("E-3", "cy.example.com", "Cyriacus", date(2026, 3, 3))]  # fmt: skip
MONDAY_AT_5 = datetime(2026, 3, 2, 5, tzinfo=ZoneInfo("Europe/Berlin"))
RUN = {"data_interval_start": MONDAY_AT_5 - timedelta(days=1), "data_interval_end": MONDAY_AT_5}
FIRST_DAY = {"column": "Start", "lead_days": 1, "timezone": "Europe/Berlin"}


def as_dicts() -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]


@pytest.fixture
def decorated(path: Path) -> Callable[..., Any]:
    """Make the operator that a decorated function becomes."""

    def make(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        given: dict[str, Any] = {
            "task_id": "create",
            "mapping": MAPPING,
            "key": "No",
            "report": str(path),
            "max_failures": 9,
        }
        with DAG("hr", schedule=None) as dag:
            zoom_create_users_task(**given | options)(function)(*args)
        [task] = dag.tasks
        return task

    return make


def yields() -> Iterator[dict[str, Any]]:
    yield from as_dicts()


def yields_tuples() -> Iterator[tuple[Any, ...]]:
    yield from ROWS


@pytest.mark.parametrize(
    ("function", "columns"),
    [
        (as_dicts, None),
        (yields, None),
        (yields_tuples, COLUMNS),
        (lambda: ROWS, list(COLUMNS)),
        (lambda: ({**row} for row in as_dicts()), None),
    ],
)
def test_rows_that_a_function_returns_or_yields_become_users(
    function: Any,
    columns: Any,
    connected: Simulator,
    decorated: Callable[..., Any],
    perform: Perform,
    path: Path,
    ti: TaskInstance,
) -> None:
    result = perform(decorated(function, columns=columns, first_day=FIRST_DAY), **RUN)
    assert emails(connected) == ["ann@example.com"]
    assert result["outcomes"] == {"invited": 1, "not_due": 1, "rejected": 1}
    assert [(line["row"], line["key"], line["outcome"]) for line in lines(path)] == [
        (1, "E-1", "invited"),
        (2, "E-2", "not_due"),
        (3, "E-3", "rejected"),
    ]
    assert ti.pushed["attention"][0]["key"] == "E-3"
    assert ti.pushed["report"] == result["report"] == str(path)


def test_the_source_is_called_like_the_function_unless_it_is_given_a_name(
    connected: Simulator, decorated: Callable[..., Any], perform: Perform, path: Path
) -> None:
    perform(decorated(as_dicts))
    assert {line["source"] for line in lines(path)} == {"as_dicts"}
    perform(decorated(as_dicts, source="HR of Berlin"))
    assert {line["source"] for line in lines(path)} == {"HR of Berlin"}


def test_the_function_gets_its_arguments_and_the_context(
    connected: Simulator, decorated: Callable[..., Any], perform: Perform
) -> None:
    def hires(name: str, params: Any = None, data_interval_end: Any = None) -> Any:
        day = data_interval_end.date()
        yield {"Mail": f"{name}.{params['site']}.{day}@example.com", "No": 1, "Given": "A"}

    task = decorated(hires, "{{ params.who }}")
    perform(task, params={"site": "hh", "who": "ann"}, **RUN)
    assert emails(connected) == ["ann.hh.2026-03-02@example.com"]


def test_a_function_that_takes_everything_gets_the_whole_context(
    connected: Simulator, decorated: Callable[..., Any], perform: Perform
) -> None:
    def hires(name: str, **context: Any) -> Any:
        return [{"Mail": f"{name}.{context['params']['site']}@example.com", "No": 1, "Given": "A"}]

    perform(decorated(hires, "ann"), params={"site": "hh"}, name="not this")
    assert emails(connected) == ["ann.hh@example.com"]


@pytest.mark.parametrize("value", [None, 5, "a@example.com", {"Mail": "a@example.com"}])
def test_what_is_no_list_of_rows_is_refused_before_any_call(
    value: Any, connected: Simulator, decorated: Callable[..., Any], perform: Perform
) -> None:
    with pytest.raises(AirflowFailException, match="return a list of rows, or yield them"):
        perform(decorated(lambda: value))
    assert connected.requests() == []


@pytest.mark.parametrize(
    "options",
    [{"users": []}, {"users": [{}]}, {"roster": "x.csv"}, {"multiple_outputs": True}],
)
def test_another_source_and_multiple_outputs_are_refused_while_the_dag_is_parsed(
    options: dict[str, Any],
) -> None:
    with pytest.raises(ZoomValidationError, match=next(iter(options))):
        zoom_create_users_task(**options)


def test_a_bad_parameter_is_refused_while_the_dag_is_parsed(decorated: Callable[..., Any]) -> None:
    with pytest.raises(ZoomValidationError, match="if_exists"):
        decorated(as_dicts, if_exists="perhaps")


def test_an_error_of_the_function_is_the_tasks_and_is_retried(
    connected: Simulator, decorated: Callable[..., Any], perform: Perform
) -> None:
    def broken() -> Iterator[Any]:
        yield as_dicts()[0]
        raise ConnectionError("HR does not answer")

    with pytest.raises(ConnectionError, match="HR does not answer"):
        perform(decorated(broken))
    assert connected.requests() == []


def test_at_a_retry_the_function_runs_again_and_no_user_is_created_twice(
    connected: Simulator,
    decorated: Callable[..., Any],
    perform: Perform,
    path: Path,
    store: StateStore,
    break_off: BreakOff,
) -> None:
    runs: list[int] = []

    def hires() -> Iterator[Any]:
        runs.append(1)
        # HR has put another row in front in the meantime.
        new = [("E-0", "zoe@example.com", "Zoë", None)] if len(runs) > 1 else []
        yield from [*new, *ROWS[:2]]

    options: dict[str, Any] = {"columns": COLUMNS}
    break_off(1, store, killed=True)
    with pytest.raises(Killed):
        perform(decorated(hires, **options), task_state_store=store)
    result = perform(decorated(hires, **options), task_state_store=store)
    assert len(runs) == 2
    assert result["outcomes"] == {"invited": 3}
    assert sorted(emails(connected)) == ["ann@example.com", "bob@example.com", "zoe@example.com"]
    posts = [entry["email"] for entry in connected.requests("POST /v2/users")]
    assert len(posts) == len(set(posts))
    assert sorted((line["row"], line["key"]) for line in lines(path)) == [
        (1, "E-0"),
        (2, "E-1"),
        (3, "E-2"),
    ]


# ---- in a real Airflow


def build(folder: Path) -> DAG:
    from airflow.providers.common.compat.sdk import task

    def report(name: str) -> str:
        return str(folder / f"{name}-{{{{ ti.map_index }}}}.jsonl")

    with DAG("decorated", schedule=None) as dag:

        @task.zoom_create_users(mapping=MAPPING, report=report("plain"))
        def hires(site: str = "plain") -> Iterator[dict[str, Any]]:
            yield {"Mail": f"{site}@example.com", "Given": f"Name-of-{site}"}

        @task.zoom_create_users(mapping=MAPPING, report=report("pair"))
        def pair(site: str, part: str) -> list[dict[str, Any]]:
            return [{"Mail": f"{site}.{part}@example.com", "Given": f"Name-of-{part}"}]

        @task
        def sites() -> list[str]:
            return ["rome", "oslo"]

        hires()
        hires.override(task_id="other", report=report("other"), source="Other")("other")
        hires.override(task_id="mapped", report=report("mapped")).expand(site=sites())
        pair.partial(site="bonn").expand(part=["a", "b"])
    return dag


class Story:
    """What is left of a run."""

    def __init__(self, zoom: Simulator, run: Any) -> None:
        from airflow.models import xcom
        from airflow.models.renderedtifields import RenderedTaskInstanceFields
        from airflow.utils.session import create_session

        stored: Any = getattr(xcom, "XComModel", None) or xcom.XCom  # Airflow 3, Airflow 2
        self.state = str(run.state)
        self.users = {p["email"]: p["first_name"] for p in zoom.people()}
        with create_session() as session:
            rendered = [row.rendered_fields for row in session.query(RenderedTaskInstanceFields)]
            self.values = {
                (row.task_id, row.map_index): row.value
                for row in session.query(stored)
                if row.key == "return_value"
            }
            xcoms = [repr(row.value) for row in session.query(stored)]
        self.stored = repr(rendered) + repr(xcoms)


@pytest.fixture(scope="module")
def story(
    airflow_db: Path, zoom_server: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    zoom_server.reset()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(zoom_server))
        run = run_dag(build(tmp_path_factory.mktemp("reports")))
        yield Story(zoom_server, run)


def test_it_works_plain_overridden_mapped_and_as_a_partial(story: Story) -> None:
    assert story.state == "success"
    assert story.users == {
        "plain@example.com": "Name-of-plain",
        "other@example.com": "Name-of-other",
        "rome@example.com": "Name-of-rome",
        "oslo@example.com": "Name-of-oslo",
        "bonn.a@example.com": "Name-of-a",
        "bonn.b@example.com": "Name-of-b",
    }


def test_what_it_returns_are_counts_and_no_name_is_stored(story: Story) -> None:
    tasks = [("hires", -1), ("other", -1), ("mapped", 0), ("mapped", 1), ("pair", 0), ("pair", 1)]
    for task in tasks:
        assert "invited" in str(story.values[task])
    assert "Name-of" not in story.stored
    # The function's own arguments are stored.
    assert "bonn" in story.stored
