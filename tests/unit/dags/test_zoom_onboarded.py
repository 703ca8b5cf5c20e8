"""What the DAG that starts after an onboarding makes of the events."""

from __future__ import annotations

import runpy
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Asset

from dags import zoom_onboarded as example
from zoom_provider.assets import ZOOM_USERS

FILES = [Path(example.__file__), Path(example.__file__).with_name("zoom_create_user.py")]


def event(run: str, **outcomes: int) -> Any:
    extra = {"outcomes": outcomes} if outcomes else {}
    return SimpleNamespace(source_dag_id="onboarding", source_run_id=run, extra=extra)


@pytest.mark.parametrize(
    ("events", "people"),
    [
        ([], []),
        ([event("a", existing=2, rejected=1, failed=1)], []),
        ([event("a", invited=2, existing=4)], [("a", 2)]),
        ([event("a", created=1), event("b", unchanged=3), event("c", invited=1, created=2)],
         [("a", 1), ("c", 3)]),
        # An event may be added by hand.
        ([event("a")], []),
    ],
)  # fmt: skip
def test_only_who_is_new_counts(events: list[Any], people: list[tuple[str, int]]) -> None:
    # By its address, for on Airflow 3.1 an asset cannot be a key.
    found: Any = {ZOOM_USERS.uri: events} if events else {}
    newcomers: Any = example.dag.get_task("newcomers")
    sources = newcomers.python_callable(triggering_asset_events=found)
    assert [(source["run"], source["people"]) for source in sources] == people
    assert {source["dag"] for source in sources} <= {"onboarding"}


def test_an_airflow_without_such_events_finds_nobody() -> None:
    newcomers: Any = example.dag.get_task("newcomers")
    assert newcomers.python_callable() == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_reading_a_dag_with_the_asset_warns_of_nothing(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The module that makes it is read already.
        assert Asset("zoom://account/users") == ZOOM_USERS
        runpy.run_path(str(path))
