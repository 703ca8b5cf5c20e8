"""Existing users are found by listing or by look-ups, whichever is cheaper; no row is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import calls
from tests.unit.provisioning.conftest import people, rows_of
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import (
    ZoomDailyLimitError,
    ZoomError,
    ZoomProtocolError,
    ZoomUnavailableError,
    ZoomValidationError,
)
from zoom_provider.provisioning.directory import open_directory
from zoom_provider.provisioning.roster import Row
from zoom_provider.simulator.server import Simulator
from zoom_provider.simulator.settings import ALL_SCOPES

LIST = "GET /v2/users"
FIRST_PAGES = 3


def account(zoom: Simulator, users: int) -> None:
    zoom.seed(*(f"a{number}@example.com" for number in range(users)))


@pytest.mark.parametrize(
    ("users", "roster", "listed"),
    [
        (0, 1, 0),
        (0, 3, 0),
        (0, 4, 3),
        (5, 3, 0),
        (5, 50, 3),
        (1_000, 3, 0),
        # Three more pages, one after the other, take as long as dozens of look-ups do.
        (1_000, 20, 3),
        (1_000, 200, 6),
        (10_000, 100, 3),
        (10_000, 1_000, 36),
    ],
)
def test_the_cheaper_way_is_taken(
    users: int, roster: int, listed: int, zoom: Simulator, client: ZoomClient
) -> None:
    account(zoom, users)
    directory, rows = open_directory(client, rows_of(client, people(roster)))
    assert len(zoom.requests(LIST)) == listed
    assert [row.number for row in rows] == list(range(1, roster + 1))
    assert directory.find("absent@example.com") is None
    # To find a user costs a call only where the account was not listed.
    one_by_one = listed == 0 or (users > 300 and listed == FIRST_PAGES)
    assert len(zoom.requests("GET /v2/users/*")) == one_by_one
    if users:
        found = directory.find("A0@Example.com")
        assert found is not None
        assert found["status"] == "active"


@pytest.mark.parametrize("roster", [2, 40])
@pytest.mark.parametrize("status", ["active", "inactive", "pending"])
def test_users_of_every_status_are_found_in_any_case(
    status: str, roster: int, zoom: Simulator, client: ZoomClient
) -> None:
    zoom.seed({"email": "Ann@Example.com", "id": "ann-id", "status": status})
    directory, _ = open_directory(client, rows_of(client, people(roster)))
    for email in ("ann@example.com", "ANN@EXAMPLE.COM"):
        found = directory.find(email)
        assert found is not None
        assert found["status"] == status
        # Zoom's list of pending users has no ids.
        listed_pending = status == "pending" and roster > 3
        assert found.get("id") == (None if listed_pending else "ann-id")


def test_a_user_whose_invitation_has_expired_counts_as_absent(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.seed({"email": "p1@example.com", "status": "pending", "created": 1_700_000_000})
    directory, _ = open_directory(client, rows_of(client, people(1)))
    assert directory.find("p1@example.com") is None


def test_an_app_without_the_scope_to_list_makes_no_look_up(
    zoom: Simulator, client: ZoomClient, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.configure(scopes=[scope for scope in ALL_SCOPES if "list" not in scope])
    directory, rows = open_directory(client, rows_of(client, people(30)))
    assert directory.kind == "unknown"
    assert directory.find("p1@example.com") is None
    assert zoom.requests("GET /v2/users/*") == []
    assert [row.number for row in rows] == list(range(1, 31))
    assert "user:read:list_users:admin" in caplog.text


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "times": None}, ZoomUnavailableError),
        ({"kind": "html", "times": None}, ZoomProtocolError),
        ({"kind": "429", "limit": "daily"}, ZoomDailyLimitError),
    ],
)
@pytest.mark.parametrize("skip", [0, 4])
def test_a_list_that_breaks_off_is_an_error_and_never_a_short_list(
    skip: int, fault: dict[str, Any], error: type[ZoomError], zoom: Simulator, client: ZoomClient
) -> None:
    account(zoom, 1_000)
    zoom.fault(**fault, on=LIST, skip=skip)
    with pytest.raises(error):
        open_directory(client, rows_of(client, people(300)))


def test_a_source_that_breaks_off_breaks_the_choice_off(
    zoom: Simulator, client: ZoomClient
) -> None:
    def broken() -> Iterator[Row]:
        yield from rows_of(client, people(2))
        raise ZoomValidationError("roster x.csv is not UTF-8")

    with pytest.raises(ZoomValidationError):
        open_directory(client, broken())
    assert calls(zoom) == []


def test_only_as_much_of_the_roster_is_read_as_the_choice_needs(
    zoom: Simulator, client: ZoomClient
) -> None:
    account(zoom, 1_000)
    read: list[int] = []

    def rows() -> Iterator[Row]:
        for row in rows_of(client, people(5_000)):
            read.append(row.number)
            yield row

    _, remaining = open_directory(client, rows())
    assert len(read) < 200
    assert sum(1 for _ in remaining) == 5_000
