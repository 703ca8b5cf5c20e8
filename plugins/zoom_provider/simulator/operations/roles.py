"""Roles and their members; each person has exactly one role."""

from __future__ import annotations

from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.errors import ApiError
from zoom_provider.simulator.lifecycle import set_role
from zoom_provider.simulator.operations.common import (
    ROLE_READ,
    ROLE_WRITE,
    Operation,
    Operations,
)
from zoom_provider.simulator.operations.groups import read_members
from zoom_provider.simulator.people import matches
from zoom_provider.simulator.person import ADMIN, MEMBER, OWNER, timestamp
from zoom_provider.simulator.replies import NO_CONTENT, Reply, as_json
from zoom_provider.simulator.views import show_member
from zoom_provider.simulator.world import World

LONGEST_PAGE = 300


def list_roles(world: World, _: Call) -> Reply:
    """GET /roles, all at once."""
    roles = [
        {
            "id": role_id,
            "name": name,
            "description": "",
            "total_members": world.people.roles[role_id],
            "type": "common",
        }
        for role_id, name in world.roles.names.items()
    ]
    return as_json(200, {"total_records": len(roles), "roles": roles})


def list_members(world: World, call: Call) -> Reply:
    """GET /roles/{roleId}/members, one page."""
    role_id = world.roles.check(call.segments[2])
    page = world.pager.page(
        call.query,
        lambda: world.people.keys(role_id=role_id),
        kind=("roles", role_id),
        now=world.now(),
        longest=LONGEST_PAGE,
    )
    found = (world.people.find(key) for key in page.keys)
    people = [p for p in found if p is not None and matches(p, "", role_id)]
    return as_json(200, {**page.header(), "members": [show_member(p, role=True) for p in people]})


def assign(world: World, call: Call) -> Reply:
    """POST /roles/{roleId}/members, in place of the role that each person has."""
    role_id = world.roles.check(call.segments[2])
    if role_id in (OWNER, MEMBER):
        raise ApiError("role_fixed")
    assigned = []
    deaf = {role_id, world.roles.name(role_id)} & set(world.settings.roles_without_effect)
    for person in read_members(world, call):
        if person.role_id == OWNER:
            raise ApiError("role_fixed")
        if person.status == "pending" or person.role_id == role_id or deaf:
            continue
        set_role(world, person, role_id)
        assigned.append(person.id)
    return as_json(201, {"ids": ",".join(assigned), "add_at": timestamp(world.now())})


def unassign(world: World, call: Call) -> Reply:
    """DELETE /roles/{roleId}/members/{memberId}: back to Member."""
    role_id = world.roles.check(call.segments[2])
    person = world.people.find(call.segments[4])
    if role_id in (OWNER, MEMBER):
        raise ApiError("role_fixed")
    if person is None or person.role_id != role_id:
        raise ApiError("role_member", user=call.segments[4])
    last = world.people.roles[ADMIN] == 1 and not world.people.roles[OWNER]
    if role_id == ADMIN and last:
        raise ApiError("role_fixed")
    set_role(world, person)
    return NO_CONTENT


OPERATIONS: Operations = {
    ("GET", "roles"): Operation(
        list_roles,
        "MEDIUM",
        ("role:read:list_roles:admin", "role:read:list_roles", *ROLE_READ),
        "Role:Read",
    ),
    ("GET", "roles", "*", "members"): Operation(
        list_members,
        "MEDIUM",
        ("role:read:list_members:admin", "role:read:list_members", *ROLE_READ),
        "Role:Read",
    ),
    ("POST", "roles", "*", "members"): Operation(
        assign,
        "MEDIUM",
        ("role:write:member:admin", "role:write:member", *ROLE_WRITE),
        "Role:Edit",
    ),
    ("DELETE", "roles", "*", "members", "*"): Operation(
        unassign,
        "LIGHT",
        ("role:delete:member:admin", "role:delete:member", *ROLE_WRITE),
        "Role:Edit",
    ),
}
