"""``dry_run`` is a parameter of the bulk operator and, called, the method that Airflow has."""

from __future__ import annotations

import copy
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator, task

from tests.support import connection, emails, run_dag
from tests.unit.operators.conftest import CreateMany, Perform, lines, people
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.operators.users import ZoomCreateUsersOperator
from zoom_provider.simulator.server import Simulator

TRUE: list[Any] = [True, "True", "true", " TRUE ", "1", "{{ True }}", "{{ params.yes }}"]
FALSE: list[Any] = [False, "False", "false", "0", "{{ False }}", "{{ params.no }}"]
PARAMS = {"yes": True, "no": False}


@pytest.mark.parametrize("value", TRUE)
def test_a_dry_run_creates_no_user_however_it_is_asked_for(
    value: Any, connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    operator = create_many(users=people(3), dry_run=value)
    assert operator.dry_run
    assert perform(operator, params=PARAMS)["outcomes"] == {"invited": 3}
    assert emails(connected) == []
    assert all(line["reason"].startswith("dry run") for line in lines(path))


@pytest.mark.parametrize("value", FALSE)
def test_a_dry_run_rendered_to_false_writes_to_zoom(
    value: Any, connected: Simulator, create_many: CreateMany, perform: Perform, path: Path
) -> None:
    operator = create_many(users=people(3), dry_run=value)
    assert perform(operator, params=PARAMS)["outcomes"] == {"invited": 3}
    assert not operator.dry_run
    assert len(emails(connected)) == 3
    assert [line["reason"] for line in lines(path)] == [None] * 3


def test_a_template_counts_as_a_dry_run_until_it_is_rendered(create_many: CreateMany) -> None:
    assert create_many(users=[], dry_run="{{ params.no }}").dry_run
    assert not create_many(users=[]).dry_run


def test_calling_dry_run_does_what_airflows_method_does(
    create_many: CreateMany, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[Any] = []
    monkeypatch.setattr(BaseOperator, "dry_run", called.append, raising=False)
    operator = create_many(users=[], dry_run=True)
    operator.dry_run()
    create_many(users=[]).dry_run()
    assert called == [operator, called[1]]
    assert ZoomCreateUsersOperator.dry_run is BaseOperator.dry_run


def test_airflows_own_dry_run_of_a_task_works(create_many: CreateMany) -> None:
    create_many(users=people(2), dry_run="{{ True }}").dry_run()


def test_dry_run_compares_prints_and_copies_like_the_parameter(create_many: CreateMany) -> None:
    operator = create_many(users=[], dry_run="{{ params.no }}")
    assert operator.dry_run == "{{ params.no }}"
    assert operator.dry_run == create_many(users=[], dry_run="{{ params.no }}").dry_run
    assert operator.dry_run != create_many(users=[]).dry_run
    assert str(operator.dry_run) == repr(operator.dry_run) == "{{ params.no }}"
    assert hash(create_many(users=[], dry_run=True).dry_run) == hash(True)
    assert copy.copy(operator).dry_run == "{{ params.no }}"
    twin = create_many(users=[], dry_run=operator.dry_run)
    assert twin.dry_run == "{{ params.no }}"
    assert copy.deepcopy(operator.dry_run.value) == "{{ params.no }}"


def test_airflow_stores_the_parameter_with_the_dag() -> None:
    """What the web page shows of a task is its serialized form."""
    with DAG("stored", schedule=None) as dag:
        ZoomCreateUsersOperator(task_id="plain", users=[], dry_run=True)
        ZoomCreateUsersOperator(task_id="template", users=[], dry_run="{{ params.no }}")
    module = import_module("airflow.serialization.serialized_objects")
    serialization: Any = getattr(module, "DagSerialization", None) or module.SerializedDAG
    stored = serialization.to_dict(dag)["dag"]["tasks"]
    found = {one["__var"]["task_id"]: one["__var"] for one in stored}
    assert str(found["plain"]["dry_run"]) == "True"  # a text on Airflow 2
    assert found["template"]["dry_run"] == "{{ params.no }}"
    serialization.from_dict(serialization.to_dict(dag))


@pytest.mark.parametrize("value", ["perhaps", "", 5, 0, [], 1.0])
def test_a_dry_run_that_is_not_boolean_is_refused_at_parse_time(
    value: Any, create_many: CreateMany
) -> None:
    with pytest.raises(ZoomValidationError, match="dry_run must be True or False"):
        create_many(users=[], dry_run=value)


@pytest.mark.usefixtures("airflow_db")
def test_dry_run_may_come_from_upstream_a_template_or_mapping(
    zoom: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", connection(zoom))

    def report(task_id: str) -> dict[str, Any]:
        return {"task_id": task_id, "report": f"{tmp_path}/{task_id}-{{{{ ti.map_index }}}}.jsonl"}

    def user(name: str) -> list[dict[str, Any]]:
        return [{"email": f"{name}@example.com", "type": 1}]

    with DAG("dry_runs", schedule=None, params={"dry": False}) as dag:

        @task
        def decide(dry: bool) -> bool:
            return dry

        dry: Any = decide(True)
        real: Any = decide.override(task_id="decide_real")(False)

        ZoomCreateUsersOperator(users=user("dry"), dry_run=dry, **report("dry"))
        ZoomCreateUsersOperator(users=user("real"), dry_run=real, **report("real"))
        ZoomCreateUsersOperator(
            users=user("rendered"), dry_run="{{ params.dry }}", **report("rendered")
        )
        ZoomCreateUsersOperator.partial(users=user("mapped"), **report("mapped")).expand(
            dry_run=[True, False]
        )
        ZoomCreateUsersOperator.partial(users=user("part"), dry_run=True, **report("part")).expand(
            source=["a", "b"]
        )

    run = run_dag(dag)

    assert str(run.state) == "success"
    assert sorted(emails(zoom)) == [f"{n}@example.com" for n in ("mapped", "real", "rendered")]
    assert len(list(tmp_path.glob("*[0-9].jsonl"))) == 7
