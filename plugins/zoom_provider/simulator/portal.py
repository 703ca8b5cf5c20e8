"""What an administrator does in Zoom's web portal, past every rule of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from zoom_provider.simulator.lifecycle import set_groups
from zoom_provider.simulator.person import Person, UserSeed
from zoom_provider.simulator.world import World


class NewGroup(BaseModel):
    """A group to make, with the addresses or ids of its members."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    id: str | None = None
    members: list[str] = []


class NewRole(BaseModel):
    """A role to make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    id: str | None = None


def add_group(world: World, given: NewGroup) -> dict[str, Any]:
    """
    Make a group, or add members to the one of that name.

    :raises ValueError: for a member that the account lacks; nothing changes then
    """
    people = {member: world.people.find(member) for member in given.members}
    unknown = [member for member, person in people.items() if person is None]
    if unknown:
        raise ValueError(f"members: not in the account: {', '.join(unknown)}")
    group = world.groups.add(given.name, given.id)
    for person in people.values():
        if person is not None and group.id not in person.group_ids:
            set_groups(world, person, (*person.group_ids, group.id))
    return {"id": group.id, "name": group.name, "members": list(world.people.members[group.id])}


def change_person(world: World, person: Person, given: Mapping[str, Any]) -> Person:
    """
    Change attributes of a person; ``profile``, ``features`` and ``assets`` are merged.

    :raises ValueError: for an unknown attribute or value
    """
    seed = UserSeed.model_validate({"email": person.email, **given})
    other = world.people.find(seed.email)
    if other is not None and other.email.lower() != person.email.lower():
        raise ValueError(f"email: {seed.email} belongs to another person")
    changes = seed.model_dump(include=set(given) - {"groups"})
    for name in ("profile", "features", "assets"):
        if name in changes:
            changes[name] = {**getattr(person, name), **changes[name]}
    if "groups" in given:
        changes["group_ids"] = tuple(world.groups.add(name).id for name in seed.groups)
    if seed.status == "inactive" and person.deactivated is None:
        changes["deactivated"] = int(world.now())
    return world.people.change(person, **changes)
