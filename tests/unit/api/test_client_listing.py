"""Lists are read to their end, whatever happens meanwhile, and no further."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Stranger, http
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomError, ZoomProtocolError, ZoomValidationError
from zoom_provider.simulator.server import Simulator


def people(count: int, **attributes: Any) -> list[dict[str, Any]]:
    return [{"email": f"p{number}@example.com", **attributes} for number in range(count)]


def emails(count: int) -> list[str]:
    return [person["email"] for person in people(count)]


@pytest.mark.parametrize(
    ("count", "pages"), [(0, 1), (1, 1), (299, 1), (300, 1), (301, 2), (600, 2), (601, 3)]
)
def test_all_pages_are_read(zoom: Simulator, client: ZoomClient, count: int, pages: int) -> None:
    zoom.seed(*people(count))
    assert [user["email"] for user in client.list_users()] == emails(count)
    calls = zoom.requests("GET /v2/users")
    assert len(calls) == pages
    assert all(call["query"]["page_size"] == "300" for call in calls)
    assert all(call["query"]["status"] == "active" for call in calls)


def test_a_list_has_those_of_its_status(zoom: Simulator, client: ZoomClient) -> None:
    zoom.seed(
        {"email": "a@example.com"},
        {"email": "i@example.com", "status": "inactive"},
        {"email": "p@example.com", "status": "pending"},
    )
    assert [user["email"] for user in client.list_users()] == ["a@example.com"]
    assert [user["email"] for user in client.list_users("inactive")] == ["i@example.com"]
    (pending,) = client.list_users("pending")
    assert pending["email"] == "p@example.com"
    assert "id" not in pending


def test_no_page_is_requested_before_it_is_read(zoom: Simulator, client: ZoomClient) -> None:
    zoom.seed(*people(301))
    users = client.list_users()
    assert zoom.requests() == []
    assert len(list(itertools.islice(users, 300))) == 300
    assert len(zoom.requests("GET *")) == 1


@pytest.mark.parametrize(
    ("rows", "announced", "missing"),
    [(3, 3, 0), (2, 3, 1), (0, 235, 235), (4, 3, 0), (3, None, 0), (3, "12", 0)],
)
def test_a_list_shorter_than_announced_is_logged(
    zoom: Simulator,
    client_of: ClientOf,
    caplog: pytest.LogCaptureFixture,
    rows: int,
    announced: object,
    missing: int,
) -> None:
    page = {"users": people(rows), "total_records": announced, "next_page_token": ""}
    with Stranger(http(json.dumps(page))) as stranger:
        users = list(client_of(zoom, origin=stranger.url).list_users("inactive"))
    assert len(users) == rows
    assert [record.levelname for record in caplog.records] == ["WARNING"] * bool(missing)
    if missing:
        assert f"announced {announced} inactive users and listed {rows}: {missing} are" in (
            caplog.text
        )


def test_all_pages_together_are_held_against_what_was_announced(
    zoom: Simulator, client: ZoomClient, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.seed(*people(601))
    assert len(list(client.list_users())) == 601
    assert len(next(client.list_user_pages("active"))[0]) == 300  # who stops early knows that
    assert caplog.records == []


def test_an_unknown_status_is_refused(client: ZoomClient) -> None:
    with pytest.raises(ZoomValidationError):
        list(client.list_users("gone"))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["cut_before", "truncated", "status", "429", "revoke_token"])
def test_a_fault_between_pages_loses_no_user(
    zoom: Simulator, client: ZoomClient, kind: str
) -> None:
    zoom.seed(*people(700))
    zoom.fault(kind, on="GET /v2/users", skip=1)
    assert [user["email"] for user in client.list_users()] == emails(700)


def test_a_page_may_be_empty_where_people_left_meanwhile(
    zoom: Simulator, client: ZoomClient
) -> None:
    zoom.seed(*people(901))
    users = client.list_users()
    first = list(itertools.islice(users, 300))
    zoom.seed(*people(600, status="inactive"))
    assert [user["email"] for user in [*first, *users]] == emails(300) + emails(901)[600:]


def test_an_expired_page_token_is_an_error_to_retry(zoom: Simulator, client: ZoomClient) -> None:
    zoom.seed(*people(601))
    users = client.list_users()
    list(itertools.islice(users, 300))
    list(itertools.islice(users, 1))
    zoom.advance_clock(15 * 60 + 1)
    with pytest.raises(ZoomError, match="15 minutes") as caught:
        list(users)
    assert not isinstance(caught.value, ZoomValidationError)
    assert (caught.value.code, caught.value.remedy) == (300, "retry")


def page(rows: object, token: object, total: object) -> bytes:
    return http(json.dumps({"users": rows, "next_page_token": token, "total_records": total}))


def _numbered(asked: bytes) -> int:
    found = re.search(rb"next_page_token=t?(\d+)", asked)
    return int(found[1]) if found else 0


ROWS = [{"email": f"p{number}@example.com"} for number in range(300)]


@pytest.mark.parametrize(
    ("answer", "most"),
    [
        # The same page over and over.
        (lambda asked: page(ROWS, "t1", 300), 2),
        # Two pages that name each other.
        (lambda asked: page(ROWS, f"t{1 + _numbered(asked) % 2}", 90_000), 3),
        (lambda asked: page(ROWS, f"t{1 + _numbered(asked) % 5}", 90_000), 6),
        # Always a new one.
        (lambda asked: page(ROWS, f"t{_numbered(asked) + 1}", 300), 13),
        (lambda asked: page(ROWS[:1], f"t{_numbered(asked) + 1}", 1), 11),
        (lambda asked: page([], f"t{_numbered(asked) + 1}", 0), 11),
        (lambda asked: page([], f"t{_numbered(asked) + 1}", None), 11),
        (lambda asked: page([], f"t{_numbered(asked) + 1}", 600), 51),
    ],
)
def test_a_list_without_end_is_given_up(
    zoom: Simulator, client_of: ClientOf, answer: Callable[[bytes], bytes], most: int
) -> None:
    # Hangs up, should it be asked on and on.
    with Stranger(lambda asked: answer(asked) if len(stranger.heard) <= 100 else b"") as stranger:
        client = client_of(zoom, origin=stranger.url)
        with pytest.raises(ZoomProtocolError, match=r"list of active users does not end: page \d"):
            list(client.list_users())
    assert len(stranger.heard) <= most


def test_pages_may_be_shorter_than_asked_for(zoom: Simulator, client_of: ClientOf) -> None:
    def answer(asked: bytes) -> bytes:
        number = _numbered(asked)
        return page(ROWS[:30], f"t{number + 1}" if number < 99 else "", 3000)

    with Stranger(answer) as stranger:
        assert len(list(client_of(zoom, origin=stranger.url).list_users())) == 3000


@pytest.mark.parametrize("token", ["", None])
@pytest.mark.parametrize("total", [2, None, "2"])
def test_a_list_ends_where_no_page_is_named(
    zoom: Simulator, client_of: ClientOf, token: object, total: object
) -> None:
    with Stranger(page(ROWS[:2], token, total)) as stranger:
        assert len(list(client_of(zoom, origin=stranger.url).list_users())) == 2


@pytest.mark.parametrize("body", ["{}", '{"users": null}', '{"users": {}}', '{"users": "p"}'])
def test_a_list_without_people_is_not_zooms(
    zoom: Simulator, client_of: ClientOf, body: str
) -> None:
    with (
        Stranger(http(body)) as stranger,
        pytest.raises(ZoomProtocolError, match="has no field users"),
    ):
        list(client_of(zoom, origin=stranger.url).list_users())
