"""Groups and their members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoom_provider.simulator import validation
from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.errors import ApiError, invalid
from zoom_provider.simulator.groups import Group
from zoom_provider.simulator.lifecycle import set_groups
from zoom_provider.simulator.operations.common import (
    GROUP_READ,
    GROUP_WRITE,
    Operation,
    Operations,
    require_paid,
)
from zoom_provider.simulator.person import Person, timestamp
from zoom_provider.simulator.replies import NO_CONTENT, Reply, as_json
from zoom_provider.simulator.views import show_member
from zoom_provider.simulator.world import World

LONGEST_PAGE = 300
LONGEST_MEMBER_PAGE = 2_000
MOST_MEMBERS = 30


def list_groups(world: World, call: Call) -> Reply:
    """GET /groups, one page."""
    require_paid(world)
    page = world.pager.page(
        call.query,
        lambda: (group.id for group in world.groups),
        kind=("groups",),
        now=world.now(),
        longest=LONGEST_PAGE,
    )
    found = (world.groups.find(key) for key in page.keys)
    groups = [_show(world, group) for group in found if group]
    header = page.header()
    names = ("total_records", "next_page_token")
    return as_json(200, {**{name: header[name] for name in names}, "groups": groups})


def create_group(world: World, call: Call) -> Reply:
    """POST /groups."""
    require_paid(world)
    group = world.groups.create(validation.as_object(call.data).get("name", ""), world.now())
    return as_json(201, _show(world, group))


def get_group(world: World, call: Call) -> Reply:
    """GET /groups/{groupId}."""
    return as_json(200, _show(world, _require_group(world, call)))


def update_group(world: World, call: Call) -> Reply:
    """PATCH /groups/{groupId}: another name."""
    group = _require_group(world, call)
    world.groups.rename(group, validation.as_object(call.data).get("name", group.name))
    return NO_CONTENT


def delete_group(world: World, call: Call) -> Reply:
    """DELETE /groups/{groupId}; its members stay in the account."""
    group = _require_group(world, call)
    for person in list(_members(world, group)):
        set_groups(world, person, [g for g in person.group_ids if g != group.id])
    world.groups.remove(group)
    return NO_CONTENT


def list_members(world: World, call: Call) -> Reply:
    """GET /groups/{groupId}/members, one page."""
    group = _require_group(world, call)
    page = world.pager.page(
        call.query,
        lambda: world.people.members[group.id],
        kind=("members", group.id),
        now=world.now(),
        longest=LONGEST_MEMBER_PAGE,
        granted=None if world.settings.large_pages else LONGEST_PAGE,
    )
    found = (world.people.find(key) for key in page.keys)
    return as_json(200, {**page.header(), "members": [show_member(p) for p in found if p]})


def add_members(world: World, call: Call) -> Reply:
    """POST /groups/{groupId}/members; the reply names only those who were added."""
    group = _require_group(world, call)
    added = []
    for person in read_members(world, call):
        deaf = {group.id, group.name} & set(world.settings.groups_without_effect)
        if person.status == "pending" or group.id in person.group_ids or deaf:
            continue
        set_groups(world, person, (*person.group_ids, group.id))
        added.append(person.id)
    return as_json(201, {"ids": ",".join(added), "added_at": timestamp(world.now())})


def remove_member(world: World, call: Call) -> Reply:
    """DELETE /groups/{groupId}/members/{memberId}, by id or address."""
    group = _require_group(world, call)
    person = _require_member(world, group, call)
    set_groups(world, person, [g for g in person.group_ids if g != group.id])
    return NO_CONTENT


def update_member(world: World, call: Call) -> Reply:
    """PATCH /groups/{groupId}/members/{memberId}: move to another group, or make this primary."""
    group = _require_group(world, call)
    body = validation.as_object(call.data)
    action, target_id = body.get("action"), body.get("target_group_id")
    if action not in ("move", "set_primary"):
        raise invalid("action")
    if action == "move" and not target_id:
        raise ApiError("target_group")
    person = _require_member(world, group, call)
    if action == "set_primary":
        others = [g for g in person.group_ids if g != group.id]
        set_groups(world, person, (group.id, *others))
        return NO_CONTENT
    target = world.groups.get(str(target_id))
    moved = dict.fromkeys(target.id if g == group.id else g for g in person.group_ids)
    set_groups(world, person, tuple(moved))
    return NO_CONTENT


def read_members(world: World, call: Call) -> Iterator[Person]:
    """
    Find the people in the body of a call, by id (which wins) or address; unknown ones are skipped.

    :raises ApiError: for more than 30, or for a body of another form
    """
    members: Any = validation.as_object(call.data).get("members")
    if not isinstance(members, list) or not 1 <= len(members) <= MOST_MEMBERS:
        raise invalid("members")
    if not all(isinstance(member, dict) for member in members):
        raise invalid("members")
    for member in members:
        person = world.people.find(str(member.get("id") or member.get("email") or ""))
        if person is not None and person.status != "expired":
            yield person


def _show(world: World, group: Group) -> dict[str, Any]:
    members = len(world.people.members[group.id])
    return {"id": group.id, "name": group.name, "total_members": members}


def _members(world: World, group: Group) -> Iterator[Person]:
    found = (world.people.find(key) for key in world.people.members[group.id])
    return (person for person in found if person is not None)


def _require_group(world: World, call: Call) -> Group:
    require_paid(world)
    return world.groups.get(call.segments[2])


def _require_member(world: World, group: Group, call: Call) -> Person:
    person = world.people.find(call.segments[4])
    if person is None or group.id not in person.group_ids:
        raise ApiError("group_member")
    return person


_EDIT, _READ = "Group:Edit", "Group:Read"
OPERATIONS: Operations = {
    ("GET", "groups"): Operation(
        list_groups, "MEDIUM", ("group:read:list_groups:admin", *GROUP_READ), _READ
    ),
    ("POST", "groups"): Operation(
        create_group, "LIGHT", ("group:write:group:admin", *GROUP_WRITE), _EDIT
    ),
    ("GET", "groups", "*"): Operation(
        get_group, "LIGHT", ("group:read:group:admin", *GROUP_READ), _READ
    ),
    ("PATCH", "groups", "*"): Operation(
        update_group, "LIGHT", ("group:update:group:admin", *GROUP_WRITE), _EDIT
    ),
    ("DELETE", "groups", "*"): Operation(
        delete_group, "LIGHT", ("group:delete:group:admin", *GROUP_WRITE), _EDIT
    ),
    ("GET", "groups", "*", "members"): Operation(
        list_members, "MEDIUM", ("group:read:list_members:admin", *GROUP_READ), _READ
    ),
    ("POST", "groups", "*", "members"): Operation(
        add_members, "MEDIUM", ("group:write:member:admin", *GROUP_WRITE), _EDIT
    ),
    ("DELETE", "groups", "*", "members", "*"): Operation(
        remove_member, "LIGHT", ("group:delete:member:admin", *GROUP_WRITE), _EDIT
    ),
    ("PATCH", "groups", "*", "members", "*"): Operation(
        update_member, "MEDIUM", ("group:update:member:admin", *GROUP_WRITE), _EDIT
    ),
}
