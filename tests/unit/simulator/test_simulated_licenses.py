"""Licences in bulk, add-ons, and the usage of the account's plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

JANE = {"email": "jane@example.com", "id": "jane-id", "type": 2}


def update(
    call: Caller, feature: str, value: Any, *users: str
) -> tuple[int, list[str], dict[str, list[str]]]:
    body = {"feature_type": feature, "feature_value": value, "users": [{"id": u} for u in users]}
    reply = call("POST", "/v2/users/features", json=body)
    if reply.status_code != 201:
        return reply.status_code, [], {}
    failed = {item["reason"]: item["user_ids"] for item in reply.json()["fail_details"]}
    return 201, reply.json()["success_user_ids"], failed


def test_licences_in_bulk_are_given_to_each_by_themselves(call: Caller, zoom: Simulator) -> None:
    zoom.configure(seats={"licensed": 2})
    zoom.seed(
        JANE,
        {"email": "a@example.com", "id": "a"},
        {"email": "b@example.com", "id": "b"},
        {"email": "p@example.com", "id": "p", "status": "pending"},
        {"email": "r@example.com", "id": "r", "room": True},
    )

    status, done, failed = update(call, "user_type", "2", "jane-id", "a", "b", "p", "r", "unknown")

    assert (status, done) == (201, ["a"])
    assert failed == {
        "No need to update": ["jane-id"],
        "Not enough seats": ["b"],
        "Users not found": ["p", "unknown"],
        "Can't update for Zoom Room users": ["r"],
    }
    assert {person["id"]: person["type"] for person in zoom.people()} == {
        **{"jane-id": 2, "a": 2},
        **{"b": 1, "p": 1, "r": 1},
    }


@pytest.mark.parametrize(
    ("person", "switches", "feature", "value", "reason"),
    [
        ({"zoom_events": True}, {}, "user_type", "1", "Have upcoming events"),
        ({}, {"seats": {"basic": 0}}, "user_type", "1", "Not allowed to add basic users"),
        ({"zoom_one_type": 16}, {}, "user_type", "1", "Can't update for Zoom One users"),
        ({"plan_united_type": "1"}, {}, "user_type", "1", "Can't update for Zoom United users"),
        ({"type": 1}, {}, "webinar", "1", "Unpaid user"),
        ({}, {"seats": {"webinar": 0}}, "webinar", "1", "Not enough seats"),
        ({}, {"plan_seats": {"16": 0}}, "zoom_one_type", "16", "Not enough seats"),
        ({}, {}, "webinar", "0", "No need to update"),
        ({}, {}, "webinar", "1", ""),
        ({"features": {"webinar": "1"}}, {}, "webinar", "0", ""),
        ({}, {}, "plan_united_type", "32", ""),
        ({"plan_united_type": "32"}, {}, "plan_united_type", "0", ""),
        ({}, {}, "zoom_one_type", "16", ""),
        ({"type": 1}, {}, "zoom_whiteboard", "true", ""),
    ],
)
def test_reasons_against_a_licence(
    call: Caller,
    zoom: Simulator,
    person: dict[str, Any],
    switches: dict[str, Any],
    feature: str,
    value: str,
    reason: str,
) -> None:
    zoom.configure(**switches)
    zoom.seed({**JANE, **person})
    before = zoom.people()

    _, done, failed = update(call, feature, value, "jane-id")

    assert failed == ({reason: ["jane-id"]} if reason else {})
    assert done == ([] if reason else ["jane-id"])
    assert (zoom.people() == before) == bool(reason)


@pytest.mark.parametrize(
    ("feature", "value", "users"),
    [
        ("colour", "1", ["jane-id"]),
        ("user_type", 2, ["jane-id"]),
        ("user_type", "2", []),
        ("user_type", "2", ["x"] * 31),
    ],
)
def test_bulk_requests_of_another_form(
    call: Caller, feature: str, value: Any, users: list[str]
) -> None:
    assert update(call, feature, value, *users)[0] == 400


def test_bulk_requests_come_every_ten_seconds(call: Caller, zoom: Simulator) -> None:
    zoom.configure(limits_enforced=True)
    zoom.seed(JANE)

    assert update(call, "webinar", "1", "jane-id")[0] == 201
    assert update(call, "webinar", "0", "jane-id")[0] == 429
    zoom.advance_clock(10)
    assert update(call, "webinar", "0", "jane-id")[0] == 201


def settings(call: Caller, **feature: Any) -> tuple[int, int | None]:
    path = "/v2/users/jane-id/settings"
    return call.verdict(call("PATCH", path, json={"feature": feature}))


def test_add_ons_are_merged_and_read_back(call: Caller, zoom: Simulator) -> None:
    zoom.seed(JANE)
    zoom.configure(ignored_fields=["feature.zoom_docs"])

    assert settings(call, large_meeting=True, large_meeting_capacity=500) == (204, None)
    assert settings(call, zoom_phone=True, zoom_docs=True) == (204, None)

    found = call("GET", "/v2/users/jane-id/settings").json()["feature"]
    assert found == {"large_meeting": True, "large_meeting_capacity": 500, "zoom_phone": True}


@pytest.mark.parametrize(
    ("person", "switches", "feature", "expected"),
    [
        ({"type": 1}, {}, {"large_meeting": True}, (400, 1108)),
        ({"type": 1}, {}, {"webinar": True}, (400, 1122)),
        ({"type": 1}, {}, {"zoom_events": True}, (400, 1206)),
        ({"type": 1}, {}, {"concurrent_meeting": "Plus"}, (400, 1207)),
        ({"features": {"zoom_events": True}}, {}, {"webinar": True}, (400, 1204)),
        ({"features": {"webinar": True}}, {}, {"zoom_events": True}, (400, 1205)),
        ({}, {}, {"zoom_whiteboard": True, "zoom_whiteboard_plus": True}, (400, 1242)),
        ({}, {"seats": {"webinar": 0}}, {"webinar": True}, (400, 200)),
        ({"type": 1}, {}, {"webinar": False}, (204, None)),
        ({"status": "inactive"}, {}, {"zoom_docs": True}, (204, None)),
    ],
)
def test_add_ons_that_are_refused(
    call: Caller,
    zoom: Simulator,
    person: dict[str, Any],
    switches: dict[str, Any],
    feature: dict[str, Any],
    expected: tuple[int, int | None],
) -> None:
    zoom.configure(**switches)
    zoom.seed({**JANE, **person})

    assert settings(call, **feature) == expected
    if expected[0] == 400:
        assert zoom.people()[0]["features"] == person.get("features", {})


@pytest.mark.parametrize(("counted", "usage"), [(False, 1), (True, 2)])
def test_plan_usage_says_what_is_bought_used_and_held_by_invitations(
    call: Caller, zoom: Simulator, counted: bool, usage: int
) -> None:
    zoom.configure(seats={"licensed": 5, "webinar": 3}, plan_seats="16=2", pending_in_usage=counted)
    zoom.seed(
        {**JANE, "features": {"webinar": True}},
        {"email": "p@example.com", "type": 2, "status": "pending"},
        {"email": "i@example.com", "type": 2, "status": "inactive"},
        {"email": "z@example.com", "type": 2, "zoom_one_type": 16},
    )

    for account in ("me", zoom.settings.account_id):
        body = call("GET", f"/v2/accounts/{account}/plans/usage").json()

    seats = ("hosts", "usage", "pending")
    assert [body["plan_base"][name] for name in seats] == [5, usage, 1]
    assert [body["plan_webinar"][0][name] for name in seats] == [3, 1, 0]
    assert [(p["type"], p["hosts"], p["usage"]) for p in body["plan_zoom_one"]] == [("16", 2, 1)]
    zoom.expire("p@example.com")
    body = call("GET", "/v2/accounts/me/plans/usage").json()
    assert [body["plan_base"][name] for name in seats] == [5, 1, 0]


def test_plan_usage_needs_a_scope_of_its_own(call: Caller, zoom: Simulator) -> None:
    zoom.configure(scopes=["user:read:user:admin"])
    call.renew()

    assert call.verdict(call("GET", "/v2/accounts/me/plans/usage")) == (400, 4711)


def test_managed_domains_are_read_with_a_scope_of_master_accounts(
    call: Caller, zoom: Simulator
) -> None:
    zoom.configure(managed_domains=["corp.com"])
    assert call.verdict(call("GET", "/v2/accounts/me/managed_domains")) == (400, 4711)

    zoom.configure(scopes=["account:read:managed_domains:master"])
    call.renew()

    body = call("GET", "/v2/accounts/me/managed_domains").json()
    assert body == {"total_records": 1, "domains": [{"domain": "corp.com", "status": "approved"}]}
    assert call.verdict(call("GET", "/v2/accounts/other/managed_domains")) == (404, 2001)


def test_plan_usage_is_a_heavy_call(call: Caller, zoom: Simulator) -> None:
    zoom.configure(limits_enforced=True, plan="free")

    replies = [call("GET", "/v2/accounts/me/plans/usage") for _ in range(2)]

    assert [reply.status_code for reply in replies] == [200, 429]
    assert replies[1].headers["X-RateLimit-Category"] == "Heavy"
