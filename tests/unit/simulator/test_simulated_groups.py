"""Groups, their members, and the order in which a person has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zoom_provider.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Caller

DAY = 86_400
ANN = {"email": "ann@example.com", "id": "ann-id", "first_name": "Ann", "last_name": "Lee"}


@pytest.fixture(autouse=True)
def _groups(zoom: Simulator) -> None:
    zoom.seed(ANN, {"email": "ben@example.com", "id": "ben-id", "groups": ["Sales"]})
    zoom.group("Sales", group_id="other")
    zoom.group("Riga", group_id="riga")
    zoom.group("Ops", group_id="ops")


def add(call: Caller, group: str, *members: dict[str, str]) -> tuple[int, Any]:
    reply = call("POST", f"/v2/groups/{group}/members", json={"members": list(members)})
    return reply.status_code, reply.json().get("ids", reply.json().get("code"))


def groups_of(call: Caller, user: str) -> list[str]:
    ids: list[str] = call.user(user)["group_ids"]
    return ids


def test_groups_are_listed_page_by_page_with_their_sizes(call: Caller) -> None:
    first = call("GET", "/v2/groups", params={"page_size": 2}).json()
    params = {"page_size": 2, "next_page_token": first["next_page_token"]}
    second = call("GET", "/v2/groups", params=params).json()

    sizes = {g["name"]: g["total_members"] for g in first["groups"] + second["groups"]}
    assert sizes == {"Sales": 1, "Riga": 0, "Ops": 0}
    assert (first["total_records"], second["next_page_token"]) == (3, "")
    assert call.verdict(call("GET", "/v2/groups", params={"page_size": 301})) == (400, 300)


def test_a_group_is_made_read_renamed_and_deleted(call: Caller) -> None:
    made = call("POST", "/v2/groups", json={"name": "New"})
    assert made.status_code == 201
    path = f"/v2/groups/{made.json()['id']}"
    add(call, made.json()["id"], {"id": "ann-id"})

    assert call("PATCH", path, json={"name": "Newer"}).status_code == 204
    assert call("GET", path).json() == {**made.json(), "name": "Newer", "total_members": 1}
    assert call("DELETE", path).status_code == 204

    assert call.verdict(call("GET", path)) == (404, 4130)
    assert groups_of(call, "ann-id") == []


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "groups", {"name": "sales"}, (409, 4132)),
        ("PATCH", "groups/riga", {"name": "OPS"}, (409, 4132)),
        ("PATCH", "groups/riga", {"name": "RIGA"}, (204, None)),
        ("POST", "groups", {"name": ""}, (400, 300)),
        ("POST", "groups", {}, (400, 300)),
        ("POST", "groups", {"name": 7}, (400, 300)),
        ("PATCH", "groups/none", {"name": "X"}, (404, 4130)),
        ("DELETE", "groups/none", {}, (404, 4130)),
        ("GET", "groups/none/members", None, (404, 4130)),
        ("POST", "groups/none/members", {"members": [{"id": "ann-id"}]}, (404, 4130)),
        ("POST", "groups/riga/members", {"members": [{"id": "a"}] * 31}, (400, 300)),
        ("POST", "groups/riga/members", {"members": []}, (400, 300)),
        ("POST", "groups/riga/members", {"members": ["ann-id"]}, (400, 300)),
        ("POST", "groups/riga/members", {}, (400, 300)),
        ("DELETE", "groups/riga/members/ann-id", None, (404, 4131)),
        ("DELETE", "groups/riga/members/unknown", None, (404, 4131)),
        ("DELETE", "groups/none/members/ann-id", None, (404, 4130)),
        ("PATCH", "groups/riga/members/ann-id", {"action": "set_primary"}, (404, 4131)),
        ("PATCH", "groups/riga/members/ann-id", {"action": "move"}, (400, 300)),
        ("PATCH", "groups/riga/members/ann-id", {"action": "leave"}, (400, 300)),
    ],
)
def test_what_groups_refuse(
    call: Caller, method: str, path: str, body: Any, expected: tuple[int, int | None]
) -> None:
    assert call.verdict(call(method, f"/v2/{path}", json=body)) == expected


def test_an_account_makes_a_hundred_groups_a_day(call: Caller, zoom: Simulator) -> None:
    for number in range(100):
        assert call("POST", "/v2/groups", json={"name": f"g{number}"}).status_code == 201

    assert call.verdict(call("POST", "/v2/groups", json={"name": "more"})) == (400, 300)
    zoom.advance_clock(DAY)
    call.renew()
    assert call("POST", "/v2/groups", json={"name": "more"}).status_code == 201


def test_an_account_has_five_thousand_groups(call: Caller, zoom: Simulator) -> None:
    for number in range(4_997):
        zoom.group(f"g{number}")

    assert call.verdict(call("POST", "/v2/groups", json={"name": "more"})) == (400, 300)


def test_members_come_by_id_or_address_and_the_reply_names_who_was_added(call: Caller) -> None:
    assert add(call, "riga", {"id": "ann-id"}, {"email": "BEN@example.com"}) == (
        201,
        "ann-id,ben-id",
    )
    assert add(call, "riga", {"id": "ann-id"}, {"email": "unknown@example.com"}) == (201, "")
    assert add(call, "ops", {"id": "ann-id", "email": "ben@example.com"}) == (201, "ann-id")

    assert groups_of(call, "ann-id") == ["riga", "ops"]
    assert "riga" in groups_of(call, "ben-id")
    [row] = [r for r in call.listed() if r["id"] == "ann-id"]
    assert row["group_ids"] == ["riga", "ops"]


def test_members_are_listed_page_by_page(call: Caller) -> None:
    add(call, "riga", {"id": "ann-id"}, {"id": "ben-id"})

    first = call("GET", "/v2/groups/riga/members", params={"page_size": 1}).json()

    assert first["members"] == [
        {
            "id": "ann-id",
            "email": "ann@example.com",
            "first_name": "Ann",
            "last_name": "Lee",
            "type": 1,
        }
    ]
    assert (first["total_records"], first["page_count"]) == (2, 2)
    params = {"page_size": 1, "next_page_token": first["next_page_token"]}
    second = call("GET", "/v2/groups/riga/members", params=params).json()
    assert [member["id"] for member in second["members"]] == ["ben-id"]
    # A token belongs to its group.
    assert call.verdict(call("GET", "/v2/groups/ops/members", params=params)) == (400, 300)


def test_a_group_without_effect_says_yes_and_adds_no_member(call: Caller, zoom: Simulator) -> None:
    zoom.configure(groups_without_effect="Riga ops")

    assert add(call, "riga", {"id": "ann-id"}) == (201, "")
    assert add(call, "ops", {"id": "ann-id"}) == (201, "")
    assert groups_of(call, "ann-id") == []


@pytest.mark.parametrize("member", ["ann-id", "ann@example.com"])
def test_a_member_is_removed_by_id_or_address(call: Caller, member: str) -> None:
    add(call, "riga", {"id": "ann-id"})
    add(call, "ops", {"id": "ann-id"})

    assert call("DELETE", f"/v2/groups/riga/members/{member}").status_code == 204
    assert groups_of(call, "ann-id") == ["ops"]


def test_moving_and_making_primary_keep_the_order(call: Caller) -> None:
    for group in ("riga", "ops"):
        add(call, group, {"id": "ann-id"})
    sales = call("GET", "/v2/groups").json()["groups"][0]["id"]

    body = {"action": "move", "target_group_id": sales}
    assert call("PATCH", "/v2/groups/riga/members/ann-id", json=body).status_code == 204
    assert groups_of(call, "ann-id") == [sales, "ops"]

    primary = {"action": "set_primary"}
    assert call("PATCH", "/v2/groups/ops/members/ann-id", json=primary).status_code == 204
    assert groups_of(call, "ann-id") == ["ops", sales]

    body = {"action": "move", "target_group_id": "ops"}
    assert call("PATCH", f"/v2/groups/{sales}/members/ann-id", json=body).status_code == 204
    assert groups_of(call, "ann-id") == ["ops"]
    body = {"action": "move", "target_group_id": "none"}
    reply = call("PATCH", "/v2/groups/ops/members/ann-id", json=body)
    assert call.verdict(reply) == (404, 4130)


def test_the_free_plan_has_no_groups(call: Caller, zoom: Simulator) -> None:
    zoom.configure(plan="free")

    for path in ("groups", "groups/riga", "groups/riga/members"):
        assert call.verdict(call("GET", f"/v2/{path}")) == (400, 200)


def test_a_person_who_leaves_leaves_the_groups(call: Caller) -> None:
    add(call, "riga", {"id": "ann-id"}, {"id": "ben-id"})
    call.delete("ann-id")

    members = call("GET", "/v2/groups/riga/members").json()
    assert [member["id"] for member in members["members"]] == ["ben-id"]


def test_groups_and_members_by_control(call: Caller, zoom: Simulator) -> None:
    given = {"name": "Night", "id": "night", "members": ["ann@example.com", "ben-id"]}

    assert call.control("POST", "groups", json=given).status_code == 201
    assert groups_of(call, "ann-id") == ["night"]
    state = call.control("GET", "state").json()
    members = {group["name"]: group["members"] for group in state["groups"]}
    assert members["Night"] == ["ann@example.com", "ben@example.com"]
    for wrong in ({"name": "N", "members": ["unknown"]}, {"id": "n"}):
        assert call.control("POST", "groups", json=wrong).status_code == 422
