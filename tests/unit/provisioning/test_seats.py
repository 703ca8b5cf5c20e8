"""Free seats: counted once, taken and given back, corrected by what Zoom says."""

from __future__ import annotations

import pytest

from tests.support import calls, person
from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomLicenseError, ZoomPermissionError
from zoom_provider.models.user import CreateRequest, parse_create_request
from zoom_provider.provisioning import seats as seats_module
from zoom_provider.provisioning.options import PurchasedSeats
from zoom_provider.provisioning.seats import Seats, count_free_seats
from zoom_provider.simulator.server import Simulator
from zoom_provider.simulator.settings import ALL_SCOPES

BOUGHT = PurchasedSeats(basic=10, licensed=10)


def wants(type_: int) -> CreateRequest:
    return parse_create_request("create", person(1, type=type_))


@pytest.mark.parametrize(
    ("there", "free"),
    [
        ({}, {"basic": 10, "licensed": 10}),
        ({("active", 1): 3, ("active", 2): 4}, {"basic": 7, "licensed": 6}),
        # Pending people hold seats, and Zoom's summary counts them: once is enough.
        ({("pending", 1): 3, ("pending", 2): 4}, {"basic": 7, "licensed": 6}),
        # Deactivated users hold none, though the summary counts them as basic.
        ({("inactive", 1): 9}, {"basic": 10, "licensed": 10}),
        (
            {("active", 1): 1, ("pending", 2): 2, ("inactive", 1): 3, ("active", 4): 4},
            {"basic": 9, "licensed": 8},
        ),
        ({("active", 1): 12}, {"basic": -2, "licensed": 10}),
    ],
)
def test_free_seats_are_those_that_zoom_would_still_give(
    there: dict[tuple[str, int], int],
    free: dict[str, int],
    zoom: Simulator,
    client: ZoomClient,
) -> None:
    for (status, type_), count in there.items():
        for number in range(count):
            email = f"{status}{type_}.{number}@example.com"
            zoom.seed({"email": email, "status": status, "type": type_})
    assert count_free_seats(client, BOUGHT).free == free
    assert {method for method, _ in calls(zoom)} == {"GET"}
    in_use = zoom.state()["counts"]["seats"]
    assert free == {kind: 10 - in_use.get(kind, 0) for kind in ("basic", "licensed")}


@pytest.mark.parametrize(
    ("summary", "counted"),
    [
        # active 50, pending 4, inactive 7
        ({"total_users_count": 61}, (True, True)),
        ({"total_users_count": 54}, (True, False)),
        ({"total_users_count": 57}, (False, True)),
        ({"total_users_count": 50}, (False, False)),
        ({"total_users_count": 53, "room_users_count": 3}, (False, False)),
        ({"total_users_count": 62}, (True, True)),
        ({}, (False, False)),
    ],
)
def test_the_totals_show_which_users_the_summary_counts(
    summary: dict[str, int], counted: tuple[bool, bool]
) -> None:
    assert (
        seats_module._detect_counted_statuses(summary, active=50, pending=4, inactive=7) == counted
    )


def test_seats_that_are_not_named_are_not_counted(zoom: Simulator, client: ZoomClient) -> None:
    free = count_free_seats(client, PurchasedSeats(licensed=0))
    assert free.free == {"licensed": 0}
    assert free.reserve(wants(1)) == (wants(1), None)
    with pytest.raises(ZoomLicenseError):
        free.reserve(wants(2))


def test_without_the_scope_the_error_names_it(zoom: Simulator, client: ZoomClient) -> None:
    zoom.configure(scopes=[scope for scope in ALL_SCOPES if "summary" not in scope])
    with pytest.raises(ZoomPermissionError, match="user:read:summary:admin"):
        count_free_seats(client, BOUGHT)


def test_a_seat_is_taken_and_given_back() -> None:
    seats = Seats({"licensed": 1})
    assert seats.reserve(wants(2)) == (wants(2), None)
    with pytest.raises(ZoomLicenseError) as raised:
        seats.reserve(wants(2))
    assert raised.value.seat == "licensed"
    assert raised.value.remedy == "human"
    seats.release(wants(2))
    seats.release(wants(1))
    seats.reserve(wants(2))
    assert seats.free == {"licensed": 0}


@pytest.mark.parametrize(
    ("free", "type_", "given", "left"),
    [
        ({"licensed": 0, "basic": 2}, 2, 1, {"licensed": 0, "basic": 1}),
        ({"licensed": 1, "basic": 2}, 2, 2, {"licensed": 0, "basic": 2}),
        ({"licensed": 0}, 2, 1, {"licensed": 0}),
        ({"licensed": 0, "basic": 0}, 2, None, {"licensed": 0, "basic": 0}),
        ({"licensed": 5, "basic": 0}, 1, None, {"licensed": 5, "basic": 0}),
        ({"licensed": 0, "basic": 0}, 4, 4, {"licensed": 0, "basic": 0}),
        ({"licensed": -3, "basic": 1}, 2, 1, {"licensed": -3, "basic": 0}),
    ],
)
def test_users_beyond_the_licensed_seats_are_basic_with_else_basic(
    free: dict[str, int], type_: int, given: int | None, left: dict[str, int]
) -> None:
    seats = Seats(free, else_basic=True)
    if given is None:
        with pytest.raises(ZoomLicenseError):
            seats.reserve(wants(type_))
    else:
        request, note = seats.reserve(wants(type_))
        assert request.user_info.type == given
        assert (note is None) is (given == type_)
        assert request.email == wants(type_).email
    assert seats.free == left


@pytest.mark.parametrize(
    ("free", "wanted", "error_seat", "then", "left"),
    [
        # Zoom says that no licensed seat is free, whatever we believe.
        ({"licensed": 5, "basic": 3}, 2, "licensed", 1, {"licensed": 0, "basic": 2}),
        ({"licensed": 5}, 2, "licensed", 1, {"licensed": 0}),
        ({"licensed": 5, "basic": 0}, 2, "licensed", None, {"licensed": 0, "basic": 0}),
        ({"basic": 3}, 2, "licensed", 1, {"licensed": 0, "basic": 2}),
        ({"licensed": 5, "basic": 3}, 1, "basic", None, {"licensed": 5, "basic": 0}),
        # A licence of another kind says nothing about these seats: the one taken is given back.
        ({"licensed": 5, "basic": 3}, 2, "zoom_phone", None, {"licensed": 5, "basic": 3}),
        ({"licensed": 5, "basic": 3}, 2, None, None, {"licensed": 5, "basic": 3}),
        ({"licensed": 5, "basic": 3}, 4, "zoom_one", None, {"licensed": 5, "basic": 3}),
    ],
)
def test_zooms_refusal_corrects_the_count_and_the_user_is_tried_as_basic(
    free: dict[str, int],
    wanted: int,
    error_seat: str | None,
    then: int | None,
    left: dict[str, int],
) -> None:
    seats = Seats(free, else_basic=True)
    request, _ = seats.reserve(wants(wanted))
    other = seats.on_refused(request, ZoomLicenseError("No seat.", seat=error_seat))
    if then is None:
        assert other is None
    else:
        assert other is not None
        assert other[0].user_info.type == then
        assert other[1] == "created as basic, no licensed seat is free"
    assert seats.free == left


def test_a_refusal_without_else_basic_ends_the_user_and_the_next_one_is_not_posted() -> None:
    seats = Seats({"licensed": 5, "basic": 3})
    request, _ = seats.reserve(wants(2))
    assert seats.on_refused(request, ZoomLicenseError("No seat.", seat="licensed")) is None
    with pytest.raises(ZoomLicenseError):
        seats.reserve(wants(2))
    assert seats.free == {"licensed": 0, "basic": 3}
