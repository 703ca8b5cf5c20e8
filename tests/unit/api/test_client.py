"""The calls for people who are there already: found, changed, switched off, let go."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.api.fakes import ClientOf, Clock, Stranger, http
from zoom_provider.api.client import LostReplyError, ZoomClient
from zoom_provider.exceptions import (
    ZoomError,
    ZoomLicenseError,
    ZoomNotFoundError,
    ZoomPermissionError,
    ZoomProtocolError,
    ZoomUnavailableError,
    ZoomValidationError,
)
from zoom_provider.simulator.server import Simulator

ANN = "ann@example.com"


def ann(zoom: Simulator, **attributes: Any) -> None:
    zoom.seed({"email": ANN, "id": "ann-id", "first_name": "Ann", **attributes})


# ---- looking up


@pytest.mark.parametrize("user", [ANN, "ANN@Example.com", "ann-id", f"  {ANN}\n"])
def test_a_person_is_found_by_address_and_id(
    zoom: Simulator, client: ZoomClient, user: str
) -> None:
    ann(zoom)
    found = client.get_user(user)
    assert (found["id"], found["email"], found["first_name"]) == ("ann-id", ANN, "Ann")


def test_who_is_not_there_is_not_found(zoom: Simulator, client: ZoomClient, clock: Clock) -> None:
    with pytest.raises(ZoomNotFoundError, match="no such user") as caught:
        client.get_user(ANN)
    assert (caught.value.code, caught.value.status, caught.value.remedy) == (1001, 404, "fail")
    assert len(zoom.requests()) == 2
    assert clock.pauses == []


def test_an_expired_invitation_asks_for_another_creation(
    zoom: Simulator, client: ZoomClient
) -> None:
    ann(zoom, status="pending", created=int(time.time()) - 31 * 86_400)
    with pytest.raises(ZoomNotFoundError, match="create the user again") as caught:
        client.get_user(ANN)
    assert (caught.value.code, caught.value.remedy) == (1120, "human")


@pytest.mark.parametrize("answer", [http("", "404 Not Found"), http("{}", "404 Not Found")])
def test_a_404_that_is_not_zooms_says_nothing_of_the_person(
    zoom: Simulator, client_of: ClientOf, answer: bytes
) -> None:
    with Stranger(answer) as stranger, pytest.raises(ZoomProtocolError):
        client_of(zoom, origin=stranger.url).get_user(ANN)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut_before"},
        {"kind": "cut_after"},
        {"kind": "truncated"},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503, "body": "html"},
        {"kind": "429"},
        {"kind": "revoke_token"},
    ],
)
def test_reading_is_repeated(
    zoom: Simulator, client: ZoomClient, clock: Clock, fault: dict[str, Any]
) -> None:
    ann(zoom)
    client.auth.token()
    zoom.fault(**fault, on="GET /v2/users/*")
    assert client.get_user(ANN)["id"] == "ann-id"
    assert len(zoom.requests("GET /v2/users/*")) == 2
    assert len(clock.pauses) == (fault["kind"] != "revoke_token")


def test_reading_is_given_up_after_five_times(
    zoom: Simulator, client: ZoomClient, clock: Clock
) -> None:
    zoom.fault("status", on="GET /v2/users/*", times=None)
    with pytest.raises(ZoomUnavailableError) as caught:
        client.get_user(ANN)
    assert (caught.value.status, caught.value.code, caught.value.remedy) == (503, 503, "retry")
    assert len(zoom.requests("GET /v2/users/*")) == 5
    assert len(clock.pauses) == 4


# ---- changing


def test_given_fields_are_changed_and_no_others(zoom: Simulator, client: ZoomClient) -> None:
    ann(zoom, last_name="Lee", type=1)
    client.update_user(ANN, {"first_name": "Anne", "type": 2})
    person = zoom.person(ANN)
    assert person is not None
    assert (person["first_name"], person["last_name"], person["type"]) == ("Anne", "Lee", 2)


def test_zoom_drops_changes_to_somebody_pending(zoom: Simulator, client: ZoomClient) -> None:
    ann(zoom, status="pending")
    client.update_user(ANN, {"first_name": "Anne"})
    person = zoom.person(ANN)
    assert person is not None
    assert person["first_name"] == "Ann"


@pytest.mark.parametrize(
    ("switches", "fields", "kind", "code"),
    [
        ({"seats": {"licensed": 0}}, {"type": 2}, ZoomLicenseError, 3412),
        ({"seats": {"licensed": 0}, "seat_codes": "old"}, {"type": 2}, ZoomLicenseError, 2034),
        ({}, {"type": 77}, ZoomValidationError, 300),
        ({"scopes": ["user:read:user:admin"]}, {}, ZoomPermissionError, 4711),
        ({"missing_permissions": ["User:Edit"]}, {}, ZoomPermissionError, 200),
    ],
)
def test_refused_changes_are_told(
    zoom: Simulator,
    client: ZoomClient,
    switches: dict[str, Any],
    fields: dict[str, Any],
    kind: type[ZoomError],
    code: int,
) -> None:
    ann(zoom)
    zoom.configure(**switches)
    with pytest.raises(kind) as caught:
        client.update_user(ANN, fields)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert len(zoom.requests("PATCH *")) == 1


@pytest.mark.parametrize("status_code", [200, 204])
def test_people_are_switched_off_and_on(
    zoom: Simulator, client: ZoomClient, status_code: int
) -> None:
    ann(zoom, type=2)
    zoom.configure(put_status_code=status_code)
    for action, status in (("deactivate", "inactive"), ("activate", "active")):
        client.set_user_status(ANN, action)  # type: ignore[arg-type]
        person = zoom.person(ANN)
        assert person is not None
        assert person["status"] == status
    assert [call["status"] for call in zoom.requests("PUT *")] == [status_code] * 2


def test_switching_on_wants_a_seat(zoom: Simulator, client: ZoomClient) -> None:
    ann(zoom, status="inactive")
    zoom.configure(seats={"basic": 0})
    with pytest.raises(ZoomLicenseError, match="seat is free"):
        client.set_user_status(ANN, "activate")


def test_an_unknown_switch_is_refused_before_any_call(zoom: Simulator, client: ZoomClient) -> None:
    with pytest.raises(ZoomValidationError, match="activate or deactivate"):
        client.set_user_status(ANN, "delete")  # type: ignore[arg-type]
    assert zoom.requests() == []


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "status", "truncated"])
def test_writing_what_may_be_written_twice_is_repeated(
    zoom: Simulator, client: ZoomClient, kind: str
) -> None:
    ann(zoom)
    zoom.fault(kind, on="PATCH *")
    client.update_user(ANN, {"first_name": "Anne"})
    person = zoom.person(ANN)
    assert person is not None
    assert person["first_name"] == "Anne"


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "status", "truncated"])
def test_a_call_that_loses_data_is_not_repeated_blindly(
    zoom: Simulator, client: ZoomClient, kind: str
) -> None:
    ann(zoom)
    calls: tuple[tuple[str, Callable[[], object]], ...] = (
        ("PUT *", lambda: client.set_user_status(ANN, "deactivate")),
        ("PUT *", lambda: client.change_email(ANN, "anne@example.com")),
        ("POST *", lambda: client.assign_role("1", ANN)),
        ("DELETE /v2/roles/*", lambda: client.unassign_role("1", ANN)),
        ("DELETE /v2/users/*", lambda: client.delete_user(ANN)),
    )
    for on, call in calls:
        before = len(zoom.requests(on))
        zoom.fault(kind, on=on)
        with pytest.raises(LostReplyError):
            call()
        assert len(zoom.requests(on)) == before + 1


# ---- letting go


@pytest.mark.parametrize("action", ["disassociate", "delete"])
def test_people_are_let_go(zoom: Simulator, client: ZoomClient, action: Any) -> None:
    ann(zoom)
    zoom.seed("heir@example.com")
    client.delete_user("ann-id", action, transfer_email="heir@example.com", transfer_meeting=True)
    assert [person["email"] for person in zoom.people()] == ["heir@example.com"]
    (call,) = zoom.requests("DELETE *")
    assert call["query"] == {
        "action": action,
        "transfer_email": "heir@example.com",
        "transfer_meeting": "true",
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("transfer_meetings", "transfer_meeting"),
        ("transfer_recordings", "transfer_recording"),
        ("transfer_mail", "transfer_email"),
        ("x", "transfer_email"),
    ],
)
def test_what_cannot_be_handed_over_is_refused_before_any_call(
    zoom: Simulator, client: ZoomClient, name: str, meant: str
) -> None:
    with pytest.raises(ZoomValidationError, match=f"did you mean {meant}\\?"):
        client.delete_user(ANN, **{name: True})  # type: ignore[arg-type]
    assert zoom.requests() == []


@pytest.mark.parametrize(
    "fault", [{"kind": "429"}, {"kind": "429", "limit": "concurrency"}, {"kind": "revoke_token"}]
)
def test_a_removal_that_zoom_has_refused_for_now_is_sent_again(
    zoom: Simulator, client: ZoomClient, fault: dict[str, Any]
) -> None:
    ann(zoom)
    zoom.fault(**fault, on="DELETE *")
    client.delete_user(ANN)
    assert zoom.people() == []
    assert len(zoom.requests("DELETE *")) == 2


@pytest.mark.parametrize("fault", [None, "429", "revoke_token"])
def test_who_was_never_there_is_not_found(
    zoom: Simulator, client: ZoomClient, fault: str | None
) -> None:
    if fault is not None:
        zoom.fault(fault, on="DELETE *")
    with pytest.raises(ZoomNotFoundError):
        client.delete_user(ANN)


def test_a_strangers_404_does_not_let_anybody_go(zoom: Simulator, client_of: ClientOf) -> None:
    with Stranger(http("", "404 Not Found")) as stranger, pytest.raises(ZoomProtocolError):
        client_of(zoom, origin=stranger.url).delete_user(ANN)


@pytest.mark.parametrize(
    ("attributes", "switches", "code", "text"),
    [
        ({}, {"managed_domains": ["example.com"]}, 1107, "domain"),
        ({"role_id": "1"}, {}, 1117, "Admin"),
        ({"zoom_events": True}, {}, 300, "Zoom Events"),
    ],
)
def test_who_cannot_be_let_go_stays(
    zoom: Simulator,
    client: ZoomClient,
    attributes: dict[str, Any],
    switches: dict[str, Any],
    code: int,
    text: str,
) -> None:
    ann(zoom, **attributes)
    zoom.configure(**switches)
    with pytest.raises(ZoomError, match=text) as caught:
        client.delete_user(ANN)
    assert caught.value.code == code
    assert zoom.person(ANN) is not None


def test_calls_are_counted(zoom: Simulator, client: ZoomClient) -> None:
    ann(zoom)
    zoom.fault("429", on="GET *", times=2)
    client.get_user(ANN)
    assert (client.calls, client.rate_limited) == (3, 2)
