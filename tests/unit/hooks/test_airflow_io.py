"""What the tasks read of Airflow: paths of reports, notes, tokens that the next worker finds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, conf

from tests.support import Clock, connection, emails, person, run_dag
from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.hooks.airflow_io import (
    TaskAttemptNote,
    TaskCheckpoint,
    VariableTokenStore,
    default_report_path,
    has_retries_left,
    run_started_at,
    token_store,
    watch_supervisor,
)
from zoom_provider.operators.users import ZoomCreateUserOperator
from zoom_provider.simulator.server import Simulator


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (
            ("onboarding", "scheduled__2026-01-02T00:00:00+00:00", "group.create", -1),
            "onboarding/scheduled__2026-01-02T00:00:00+00:00/group.create--1.jsonl",
        ),
        (("d", "r", "t", 12), "d/r/t-12.jsonl"),
        (("d", "../../etc", "t", 0), "d/..%2F..%2Fetc/t-0.jsonl"),
        (("d", "..", "t", 0), "d/%2E%2E/t-0.jsonl"),
        (("d", ".", "t", 0), "d/%2E/t-0.jsonl"),
        (("d", "/etc/passwd", "t", 0), "d/%2Fetc%2Fpasswd/t-0.jsonl"),
        (("d", "a run\nof 李", "t", 0), "d/a%20run%0Aof%20%E6%9D%8E/t-0.jsonl"),
    ],
)
def test_a_report_has_a_place_of_its_own_under_the_logs(
    ids: tuple[str, str, str, int], expected: str
) -> None:
    path = default_report_path(context_of(*ids))
    assert path == f"{conf.get('logging', 'base_log_folder')}/zoom/{expected}"
    assert str(Path(path).resolve()) == path


@pytest.mark.parametrize("letter", ["x", "ü", "李"])
def test_long_ids_make_names_that_fit_the_disk_and_differ(letter: str, tmp_path: Path) -> None:
    ids = ("d", "r", letter * 246, 7)
    path = Path(default_report_path(context_of(*ids)))
    assert path != Path(default_report_path(context_of("d", "r", letter * 245 + "y", 7)))
    for part in path.parts:
        assert len(part.encode()) <= 200  # what stands beside a report has a longer ending
    (tmp_path / path.name).touch()
    for number in range(2):
        long = (*(letter * 250 for _ in range(2)), "t", -1)
        assert len(Path(default_report_path(context_of(*long))).parts[-2 - number].encode()) <= 200


def context_of(*ids: Any, **more: Any) -> Any:
    """Make a context out of DAG, run, task and map index."""
    named = dict(zip(("dag_id", "run_id", "task_id", "map_index"), ids, strict=True))
    return {"ti": SimpleNamespace(**named, **more.pop("ti", {})), **more}


IDS = ("onboarding", "manual__1", "create", -1)


class Store(dict[str, Any]):
    """Airflow's task state store."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))

    def delete(self, key: str) -> None:
        self.pop(key, None)


def test_a_checkpoint_is_kept_in_the_task_state_store_where_airflow_has_one() -> None:
    assert TaskCheckpoint.from_context(context_of(*IDS)) is None
    store = Store()
    found = TaskCheckpoint.from_context(context_of(*IDS, task_state_store=store))
    assert found is not None
    assert found.load() == {}
    found.save({"sequence": 1})
    assert found.load() == {"sequence": 1}
    for odd in (None, "text", [1], 5):
        store["zoom_progress"] = odd
        assert found.load() == {}
    found.clear()
    assert store == {}


@pytest.mark.parametrize(
    ("stored", "most", "kept"), [(True, 1, True), (True, 0, False), (False, 1, False)]
)
def test_attempts_are_noted_only_where_another_try_can_read_them(
    stored: bool, most: int, kept: bool
) -> None:
    more = {"task_state_store": Store()} if stored else {}
    note = TaskAttemptNote(context_of(*IDS, ti={"max_tries": most}, **more))
    assert note.kept is kept


def test_a_noted_attempt_is_of_one_address_and_one_task_and_holds_no_address() -> None:
    store = Store()

    def note(*ids: Any) -> TaskAttemptNote:
        return TaskAttemptNote(context_of(*ids, ti={"max_tries": 1}, task_state_store=store))

    assert not note(*IDS).load("ann@example.com")
    note(*IDS).save("ann@example.com")
    assert note(*IDS).load("Ann@Example.com")
    assert not note(*IDS).load("bob@example.com")
    assert not note(*IDS[:3], 4).load("ann@example.com")
    assert "ann" not in repr(store)
    note(*IDS).clear()
    assert store == {}


BEGAN = datetime(2026, 3, 10, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "run", "expected"),
    [
        (1, SimpleNamespace(start_date=BEGAN), None),
        (2, SimpleNamespace(start_date=BEGAN), BEGAN),
        (2, SimpleNamespace(start_date=None), None),
        (2, None, None),
    ],
)
def test_when_the_run_began_is_known_from_its_second_try_on(
    number: int, run: Any, expected: datetime | None
) -> None:
    context = context_of(*IDS, ti={"try_number": number}, dag_run=run)
    assert run_started_at(context) == expected


@pytest.mark.parametrize(
    ("number", "most", "left"),
    [(1, 0, False), (1, 1, True), (2, 1, False), (2, 2, True), (3, 2, False), (None, 2, False)],
)
def test_a_retry_is_left_until_the_last_try(number: Any, most: int, left: bool) -> None:
    assert has_retries_left(context_of(*IDS, ti={"try_number": number, "max_tries": most})) is left


def test_without_a_try_number_no_retry_is_left() -> None:
    assert not has_retries_left(context_of(*IDS))


def test_a_task_without_a_supervisor_is_never_orphaned(monkeypatch: pytest.MonkeyPatch) -> None:
    orphaned = watch_supervisor()
    monkeypatch.setattr("os.getppid", lambda: 1)
    assert not orphaned()


@pytest.mark.skipif(
    find_spec("airflow.sdk") is None, reason="before Airflow 3 no process watches over another"
)
def test_a_task_whose_supervisor_is_gone_is_orphaned(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time import task_runner

    comms = SimpleNamespace(socket=object())
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)
    monkeypatch.setattr("os.getppid", lambda: 4711)
    orphaned = watch_supervisor()
    assert not orphaned()
    monkeypatch.setattr("os.getppid", lambda: 1)
    assert orphaned()


KEY = "0123456789abcdef0123456789abcdef"
VARIABLE = "AIRFLOW_VAR_ZOOM_REFRESH_TOKEN_0123456789ABCDEF"
TOKENS = {"refresh_token": "eyJ-refresh", "access_token": "eyJ-access", "renew_at": 1.5}


def stored(key: str, tokens: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the text that a store writes to the Variable."""
    written: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(
            "zoom_provider.hooks.airflow_io.Variable.set", lambda name, text: written.append(text)
        )
        VariableTokenStore().save(key, tokens)
    return written[0]


def test_stored_tokens_can_be_read_with_the_credentials_alone(
    monkeypatch: pytest.MonkeyPatch, airflow_db: Path
) -> None:
    assert VariableTokenStore().load(KEY) is None
    text = stored(KEY, TOKENS, monkeypatch)
    for secret in ("eyJ", "access", "refresh"):
        assert secret not in text
    monkeypatch.setenv(VARIABLE, text)
    assert VariableTokenStore().load(KEY) == TOKENS
    # Another connection's key may begin alike, and so be given the same Variable.
    assert VariableTokenStore().load(KEY[:16] + "x" * 16) is None


@pytest.mark.parametrize("text", ["", "broken", "ü", "gAAAA", "{}", "null"])
def test_tokens_that_cannot_be_read_are_none(
    text: str, monkeypatch: pytest.MonkeyPatch, airflow_db: Path
) -> None:
    monkeypatch.setenv(VARIABLE, text)
    assert VariableTokenStore().load(KEY) is None


def test_outside_a_task_nothing_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CTX_TASK_ID", raising=False)
    assert token_store() is None
    monkeypatch.setenv("AIRFLOW_CTX_TASK_ID", "create")
    assert isinstance(token_store(), VariableTokenStore)


@pytest.mark.parametrize(
    # They are masked in all that this process logs from then on: no words of ours.
    "secrets",
    [("S3cret-1st", "S3cret-1st"), ("S3cret-1st", "S3cret-2nd")],
    ids=["same secret", "rotated secret"],
)
def test_one_task_stores_the_refresh_token_that_the_next_one_needs(
    airflow_db: Path,
    zoom: Simulator,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    secrets: tuple[str, str],
) -> None:
    grant = {"grant_type": "refresh_token", "refresh_token": zoom.settings.refresh_token}
    for number, secret in enumerate(secrets, 1):
        zoom.configure(client_id=f"app-{'-'.join(secrets)}", client_secret=secret)
        fields = connection(zoom, extra=grant)
        monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", fields)
        # Each run is a process of its own, and the access token of the first has died.
        fresh = partial(ZoomClient, clock=clock, sleep=clock.sleep, tokens=TokenCache())
        monkeypatch.setattr("zoom_provider.hooks.zoom.ZoomClient", fresh)
        zoom.revoke_tokens()
        with DAG(f"refreshing_{number}", schedule=None) as dag:
            ZoomCreateUserOperator(task_id="create", user_info=json.dumps(person(number)))
        assert run_dag(dag).state == "success"
    assert emails(zoom) == ["p1@example.com", "p2@example.com"]
    assert [entry["status"] for entry in zoom.requests("POST /oauth/token")] == [200, 200]
