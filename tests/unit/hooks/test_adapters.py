"""Files where people look for them, and tokens where the next worker finds them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, conf
from zoom_provider.hooks.adapters import (
    VariableTokenStore,
    default_report,
    open_text,
    token_store,
)

from tests.support import Clock, connection, emails, person, run_dag
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.token_cache import TokenCache
from zoom_provider.operators.users import ZoomCreateUserOperator
from zoom_provider.simulator.server import Simulator


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_files_open_with_their_folders_made(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "r.jsonl"
    for mode, text in (("w", "lost"), ("w", "Jürgen\r\n李\n"), ("a", "\n")):
        with open_text(f"{scheme}{path}", mode) as file:
            file.write(text)
    assert path.read_bytes() == "Jürgen\r\n李\n\n".encode()
    with open_text(f"{scheme}{path}", "r") as file:
        assert file.read() == "Jürgen\r\n李\n\n"


def test_a_file_to_read_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_text(str(tmp_path / "typo" / "hr.csv"), "r")
    assert list(tmp_path.iterdir()) == []


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
    class Ti:
        dag_id, run_id, task_id, map_index = ids

    path = default_report({"ti": Ti()})  # type: ignore[typeddict-item]
    assert path == f"{conf.get('logging', 'base_log_folder')}/zoom/{expected}"
    assert str(Path(path).resolve()) == path


KEY = "0123456789abcdef0123456789abcdef"
VARIABLE = "AIRFLOW_VAR_ZOOM_REFRESH_TOKEN_0123456789ABCDEF"
TOKENS = {"refresh_token": "eyJ-refresh", "access_token": "eyJ-access", "renew_at": 1.5}


def stored(key: str, tokens: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the text that a store writes to the Variable."""
    written: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(
            "zoom_provider.hooks.adapters.Variable.set", lambda name, text: written.append(text)
        )
        VariableTokenStore().save(key, tokens)
    return written[0]


def test_stored_tokens_are_for_who_has_the_credentials(
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
def test_what_cannot_be_read_is_nothing(
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
    "secrets",
    [("s3cret-Old1", "s3cret-Old1"), ("s3cret-Old2", "s3cret-New2")],
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
