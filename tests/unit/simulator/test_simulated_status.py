"""Activation, deactivation, sign-out, and the seats that they free and need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

DAY = 86_400
JANE = {"email": "jane@example.com", "id": "jane-id", "type": 2}


def test_a_deactivated_person_loses_licences_and_keeps_the_rest(
    call: Caller, zoom: Simulator
) -> None:
    zoom.seed(
        {
            **JANE,
            "groups": ["Sales"],
            "zoom_phone": True,
            "features": {"webinar": True},
            "assets": {"meeting": 3},
            "profile": {"dept": "Research"},
        }
    )
    zoom.configure(seats={"licensed": 1, "webinar": 1, "zoom_phone": 1})

    assert call.set_status("jane-id", "deactivate") == (204, None)

    shown = call.user("jane-id")
    assert (shown["status"], shown["type"], shown["dept"]) == ("inactive", 1, "Research")
    assert len(shown["group_ids"]) == 1
    [person] = zoom.people()
    assert (person["features"], person["assets"]) == ({}, {"meeting": 3})
    assert not person["zoom_phone"]
    assert zoom.state()["counts"]["seats"] == {}
    assert [row["id"] for row in call.listed("inactive")] == ["jane-id"]
    assert call.listed() == []
    assert [event["event"] for event in zoom.events()] == ["user.deactivated"]


def test_an_activated_person_comes_back_without_the_licence(call: Caller, zoom: Simulator) -> None:
    zoom.seed({**JANE, "features": {"webinar": True}, "plan_united_type": "1"})
    call.set_status("jane-id", "deactivate")

    assert call.set_status("jane-id", "activate") == (204, None)

    shown = call.user("jane-id")
    assert (shown["status"], shown["type"]) == ("active", 1)
    assert "plan_united_type" not in shown
    assert zoom.people()[0]["deactivated"] is None
    settings = call("GET", "/v2/users/jane-id/settings").json()
    assert "webinar" not in settings["feature"]


@pytest.mark.parametrize(
    ("switches", "type_", "groups"),
    [({}, 1, 1), ({"deactivated_type": 4, "deactivation_keeps_groups": False}, 4, 0)],
)
def test_what_is_left_after_a_deactivation_is_a_switch(
    call: Caller, zoom: Simulator, switches: dict[str, Any], type_: int, groups: int
) -> None:
    zoom.configure(**switches)
    zoom.seed({**JANE, "groups": ["Sales"]})

    call.set_status("jane-id", "deactivate")

    shown = call.user("jane-id")
    assert (shown["type"], len(shown["group_ids"])) == (type_, groups)


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"role_id": "0"}, (400, 200)),
        ({"role_id": "1"}, (400, 200)),
        ({"room": True}, (400, 200)),
        ({"zoom_events": True}, (400, 300)),
        ({"role_id": "support"}, (204, None)),
    ],
)
def test_people_who_cannot_be_deactivated(
    call: Caller, zoom: Simulator, person: dict[str, Any], expected: tuple[int, int | None]
) -> None:
    zoom.seed({**JANE, **person})

    assert call.set_status("jane-id", "deactivate") == expected
    assert call.user("jane-id")["status"] == ("inactive" if expected[0] == 204 else "active")


@pytest.mark.parametrize(
    ("switch", "expected"), [("accepted", (204, None)), ("refused", (400, 300))]
)
@pytest.mark.parametrize(("action", "status"), [("activate", "active"), ("deactivate", "inactive")])
def test_a_repeated_status_changes_nothing(
    call: Caller,
    zoom: Simulator,
    switch: str,
    expected: tuple[int, int | None],
    action: str,
    status: str,
) -> None:
    zoom.configure(repeated_status=switch)
    zoom.seed({**JANE, "status": status})
    before = zoom.person("jane-id")

    assert call.set_status("jane-id", action) == expected
    assert zoom.person("jane-id") == before


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({"seats": {"basic": 0}}, (400, 3412)),
        ({"seats": {"basic": 0}, "seat_codes": "old"}, (400, 2033)),
        ({"deactivated_type": 4, "seats": {"unassigned": 0}}, (400, 3412)),
        ({"deactivated_type": 4, "seats": {"basic": 0}}, (204, None)),
        ({"seats": {"licensed": 0}}, (204, None)),
    ],
)
def test_an_activation_needs_a_seat_of_the_type_that_is_left(
    call: Caller, zoom: Simulator, switches: dict[str, Any], expected: tuple[int, int | None]
) -> None:
    zoom.configure(**switches)
    zoom.seed(JANE)
    call.set_status("jane-id", "deactivate")

    assert call.set_status("jane-id", "activate") == expected
    assert call.user("jane-id")["status"] == ("active" if expected[0] == 204 else "inactive")


@pytest.mark.parametrize(
    ("person", "switches", "fields", "expected"),
    [
        ({"type": 1}, {"seats": {"licensed": 0}}, {"type": 2}, (400, 3412)),
        (
            {"type": 1},
            {"seats": {"licensed": 0}, "seat_codes": "old"},
            {"type": 2},
            (400, 2034),
        ),
        ({"type": 4}, {"seats": {"licensed": 0}}, {"type": 2}, (400, 3412)),
        ({}, {"seats": {"unassigned": 0}}, {"type": 4}, (400, 3412)),
        ({}, {"plan_seats": {"16": 0}}, {"zoom_one_type": 16}, (400, 2038)),
        ({}, {"plan_seats": {"16": 0}}, {"zoom_one_type": 32}, (204, None)),
        (
            {"type": 1, "plan_united_type": "1"},
            {"seats": {"basic": 0}},
            {"plan_united_type": "none"},
            (400, 2039),
        ),
        ({"room": True}, {}, {"type": 1}, (400, 200)),
        ({"room": True}, {}, {"type": 4}, (400, 200)),
        ({"zoom_events": True}, {}, {"type": 1}, (400, 300)),
        ({"type": 4}, {}, {"pmi": 1234567890}, (400, 200)),
    ],
)
def test_changes_of_type_that_are_refused(
    call: Caller,
    zoom: Simulator,
    person: dict[str, Any],
    switches: dict[str, Any],
    fields: dict[str, Any],
    expected: tuple[int, int | None],
) -> None:
    zoom.configure(**switches)
    zoom.seed({**JANE, **person})
    before = zoom.person("jane-id")

    assert call.change("jane-id", **fields) == expected
    assert (zoom.person("jane-id") == before) == (expected[0] == 400)


def test_a_downgrade_frees_the_seat_and_ends_the_add_ons(call: Caller, zoom: Simulator) -> None:
    add_ons = {"large_meeting": True, "large_meeting_capacity": 500, "zoom_clips_plus": True}
    zoom.seed({**JANE, "features": add_ons})
    zoom.configure(seats={"licensed": 1})

    assert call.change("jane-id", type=1) == (204, None)

    assert zoom.state()["counts"]["seats"] == {"basic": 1}
    settings = call("GET", "/v2/users/jane-id/settings").json()["feature"]
    assert settings == {"zoom_phone": False, "zoom_clips_plus": True}
    assert call.create("next@example.com", type=2).status_code == 201


def test_a_plan_is_given_and_taken_back_and_shown_while_it_is_there(
    call: Caller, zoom: Simulator
) -> None:
    zoom.seed(JANE)

    call.change("jane-id", plan_united_type="32")
    assert call.user("jane-id")["plan_united_type"] == "32"
    assert zoom.state()["counts"]["seats"] == {"plan 32": 1, "zoom_one": 1}

    call.change("jane-id", plan_united_type="none")
    assert "plan_united_type" not in call.user("jane-id")
    assert zoom.state()["counts"]["seats"] == {"licensed": 1}


def test_a_large_plan_number_keeps_its_digits(call: Caller, zoom: Simulator) -> None:
    zoom.seed(JANE)

    call.change("jane-id", zoom_one_type=576460752303423488)

    assert call.user("jane-id")["zoom_one_type"] == 576460752303423488


def test_a_sign_out_ends_the_sessions_and_a_deactivation_does_not(
    call: Caller, zoom: Simulator
) -> None:
    zoom.seed({**JANE, "signed_in": True})

    call.set_status("jane-id", "deactivate")
    assert zoom.people()[0]["signed_in"]

    reply = call("DELETE", "/v2/users/jane-id/token")
    assert (reply.status_code, reply.content) == (204, b"")
    assert not zoom.people()[0]["signed_in"]
    assert call.verdict(call("DELETE", "/v2/users/unknown/token")) == (404, 1001)


def test_deactivated_people_vanish_after_the_accounts_number_of_days(
    call: Caller, zoom: Simulator
) -> None:
    zoom.configure(auto_delete_days=10)
    zoom.seed(JANE, "back@example.com")
    call.set_status("jane-id", "deactivate")
    call.set_status("back@example.com", "deactivate")
    call.set_status("back@example.com", "activate")

    zoom.advance_clock(9 * DAY)
    assert len(zoom.people()) == 2
    zoom.advance_clock(2 * DAY)
    call.renew()

    assert [person["email"] for person in zoom.people()] == ["back@example.com"]
    assert call.verdict(call("GET", "/v2/users/jane-id")) == (404, 1001)
    assert zoom.state()["departed"][0]["action"] == "delete"


def test_the_days_until_a_deletion_count_from_the_last_deactivation(
    call: Caller, zoom: Simulator
) -> None:
    zoom.configure(auto_delete_days=10)
    zoom.seed(JANE)
    call.set_status("jane-id", "deactivate")
    zoom.advance_clock(9 * DAY)
    call.renew()
    call.set_status("jane-id", "activate")
    call.set_status("jane-id", "deactivate")

    zoom.advance_clock(5 * DAY)
    assert len(zoom.people()) == 1
    zoom.advance_clock(6 * DAY)
    assert zoom.people() == []


def test_me_is_the_accounts_owner(call: Caller, zoom: Simulator) -> None:
    assert call.verdict(call("GET", "/v2/users/me")) == (404, 1001)
    zoom.seed("jane@example.com", {"email": "owner@example.com", "role_id": "0"})

    shown = call.user("me")
    assert (shown["email"], shown["role_name"]) == ("owner@example.com", "Owner")
