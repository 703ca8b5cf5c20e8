"""DELETE: who may go, what becomes of their data, and of the address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

JANE = {"email": "jane@corp.com", "id": "jane-id", "type": 2}
HEIR = {"email": "heir@corp.com", "id": "heir-id", "type": 2}
TO_HEIR = {"transfer_email": "heir@corp.com"}


# Each case breaks all rules from its own on: the first one broken is the one that counts.
RULES: list[tuple[dict[str, Any], tuple[int, int]]] = [
    ({"role_id": "0"}, (400, 200)),
    ({"role_id": "1"}, (400, 1117)),
    ({"room": True}, (400, 200)),
    ({"call_queue": True}, (400, 1000)),
    ({"email": "jane@managed.com"}, (400, 1107)),
    ({"login_type": 99}, (400, 300)),
    ({"zoom_events": True}, (400, 300)),
]


@pytest.mark.parametrize("first", range(len(RULES)))
def test_refusals_come_in_zooms_order(call: Caller, zoom: Simulator, first: int) -> None:
    broken: dict[str, Any] = {}
    for person, _ in reversed(RULES[first:]):
        broken.update(person)
    zoom.configure(managed_domains=["managed.com"])
    zoom.seed({**JANE, **broken})

    assert call.delete("jane-id") == RULES[first][1]
    assert zoom.person("jane-id") is not None


@pytest.mark.parametrize(
    ("person", "action", "expected"),
    [
        ({"role_id": "0"}, "delete", (400, 200)),
        ({"role_id": "1"}, "delete", (400, 1117)),
        ({"email": "jane@managed.com"}, "delete", (204, None)),
        ({"login_type": 99}, "delete", (204, None)),
        ({"status": "inactive"}, "disassociate", (204, None)),
        ({"status": "inactive"}, "delete", (204, None)),
        ({"status": "inactive", "undeletable": True}, "delete", (400, 200)),
        ({"undeletable": True}, "delete", (204, None)),
    ],
)
def test_who_may_go(
    call: Caller,
    zoom: Simulator,
    person: dict[str, Any],
    action: str,
    expected: tuple[int, int | None],
) -> None:
    zoom.configure(managed_domains=["managed.com"])
    zoom.seed({**JANE, **person})

    assert call.delete("jane-id", action=action) == expected
    assert (zoom.person("jane-id") is None) == (expected[0] == 204)


@pytest.mark.parametrize(
    ("person", "heir", "params", "expected"),
    [
        ({"zoom_events": True}, {}, TO_HEIR, (400, 300)),
        ({"zoom_events": True}, {"features": {"zoom_events": True}}, TO_HEIR, (204, None)),
        ({}, {}, {"transfer_email": "JANE@corp.com"}, (400, 300)),
        ({}, {}, {"transfer_email": "jane-id"}, (400, 300)),
        ({}, {}, {"transfer_email": "unknown@corp.com"}, (404, 1001)),
        ({}, {"status": "inactive"}, TO_HEIR, (404, 1001)),
        ({}, {"type": 1}, {**TO_HEIR, "transfer_meeting": "true"}, (400, 300)),
        ({}, {"type": 1}, TO_HEIR, (204, None)),
        ({"type": 1}, {"type": 1}, {**TO_HEIR, "transfer_meeting": "true"}, (204, None)),
        (
            {"type": 1, "assets": {"recording": 1}},
            {"type": 1},
            {**TO_HEIR, "transfer_recording": "true"},
            (400, 300),
        ),
        (
            {"assets": {"webinar": 1}},
            {},
            {**TO_HEIR, "transfer_webinar": "true"},
            (400, 300),
        ),
        (
            {"assets": {"webinar": 1}},
            {"features": {"webinar": True}},
            {**TO_HEIR, "transfer_webinar": "true"},
            (204, None),
        ),
    ],
)
def test_who_may_inherit(
    call: Caller,
    zoom: Simulator,
    person: dict[str, Any],
    heir: dict[str, Any],
    params: dict[str, str],
    expected: tuple[int, int | None],
) -> None:
    zoom.seed({**JANE, **person}, {**HEIR, **heir})

    assert call.delete("jane-id", action="delete", **params) == expected
    assert (zoom.person("jane-id") is None) == (expected[0] == 204)


def test_a_404_does_not_say_who_is_missing(call: Caller, zoom: Simulator) -> None:
    params = {"transfer_email": "unknown@corp.com"}
    gone = call("DELETE", "/v2/users/jane-id", params=params).json()
    zoom.seed(JANE)

    assert call("DELETE", "/v2/users/jane-id", params=params).json() == gone
    assert zoom.person("jane-id") is not None


def test_data_goes_where_the_flags_say_but_for_personal_meetings(
    call: Caller, zoom: Simulator
) -> None:
    assets = {"meeting": 3, "pmi_meeting": 1, "recording": 2, "notes": 5, "events": 1}
    zoom.seed({**JANE, "assets": assets}, {**HEIR, "assets": {"meeting": 1}})

    # Some clients write Python's True.
    params = {**TO_HEIR, "transfer_meeting": "True", "transfer_recording": "true"}
    assert call.delete("jane-id", action="delete", **params) == (204, None)

    [heir] = zoom.people()
    assert heir["assets"] == {"meeting": 4, "recording": 2, "events": 1}
    [left] = zoom.state()["departed"]
    assert (left["to"], left["lost"]) == ("heir@corp.com", {"pmi_meeting": 1, "notes": 5})


def test_flags_without_a_recipient_move_nothing(call: Caller, zoom: Simulator) -> None:
    zoom.seed({**JANE, "assets": {"meeting": 3}}, HEIR)

    assert call.delete("jane-id", transfer_meeting="true") == (204, None)

    assert zoom.people()[0]["assets"] == {}
    assert zoom.state()["departed"][0]["lost"] == {"meeting": 3}


def test_a_deleted_persons_address_makes_another_person(call: Caller, zoom: Simulator) -> None:
    zoom.configure(sso="on")
    zoom.seed(JANE)
    call.delete("jane-id", action="delete")

    again = call.create("jane@corp.com", action="ssoCreate")

    assert again.status_code == 201
    assert again.json()["id"] != "jane-id"
    assert zoom.people()[0]["status"] == "active"
    assert [event["event"] for event in zoom.events()] == ["user.deleted", "user.created"]


@pytest.mark.parametrize(
    ("switches", "action", "status"),
    [
        ({}, "create", 201),
        ({}, "ssoCreate", 201),
        ({"create_status": "active"}, "create", 201),
        ({"foreign_precreate": "refused"}, "autoCreate", 409),
        ({"foreign_precreate": "refused"}, "create", 201),
    ],
)
def test_a_disassociated_person_keeps_a_personal_account_and_is_invited(
    call: Caller, zoom: Simulator, switches: dict[str, Any], action: str, status: int
) -> None:
    zoom.configure(sso="on", **switches)
    zoom.seed(JANE)
    call.delete("jane-id")
    assert call.verdict(call("GET", "/v2/users/jane@corp.com")) == (404, 1001)

    assert call.create("jane@corp.com", action=action).status_code == status

    assert [person["status"] for person in zoom.people()] == ["pending"] * (status == 201)
    assert zoom.events()[0]["event"] == "user.disassociated"


def test_an_address_elsewhere_that_can_be_invited(call: Caller, zoom: Simulator) -> None:
    zoom.configure(foreign_accounts={"jane@corp.com": "invitable"}, create_status="active")

    assert call.create("jane@corp.com").status_code == 201
    assert call.user("jane@corp.com")["status"] == "pending"


def test_a_transfer_that_takes_its_time_refuses_a_second_delete(
    call: Caller, zoom: Simulator
) -> None:
    zoom.configure(transfer_delay=60)
    zoom.seed({**JANE, "assets": {"meeting": 1}}, HEIR, "quick@corp.com")
    params = {**TO_HEIR, "transfer_meeting": "true"}

    assert call.delete("jane-id", **params) == (204, None)
    assert call.user("jane-id")["status"] == "active"
    again = call("DELETE", "/v2/users/jane-id", params=params)
    assert call.verdict(again) == (429, 429)
    assert "disassociate this user has already been made" in again.json()["message"]
    assert call.delete("quick@corp.com") == (204, None)
    assert call.verdict(call("GET", "/v2/users/quick@corp.com")) == (404, 1001)

    zoom.advance_clock(61)

    assert call.verdict(call("GET", "/v2/users/jane-id")) == (404, 1001)
    [heir] = zoom.people()
    assert (heir["id"], heir["assets"]) == ("heir-id", {"meeting": 1})


def test_a_lost_reply_to_a_delete_leaves_the_person_gone(call: Caller, zoom: Simulator) -> None:
    zoom.seed(JANE)
    zoom.fault("status", on="DELETE /v2/users/*", acted=True)

    assert call.delete("jane-id") == (503, 503)
    assert call.delete("jane-id") == (404, 1001)
