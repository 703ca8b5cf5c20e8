"""The errors that DAGs catch: they can be pickled, and they say what to do."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from zoom_provider import exceptions
from zoom_provider.api.client import LostReplyError
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomForeignAccountError,
    ZoomLicenseError,
    ZoomNotAppliedError,
    ZoomNotFoundError,
    ZoomPendingError,
    ZoomPermissionError,
    ZoomProtectedUserError,
    ZoomProtocolError,
    ZoomRateLimitError,
    ZoomStalePlanError,
    ZoomStoppedError,
    ZoomUnavailableError,
    ZoomUnconfirmedError,
    ZoomUserExistsError,
    ZoomValidationError,
)

MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)
FACTS: dict[str, Any] = {"code": 7, "status": 400, "tracking_id": "rid=1"}

EACH: list[tuple[type[ZoomError], dict[str, Any], str]] = [
    (ZoomError, {}, "fail"),
    (ZoomValidationError, {"errors": {"user_info.email": ["is odd", "is long"]}}, "fail"),
    (ZoomAuthError, {}, "fail"),
    (ZoomPermissionError, {"scope": "user:write:user:admin"}, "human"),
    (ZoomUserExistsError, {"user": {"id": "a", "email": "a@example.com"}}, "skip"),
    (ZoomForeignAccountError, {}, "human"),
    (ZoomLicenseError, {"seat": "basic"}, "human"),
    (ZoomNotFoundError, {}, "fail"),
    (ZoomRateLimitError, {"retry_at": MIDNIGHT}, "retry"),
    (ZoomDailyLimitError, {"reset_at": MIDNIGHT}, "fail"),
    (ZoomUnavailableError, {}, "retry"),
    (ZoomProtocolError, {}, "fail"),
    (ZoomStoppedError, {}, "retry"),
    (ZoomPendingError, {}, "human"),
    (
        ZoomNotAppliedError,
        {"fields": {"dept": {"old": "Sales", "wanted": "Law", "found": "Sales"}}},
        "human",
    ),
    (ZoomProtectedUserError, {}, "human"),
    (ZoomUnconfirmedError, {}, "human"),
    (ZoomStalePlanError, {}, "fail"),
    (LostReplyError, {}, "retry"),
]


def test_the_table_has_all_of_them() -> None:
    named = {
        kind
        for kind in vars(exceptions).values()
        if isinstance(kind, type) and issubclass(kind, ZoomError)
    }
    assert named <= {kind for kind, _, _ in EACH}


@pytest.mark.parametrize(("kind", "own", "remedy"), EACH)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_travels_between_processes_whole(
    kind: type[ZoomError], own: dict[str, Any], remedy: str, protocol: int
) -> None:
    error = kind("What happened.", **own, **FACTS)
    error.add_note("seen in row 3")
    for twin in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):  # noqa: S301
        assert type(twin) is kind
        assert twin.args == error.args
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)
        assert twin.remedy == remedy
        for name, value in own.items():
            assert getattr(twin, name) == value


@pytest.mark.parametrize(("kind", "own", "remedy"), EACH)
def test_an_error_says_what_to_do(kind: type[ZoomError], own: dict[str, Any], remedy: str) -> None:
    assert issubclass(kind, ZoomError)
    assert kind("What happened.", **own).remedy == remedy
    assert kind("What happened.", **own, remedy="human").remedy == "human"
    assert kind("What happened.", **own).remedy == remedy


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "What happened."),
        ({"status": 503}, "What happened. [HTTP 503]"),
        ({"code": 0}, "What happened. [code 0]"),
        (FACTS, "What happened. [HTTP 400, code 7, tracking id rid=1]"),
    ],
)
def test_an_error_ends_with_what_zooms_support_asks_for(facts: dict[str, Any], text: str) -> None:
    assert str(ZoomError("What happened.", **facts)) == text


def test_errors_share_no_mutable_state() -> None:
    texts, user = ["is odd"], {"id": "a"}
    invalid = ZoomValidationError("No.", errors={"email": texts})
    exists = ZoomUserExistsError("Yes.", user=user)
    texts.append("changed later")
    user["id"] = "b"
    assert invalid.errors == {"email": ["is odd"]}
    assert exists.user == {"id": "a"}


def test_none_of_them_is_airflows() -> None:
    for kind, _, _ in EACH:
        assert all(not base.__module__.startswith("airflow") for base in kind.__mro__)


@pytest.mark.parametrize(("kind", "own", "remedy"), EACH)
def test_an_error_about_a_user_begins_with_the_user(
    kind: type[ZoomError], own: dict[str, Any], remedy: str
) -> None:
    error = kind("What happened.", email="jane@example.com", **own, code=7)
    assert str(error) == "jane@example.com: What happened. [code 7]"
    assert error.args == ("What happened.",)
    assert str(copy.copy(error)) == str(error)
