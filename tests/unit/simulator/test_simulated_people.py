"""The calls that read, change and remove people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

SEEDED = ({"email": "Jane@example.com", "type": 2, "first_name": "Jane", "id": "jane-id"},)


@pytest.mark.parametrize("user", ["jane-id", "Jane@example.com", "JANE@EXAMPLE.COM"])
def test_get_by_id_or_address(call: Caller, zoom: Simulator, user: str) -> None:
    zoom.seed({**SEEDED[0], "created": 1_700_000_000})

    body = call("GET", f"/v2/users/{user}").json()

    assert (body["id"], body["email"], body["type"]) == ("jane-id", "Jane@example.com", 2)
    assert (body["status"], body["display_name"]) == ("active", "Jane")
    assert body["created_at"] == body["user_created_at"] == "2023-11-14T22:13:20Z"


def test_an_encoded_slash_stays_within_the_address(call: Caller, zoom: Simulator) -> None:
    zoom.seed("a/b@example.com")

    assert call("GET", "/v2/users/a%2Fb@example.com").json()["email"] == "a/b@example.com"
    assert call.verdict(call("GET", "/v2/users/a/b@example.com")) == (400, 2300)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/users/unknown@example.com"),
        ("PATCH", "/v2/users/unknown@example.com"),
        ("DELETE", "/v2/users/unknown@example.com"),
        ("PUT", "/v2/users/unknown@example.com/status"),
        ("GET", "/v2/users/elsewhere@example.com"),
        ("GET", "/v2/users/me"),
    ],
)
def test_unknown_people(call: Caller, zoom: Simulator, method: str, path: str) -> None:
    zoom.configure(foreign_accounts={"elsewhere@example.com": "free"})

    assert call.verdict(call(method, path, json={})) == (404, 1001)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2"),
        ("GET", "/v2/"),
        ("GET", "/v2/users/"),
        ("POST", "/v2/users/jane-id"),
        ("GET", "/v2/rooms"),
        ("GET", "/v2/groups/a/b"),
        ("GET", "/v3/users"),
        ("GET", "/x/v2/users"),
        ("GET", "/oauth/token"),
        ("OPTIONS", "/v2/users"),
    ],
)
def test_unknown_endpoints(call: Caller, method: str, path: str) -> None:
    assert call.verdict(call(method, path)) == (400, 2300)


def test_a_pending_persons_stamps_are_those_of_the_call(call: Caller, zoom: Simulator) -> None:
    yesterday = int(zoom.world.now()) - 86_400
    zoom.seed({"email": "p@example.com", "status": "pending", "created": yesterday})

    before = call("GET", "/v2/users/p@example.com").json()
    zoom.advance_clock(600)
    after = call("GET", "/v2/users/p@example.com").json()

    assert before["id"] == after["id"]
    for stamp in ("created_at", "user_created_at"):
        created, asked = (datetime.fromisoformat(body[stamp]) for body in (before, after))
        assert created.timestamp() > yesterday + 86_000
        assert asked - created >= timedelta(seconds=600)


def test_an_invitation_ends_after_thirty_days(call: Caller, zoom: Simulator) -> None:
    call.create()
    zoom.advance_clock(30 * 86_400 + 60)
    call.renew()

    assert call.verdict(call("GET", "/v2/users/jane@example.com")) == (400, 1120)
    assert call.verdict(call("PATCH", "/v2/users/jane@example.com", json={})) == (400, 1120)
    assert call.verdict(call("DELETE", "/v2/users/jane@example.com")) == (400, 1120)
    assert call("GET", "/v2/users", params={"status": "pending"}).json()["users"] == []
    zoom.configure(seats={"basic": 1})
    assert call.create().status_code == 201


def test_lists_by_status(call: Caller, zoom: Simulator) -> None:
    for status in ("active", "inactive", "pending"):
        zoom.seed({"email": f"{status}@example.com", "status": status})

    lists = {
        status: call("GET", "/v2/users", params={"status": status}).json()
        for status in ("active", "inactive", "pending")
    }

    for status, body in lists.items():
        assert [row["email"] for row in body["users"]] == [f"{status}@example.com"]
        assert (body["total_records"], body["next_page_token"]) == (1, "")
        assert ("id" in body["users"][0]) == (status != "pending")
    assert call("GET", "/v2/users").json() == lists["active"]


def test_pages_hold_each_person_once(call: Caller, zoom: Simulator) -> None:
    emails = [f"p{number}@example.com" for number in range(7)]
    zoom.seed(*emails)
    found: list[str] = []
    token = ""
    for _ in range(4):
        params = {"page_size": 2, "next_page_token": token}
        body = call("GET", "/v2/users", params=params).json()
        found += [row["email"] for row in body["users"]]
        token = body["next_page_token"]
        # People who are added between two pages do not disturb the pages.
        zoom.seed(f"late{len(found)}@example.com")
    assert (found, token) == (emails, "")
    assert (body["page_size"], body["page_count"], body["total_records"]) == (2, 4, 7)


@pytest.mark.parametrize(
    ("params", "wait"),
    [
        ({"next_page_token": "made-up"}, 0),
        ({"next_page_token": "THE TOKEN"}, 15 * 60 + 1),
        ({"next_page_token": "THE TOKEN", "page_size": 2}, 0),
        ({"next_page_token": "THE TOKEN", "status": "pending"}, 0),
        ({"page_size": 2001}, 0),
        ({"page_size": 0}, 0),
        ({"page_size": "many"}, 0),
        ({"status": "gone"}, 0),
    ],
)
def test_wrong_pages(call: Caller, zoom: Simulator, params: dict[str, Any], wait: float) -> None:
    zoom.seed("a@example.com", "b@example.com", "c@example.com")
    first = call("GET", "/v2/users", params={"page_size": 1}).json()
    zoom.advance_clock(wait)
    asked = {"page_size": 1, **params}
    if asked.get("next_page_token") == "THE TOKEN":
        asked["next_page_token"] = first["next_page_token"]

    assert call.verdict(call("GET", "/v2/users", params=asked)) == (400, 300)


@pytest.mark.parametrize(("granted", "sizes"), [(True, [2000, 350]), (False, [300] * 7 + [250])])
def test_pages_are_as_long_as_the_account_grants(
    call: Caller, zoom: Simulator, granted: bool, sizes: list[int]
) -> None:
    zoom.configure(large_pages=granted)
    zoom.seed(*(f"p{number}@example.com" for number in range(2_350)))
    found: list[str] = []
    seen: list[int] = []
    token = ""
    while not seen or token:
        params = {"page_size": 2000, "next_page_token": token}
        body = call("GET", "/v2/users", params=params).json()
        found += [row["email"] for row in body["users"]]
        seen.append(len(body["users"]))
        token = body["next_page_token"]
    assert seen == sizes
    assert found == [f"p{number}@example.com" for number in range(2_350)]
    assert body["total_records"] == 2_350
    assert (body["page_size"], body["page_count"]) == (sizes[0], len(sizes))


def test_pages_by_number_hold_each_person_once(call: Caller, zoom: Simulator) -> None:
    zoom.seed(*(f"p{number}@example.com" for number in range(7)))

    pages = [
        call("GET", "/v2/users", params={"page_size": 3, "page_number": number}).json()
        for number in (1, 2, 3, 4)
    ]

    assert [len(page["users"]) for page in pages] == [3, 3, 1, 0]
    assert [page["page_number"] for page in pages] == [1, 2, 3, 4]
    emails = [row["email"] for page in pages for row in page["users"]]
    assert emails == [f"p{number}@example.com" for number in range(7)]


@pytest.mark.parametrize(("to", "lists"), [("inactive", ["inactive"]), ("gone", [])])
def test_a_person_who_moves_during_a_sweep_is_missed_by_it(
    call: Caller, zoom: Simulator, to: str, lists: list[str]
) -> None:
    zoom.seed("a@example.com", "b@example.com")
    zoom.fault("move", on="GET /v2/users", skip=1, user="b@example.com", to=to)

    first = call("GET", "/v2/users", params={"page_size": 1}).json()
    params = {"page_size": 1, "next_page_token": first["next_page_token"]}
    second = call("GET", "/v2/users", params=params).json()

    assert [row["email"] for row in first["users"]] == ["a@example.com"]
    assert (second["users"], second["next_page_token"]) == ([], "")
    found = [s for s in ("active", "inactive") for r in call.listed(s) if r["email"][0] == "b"]
    assert found == lists


def test_lists_by_role(call: Caller, zoom: Simulator) -> None:
    zoom.seed("member@example.com", {"email": "owner@example.com", "role_id": "0"})

    body = call("GET", "/v2/users", params={"role_id": "0"}).json()

    assert [row["email"] for row in body["users"]] == ["owner@example.com"]


def test_patch_changes_what_is_sent_alone(call: Caller, zoom: Simulator) -> None:
    zoom.seed(*SEEDED)

    reply = call("PATCH", "/v2/users/jane-id", json={"last_name": "Doe", "dept": "Research"})

    assert (reply.status_code, reply.content) == (204, b"")
    body = call("GET", "/v2/users/jane-id").json()
    names = ("first_name", "last_name", "display_name", "dept", "type")
    assert tuple(body[name] for name in names) == ("Jane", "Doe", "Jane Doe", "Research", 2)


def test_patch_to_a_pending_person_does_nothing_and_says_yes(call: Caller, zoom: Simulator) -> None:
    zoom.seed({**SEEDED[0], "status": "pending"})
    before = zoom.people()

    reply = call("PATCH", "/v2/users/jane-id", json={"last_name": "Doe", "type": 1})

    assert reply.status_code == 204
    assert zoom.people() == before


@pytest.mark.parametrize(
    ("switches", "fields", "expected"),
    [
        ({}, {"type": 1, "plan_united_type": "1"}, (400, 300)),
        ({}, {"type": 1, "zoom_one_type": 16}, (400, 300)),
        ({}, {"type": 3}, (400, 300)),
        ({}, {"type": "1"}, (400, 300)),
        ({}, {"plan_united_type": "3"}, (400, 300)),
        ({}, {"plan_united_type": "none"}, (204, None)),
        ({}, {"job_title": "x" * 129}, (400, 300)),
        ({}, {"host_key": "12345"}, (400, 300)),
        ({}, {"custom_attributes": [{}] * 6}, (400, 300)),
        ({}, {"first_name": "x" * 65}, (400, 300)),
        ({"seats": {"basic": 0}}, {"type": 1}, (400, 3412)),
        ({"seats": {"basic": 0}, "seat_codes": "old"}, {"type": 1}, (400, 2033)),
        ({"seats": {"licensed": 1}}, {"type": 2}, (204, None)),
        ({"seats": {"zoom_one": 0}}, {"plan_united_type": "1"}, (400, 2038)),
        ({}, ["type"], (400, 300)),
    ],
)
def test_what_patch_refuses(
    call: Caller,
    zoom: Simulator,
    switches: dict[str, Any],
    fields: Any,
    expected: tuple[int, int | None],
) -> None:
    zoom.seed(*SEEDED)
    zoom.configure(**switches)
    before = zoom.people()

    assert call.verdict(call("PATCH", "/v2/users/jane-id", json=fields)) == expected
    assert zoom.people() == before


def test_deactivation_takes_the_licence(call: Caller, zoom: Simulator) -> None:
    zoom.seed(*SEEDED)
    zoom.configure(seats={"licensed": 1, "basic": 0})

    reply = call("PUT", "/v2/users/jane-id/status", json={"action": "deactivate"})

    assert (reply.status_code, reply.content) == (204, b"")
    [person] = zoom.people()
    assert (person["status"], person["type"]) == ("inactive", 1)
    assert call.create("next@example.com", type=2).status_code == 201
    again = call("PUT", "/v2/users/jane-id/status", json={"action": "activate"})
    assert call.verdict(again) == (400, 3412)
    zoom.configure(seats={"basic": 1}, put_status_code=200)
    again = call("PUT", "/v2/users/jane-id/status", json={"action": "activate"})
    assert (again.status_code, again.content) == (200, b"")
    assert zoom.people()[0]["status"] == "active"


@pytest.mark.parametrize(
    ("role_id", "body", "code"),
    [("1", {"action": "deactivate"}, 200), ("2", {"action": "stop"}, 300), ("2", {}, 300)],
)
def test_statuses_that_cannot_be_set(
    call: Caller, zoom: Simulator, role_id: str, body: dict[str, Any], code: int
) -> None:
    zoom.seed({**SEEDED[0], "role_id": role_id})

    assert call.verdict(call("PUT", "/v2/users/jane-id/status", json=body)) == (400, code)
    assert zoom.people()[0]["status"] == "active"


@pytest.mark.parametrize(
    ("person", "params", "expected"),
    [
        ({}, {}, (204, None)),
        ({}, {"action": "disassociate", "transfer_meeting": "true"}, (204, None)),
        ({}, {"action": "delete", "transfer_email": "HEIR@example.com"}, (204, None)),
        ({"status": "pending"}, {}, (204, None)),
        ({"status": "pending"}, {"action": "delete"}, (400, 1120)),
        ({"role_id": "1"}, {}, (400, 1117)),
        ({"email": "jane@corp.com"}, {}, (400, 1107)),
        ({"email": "jane@corp.com"}, {"action": "delete"}, (204, None)),
        ({"zoom_events": True}, {}, (400, 300)),
        ({"zoom_events": True}, {"transfer_email": "heir@example.com"}, (204, None)),
        ({}, {"transfer_email": "jane@EXAMPLE.com"}, (400, 300)),
        ({}, {"transfer_email": "unknown@example.com"}, (404, 1001)),
        ({}, {"action": "remove"}, (400, 300)),
        ({}, {"transfer_docs": "yes"}, (400, 300)),
    ],
)
def test_leaving(
    call: Caller,
    zoom: Simulator,
    person: dict[str, Any],
    params: dict[str, str],
    expected: tuple[int, int | None],
) -> None:
    zoom.configure(managed_domains=["corp.com"])
    zoom.seed(
        {**SEEDED[0], **person}, {"email": "heir@example.com", "type": 2, "zoom_events": True}
    )

    assert call.verdict(call("DELETE", "/v2/users/jane-id", params=params)) == expected
    assert (zoom.person("jane-id") is None) == (expected[0] == 204)
    assert zoom.person("heir@example.com") is not None


def test_the_refusal_of_an_events_host_is_not_in_english(call: Caller, zoom: Simulator) -> None:
    zoom.seed({**SEEDED[0], "zoom_events": True})

    assert not call("DELETE", "/v2/users/jane-id").json()["message"].isascii()


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("work@example.com", (200, True)),
        ("sso@example.com", (200, False)),
        ("unknown@example.com", (200, False)),
        ("", (400, None)),
    ],
)
def test_the_email_check_knows_work_logins_alone(
    call: Caller, zoom: Simulator, email: str, expected: tuple[int, bool | None]
) -> None:
    zoom.seed("work@example.com", {"email": "sso@example.com", "login_type": 101})

    reply = call("GET", "/v2/users/email", params={"email": email})

    assert (reply.status_code, reply.json().get("existed_email")) == expected


def test_summary(call: Caller, zoom: Simulator) -> None:
    zoom.seed("a@example.com", {"email": "b@example.com", "type": 2, "status": "pending"})

    body = call("GET", "/v2/users/summary").json()

    counts = {name: count for name, count in body.items() if count}
    assert counts == {
        "basic_users_count": 1,
        "licensed_users_count": 1,
        "pending_users_count": 1,
        "total_users_count": 2,
    }
