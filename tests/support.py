"""What several tests need: a clock without real waits, a connection, a DAG run."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
from typing import Any, Final

from zoom_provider.simulator.server import Simulator

_VERSION: Final = importlib.metadata.version("apache-airflow")
AIRFLOW: Final = tuple(int(number) for number in _VERSION.split(".")[:2])
"""Which Airflow the tests run on: ``(3, 3)``."""

JANE: dict[str, Any] = {
    "email": "jane@example.com",
    "type": 1,
    "first_name": "Jane",
    "last_name": "Doe",
}
DAY = 86_400.0


class Clock:
    """Seconds that only pass when a sleep is asked for, so that no test waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


def connection(zoom: Simulator, **changes: Any) -> str:
    """
    Write a connection to the local Zoom as an environment variable holds it.

    :param changes: of the connection's fields; ``extra`` is merged
    """
    extra = {
        "account_id": zoom.settings.account_id,
        "plan": "business",
        **({"ca_bundle": zoom.ca} if zoom.ca else {}),
        **changes.pop("extra", {}),
    }
    fields: dict[str, Any] = {
        "conn_type": "zoom",
        "host": zoom.url,
        "login": zoom.settings.client_id,
        "password": zoom.settings.client_secret,
    }
    return json.dumps(fields | changes | {"extra": extra})


def person(number: int, **fields: Any) -> dict[str, Any]:
    """Make up the ``user_info`` of one person of many."""
    return {"email": f"p{number}@example.com", "type": 1, "first_name": f"P{number}", **fields}


def emails(zoom: Simulator) -> list[str]:
    """List who is in the account, in the order they came."""
    return [found["email"] for found in zoom.people()]


def calls(zoom: Simulator, on: str = "* /v2/*") -> list[tuple[str, str]]:
    """List the calls for people so far: method and address."""
    return [(entry["method"], entry["email"]) for entry in zoom.requests(on)]


def run_dag(dag: Any, **options: Any) -> Any:
    """
    Run a DAG in this process, as ``airflow dags test`` does, and return the run.

    Airflow 3 runs only what its database knows.
    """
    if AIRFLOW >= (3,):
        from airflow.dag_processing.bundles.manager import DagBundlesManager

        DagBundlesManager().sync_bundles_to_db()
        dagbag = dagbag_module()
        bag = dagbag.DagBag(dag_folder=os.devnull)
        bag.bag_dag(dag)
        dagbag.sync_bag_to_db(bag, "dags-folder", None)
    return dag.test(**options)


def dagbag_module() -> Any:
    """Import what reads DAG files, which moved in Airflow 3.2."""
    package = "dag_processing" if AIRFLOW >= (3, 2) else "models"
    return importlib.import_module(f"airflow.{package}.dagbag")


def told_asset(run: Any) -> list[dict[str, int]]:
    """List the counts in the events that a run left for the DAGs that wait for people."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    of_run = {"source_dag_id": run.dag_id, "source_run_id": run.run_id}
    with create_session() as session:
        extras = session.scalars(select(AssetEvent.extra).filter_by(**of_run)).all()
    return [extra["outcomes"] for extra in extras]
