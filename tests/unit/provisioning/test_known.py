"""Whom Zoom has already: by listing or by look-ups, whichever is cheaper; no row is lost by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import calls, person
from tests.unit.provisioning.conftest import rows_of
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import (
    ZoomDailyLimitError,
    ZoomError,
    ZoomProtocolError,
    ZoomUnavailableError,
    ZoomValidationError,
)
from zoom_provider.provisioning.known import find_known
from zoom_provider.provisioning.roster import Row
from zoom_provider.simulator.server import Simulator
from zoom_provider.simulator.settings import ALL_SCOPES

LIST = "GET /v2/users"
FIRST_PAGES = 3


def crowd(count: int) -> list[dict[str, Any]]:
    return [person(number) for number in range(1, count + 1)]


def account(zoom: Simulator, people: int) -> None:
    zoom.seed(*(f"a{number}@example.com" for number in range(people)))


@pytest.mark.parametrize(
    ("people", "roster", "listed"),
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
    people: int, roster: int, listed: int, zoom: Simulator, client: ZoomClient
) -> None:
    account(zoom, people)
    known, rows = find_known(client, rows_of(client, crowd(roster)))
    assert len(zoom.requests(LIST)) == listed
    assert [row.number for row in rows] == list(range(1, roster + 1))
    assert known is not None
    assert known("nobody@example.com") is None
    # Asking about somebody costs a call only where nobody was listed.
    one_by_one = listed == 0 or (people > 300 and listed == FIRST_PAGES)
    assert len(zoom.requests("GET /v2/users/*")) == one_by_one
    if people:
        found = known("A0@Example.com")
        assert found is not None
        assert found["status"] == "active"


@pytest.mark.parametrize("roster", [2, 40])
@pytest.mark.parametrize("status", ["active", "inactive", "pending"])
def test_people_of_every_status_are_known_in_whatever_case(
    status: str, roster: int, zoom: Simulator, client: ZoomClient
) -> None:
    zoom.seed({"email": "Ann@Example.com", "id": "ann-id", "status": status})
    known, _ = find_known(client, rows_of(client, crowd(roster)))
    assert known is not None
    for email in ("ann@example.com", "ANN@EXAMPLE.COM"):
        found = known(email)
        assert found is not None
        assert found["status"] == status
        # Zoom's list of pending people tells no id.
        listed_pending = status == "pending" and roster > 3
        assert found.get("id") == (None if listed_pending else "ann-id")


def test_who_was_invited_too_long_ago_is_known_by_a_look_up(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.seed({"email": "p1@example.com", "status": "pending", "created": 1_700_000_000})
    known, _ = find_known(client, rows_of(client, crowd(1)))
    assert known is not None
    found = known("p1@example.com")
    assert found is not None
    assert found["status"] == "pending"


def test_an_app_that_may_not_list_leaves_it_to_zooms_refusals(
    zoom: Simulator, client: ZoomClient, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.configure(scopes=[scope for scope in ALL_SCOPES if "list" not in scope])
    known, rows = find_known(client, rows_of(client, crowd(30)))
    assert known is None
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
        find_known(client, rows_of(client, crowd(300)))


def test_a_source_that_breaks_off_breaks_the_choice_off(
    zoom: Simulator, client: ZoomClient
) -> None:
    def broken() -> Iterator[Row]:
        yield from rows_of(client, crowd(2))
        raise ZoomValidationError("roster x.csv is not UTF-8")

    with pytest.raises(ZoomValidationError):
        find_known(client, broken())
    assert calls(zoom) == []


def test_only_as_much_of_the_roster_is_read_as_the_choice_needs(
    zoom: Simulator, client: ZoomClient
) -> None:
    account(zoom, 1_000)
    read: list[int] = []

    def rows() -> Iterator[Row]:
        for row in rows_of(client, crowd(5_000)):
            read.append(row.number)
            yield row

    _, remaining = find_known(client, rows())
    assert len(read) < 200
    assert sum(1 for _ in remaining) == 5_000
