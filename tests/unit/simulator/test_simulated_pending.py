"""People who have not accepted their invitation: what Zoom shows of them, and drops for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

PIA = {"email": "pia@example.com", "id": "pia-id", "status": "pending", "type": 2}
DAY = 86_400


@pytest.fixture
def pia(zoom: Simulator) -> str:
    zoom.seed({**PIA, "first_name": "Pia", "last_name": "Doe"})
    return "pia@example.com"


def test_a_pending_person_is_shown_with_next_to_nothing(call: Caller, pia: str) -> None:
    [row] = call.listed("pending")
    shown = call.user(pia)

    assert {"id": "pia-id", **row} == shown
    assert set(row) == {
        *("email", "type", "status", "verified"),
        *("created_at", "user_created_at"),
    }
    assert (row["status"], row["verified"], row["type"]) == ("pending", 0, 2)


def test_the_id_of_a_pending_person_is_shown_by_a_switch(
    call: Caller, zoom: Simulator, pia: str
) -> None:
    zoom.configure(pending_get_has_id=False, pending_fields="full")

    shown = call.user(pia)

    assert "id" not in shown
    assert shown["first_name"] == "Pia"


def test_accepting_makes_a_person_active_with_their_names(
    call: Caller, zoom: Simulator, pia: str
) -> None:
    assert call.control("POST", f"people/{pia}/confirm").status_code == 200

    shown = call.user(pia)
    assert (shown["status"], shown["verified"], shown["first_name"]) == ("active", 1, "Pia")
    assert shown["id"] == "pia-id"
    assert call.listed("pending") == []
    assert [event["event"] for event in call.control("GET", "events").json()] == [
        "user.invitation_accepted"
    ]
    assert call.control("POST", f"people/{pia}/confirm").status_code == 404


def test_accepting_gives_another_id_by_a_switch(call: Caller, zoom: Simulator, pia: str) -> None:
    zoom.configure(activation_new_id=True)
    zoom.confirm(pia)

    assert call.user(pia)["id"] != "pia-id"
    assert call.verdict(call("GET", "/v2/users/pia-id")) == (404, 1001)


@pytest.mark.parametrize(
    ("switches", "status"),
    [({}, 400), ({"pending_status": "dropped"}, 204)],
)
@pytest.mark.parametrize("action", ["activate", "deactivate"])
def test_the_status_of_a_pending_person_does_not_change(
    call: Caller, zoom: Simulator, pia: str, switches: dict[str, Any], status: int, action: str
) -> None:
    zoom.configure(**switches)

    assert call.set_status(pia, action)[0] == status
    assert call.user(pia)["status"] == "pending"


@pytest.mark.parametrize(
    ("switches", "expected"),
    [({}, (204, None)), ({"pending_email": "refused"}, (400, 1116))],
)
def test_the_address_of_a_pending_person_does_not_change(
    call: Caller,
    zoom: Simulator,
    pia: str,
    switches: dict[str, Any],
    expected: tuple[int, int | None],
) -> None:
    zoom.configure(managed_domains=["example.com"], **switches)

    assert call.set_email(pia, "pia.doe@example.com") == expected
    assert [row["email"] for row in call.listed("pending")] == [pia]


def test_a_pending_person_has_no_settings(call: Caller, pia: str) -> None:
    for method in ("GET", "PATCH"):
        reply = call(method, f"/v2/users/{pia}/settings", json={"feature": {}})
        assert call.verdict(reply) == (400, 1000)


@pytest.mark.parametrize(("kind", "named"), [("groups", "sales"), ("roles", "1")])
def test_a_pending_person_joins_no_group_and_gets_no_role_though_zoom_says_yes(
    call: Caller, zoom: Simulator, pia: str, kind: str, named: str
) -> None:
    zoom.group("Sales", group_id="sales")

    reply = call("POST", f"/v2/{kind}/{named}/members", json={"members": [{"email": pia}]})

    assert (reply.status_code, reply.json()["ids"]) == (201, "")
    zoom.confirm(pia)
    assert (call.user(pia)["group_ids"], call.user(pia)["role_id"]) == ([], "2")


@pytest.mark.parametrize(("switch", "groups"), [("dropped", []), ("applied", ["sales"])])
def test_a_group_in_patch_is_joined_at_acceptance_by_a_switch(
    call: Caller, zoom: Simulator, pia: str, switch: str, groups: list[str]
) -> None:
    zoom.configure(pending_group=switch)
    zoom.group("Sales", group_id="sales")

    assert call.change(pia, group_id="sales", dept="Sales") == (204, None)
    zoom.confirm(pia)

    assert call.user(pia)["group_ids"] == groups
    assert call.user(pia)["dept"] == ""


@pytest.mark.parametrize(
    ("switches", "params", "expected"),
    [
        ({}, {"action": "disassociate"}, (204, None)),
        ({"managed_domains": ["example.com"]}, {"action": "disassociate"}, (204, None)),
        ({}, {"action": "delete"}, (400, 1120)),
        ({"pending_delete": "accepted"}, {"action": "delete"}, (204, None)),
    ],
)
def test_a_pending_person_is_removed_by_disassociate(
    call: Caller,
    zoom: Simulator,
    pia: str,
    switches: dict[str, Any],
    params: dict[str, str],
    expected: tuple[int, int | None],
) -> None:
    zoom.configure(**switches, seats={"licensed": 1})

    assert call.delete(pia, **params) == expected
    again = call.create(pia, type=2)
    assert again.status_code == (201 if expected[0] == 204 else 409)
    if again.status_code == 201:
        assert again.json()["id"] != "pia-id"


def test_an_expired_invitation_frees_address_and_seat(
    call: Caller, zoom: Simulator, pia: str
) -> None:
    zoom.configure(seats={"licensed": 1}, managed_domains=["example.com"])
    assert call.control("POST", f"people/{pia}/expire").status_code == 200

    for user in (pia, "pia-id"):
        assert call.verdict(call("GET", f"/v2/users/{user}")) == (400, 1120)
        assert call.change(user, dept="x") == (400, 1120)
        assert call.set_status(user, "activate") == (400, 1120)
        assert call.set_email(user, "p@example.com") == (400, 1120)
        assert call.delete(user) == (400, 1120)
    for status in ("active", "inactive", "pending"):
        assert call.listed(status) == []
    assert set(call("GET", "/v2/users/summary").json().values()) == {0}
    assert call.control("POST", f"people/{pia}/confirm").status_code == 404
    assert call.create(pia, type=2).status_code == 201
    assert call.user(pia)["status"] == "pending"


def test_an_invitation_lasts_thirty_days_and_no_longer(call: Caller, zoom: Simulator) -> None:
    call.create("ann@example.com")
    zoom.advance_clock(30 * DAY - 60)
    call.renew()
    call.create("ben@example.com")
    assert len(call.listed("pending")) == 2

    zoom.advance_clock(120)

    assert [row["email"] for row in call.listed("pending")] == ["ben@example.com"]
    zoom.advance_clock(30 * DAY)
    assert zoom.state()["counts"]["by_status"] == {"expired": 2}


def test_the_thirty_days_count_from_the_last_invitation(call: Caller, zoom: Simulator) -> None:
    call.create()
    zoom.advance_clock(20 * DAY)
    call.renew()
    call.delete("jane@example.com")
    call.create()

    zoom.advance_clock(20 * DAY)
    call.renew()

    assert call.user("jane@example.com")["status"] == "pending"


def test_a_person_who_accepted_does_not_expire(call: Caller, zoom: Simulator) -> None:
    call.create()
    zoom.confirm("jane@example.com")
    zoom.advance_clock(31 * DAY)
    call.renew()

    assert call.user("jane@example.com")["status"] == "active"


def test_an_expired_invitation_is_still_listed_by_a_switch(
    call: Caller, zoom: Simulator, pia: str
) -> None:
    zoom.configure(expired_invitations="kept")
    call.control("POST", f"people/{pia}/expire")

    assert call.verdict(call("GET", f"/v2/users/{pia}")) == (400, 1120)
    assert call.change(pia, dept="x") == (400, 1120)
    assert [row["email"] for row in call.listed("pending")] == [pia]
    assert call.create(pia).status_code == 409
    assert call.control("POST", f"people/{pia}/confirm").status_code == 404
    assert call.delete(pia) == (204, None)
    assert call.create(pia).status_code == 201


@pytest.mark.parametrize("path", ["people/unknown@example.com/expire", "people/x@y.com/confirm"])
def test_control_of_unknown_people(call: Caller, path: str) -> None:
    reply = call.control("POST", path)

    assert reply.status_code == 404
    assert "no pending person" in reply.json()["why"]
