"""
How people's states change: pending, expired, active, inactive, and out of the account.

Each function changes the world past every rule of Zoom's; the operations check those first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from zoom_provider.simulator.people import INVITATION_LIFE
from zoom_provider.simulator.person import MEMBER, Person, new_id
from zoom_provider.simulator.world import DAY, World

RESERVED_FOR = DAY


@dataclass(frozen=True, slots=True)
class Transfer:
    """What goes to which person of the account when another leaves."""

    to: str = ""
    kinds: frozenset[str] = frozenset()


def tick(world: World) -> None:
    """Let everything happen that is due by now."""
    now = world.now()
    if world.settings.expired_invitations == "gone":
        for person in world.people.expire_invitations(now):
            world.emit("user.invitation_expired", person)
    if world.settings.auto_delete_days is not None:
        for person in world.people.inactive_since(now - world.settings.auto_delete_days * DAY):
            depart(world, person, "delete", Transfer())
    for user, (due, finish) in list(world.leaving.items()):
        if due <= now:
            del world.leaving[user]
            finish()


def is_expired(world: World, person: Person) -> bool:
    """Return whether a person was invited more than 30 days ago and has not accepted."""
    too_old = person.status == "pending" and person.created + INVITATION_LIFE < world.now()
    return too_old or person.status == "expired"


def accept(world: World, person: Person) -> Person:
    """Let a pending person accept the invitation."""
    groups = person.group_ids
    if person.pending_group and person.pending_group not in groups:
        groups = (*groups, person.pending_group)
    changes: dict[str, Any] = {"id": new_id()} if world.settings.activation_new_id else {}
    active = world.people.change(
        person,
        status="active",
        created=int(world.now()),
        group_ids=groups,
        pending_group="",
        signed_in=True,
        **changes,
    )
    world.emit("user.invitation_accepted", active)
    return active


def expire(world: World, person: Person) -> None:
    """Let the invitation of a pending person expire at once."""
    world.people.change(person, created=int(world.now()) - INVITATION_LIFE - 1)
    tick(world)


def find_pending(world: World, email: str) -> Person | None:
    """Find a person whose invitation is still good."""
    tick(world)
    person = world.people.find(email)
    if person is None or person.status != "pending" or is_expired(world, person):
        return None
    return person


def deactivate(world: World, person: Person) -> Person:
    """Deactivate a person: every licence and add-on goes; settings, meetings, recordings stay."""
    settings = world.settings
    inactive = world.people.change(
        person,
        status="inactive",
        type=settings.deactivated_type,
        plan_united_type="",
        zoom_one_type=0,
        license_info_list=(),
        zoom_phone=False,
        features={},
        deactivated=int(world.now()),
        group_ids=person.group_ids if settings.deactivation_keeps_groups else (),
    )
    world.emit("user.deactivated", inactive)
    return inactive


def activate(world: World, person: Person) -> Person:
    """Activate an inactive person, who comes back without licence and add-ons."""
    active = world.people.change(person, status="active", deactivated=None)
    world.emit("user.activated", active)
    return active


def rename(world: World, person: Person, email: str) -> Person:
    """Change a person's address; the id stays."""
    now = world.now()
    if world.settings.old_email_reserved:
        world.reserved[person.email.lower()] = now + RESERVED_FOR
    renamed = world.people.change(person, email=email, email_changes=(*person.email_changes, now))
    world.emit("user.updated", renamed, old={"email": person.email}, new={"email": email})
    return renamed


def begin_departure(world: World, person: Person, action: str, transfer: Transfer) -> None:
    """Delete or disassociate a person, or begin to where transfers take their time."""
    delay = world.settings.transfer_delay if transfer.to else 0
    if not delay:
        depart(world, person, action, transfer)
        return
    finish = partial(_finish, world, person.id, action, transfer)
    world.leaving[person.id] = (world.now() + delay, finish)


def depart(world: World, person: Person, action: str, transfer: Transfer) -> None:
    """Let a person leave the account, with or without a personal one; assets go where they go."""
    world.people.remove(person)
    heir = world.people.find(transfer.to) if transfer.to else None
    moved = _movable(person, transfer.kinds) if heir else {}
    if heir and moved:
        assets = dict(heir.assets)
        for kind, number in moved.items():
            assets[kind] = assets.get(kind, 0) + number
        world.people.change(heir, assets=assets)
    if action == "disassociate" and person.status != "pending":
        world.personal.add(person.email.lower())
    world.departed.append(
        {
            "email": person.email,
            "id": person.id,
            "status": person.status,
            "action": action,
            "to": heir.email if heir else None,
            "moved": moved,
            "lost": {k: n for k, n in person.assets.items() if n and k not in moved},
        }
    )
    past = {"delete": "user.deleted", "disassociate": "user.disassociated"}
    world.emit(past[action], person)


def move(world: World, person: Person, to: str) -> None:
    """Move a person to another list, as an administrator in Zoom's portal would."""
    match to:
        case "gone":
            depart(world, person, "delete", Transfer())
        case "inactive":
            deactivate(world, person)
        case "active" if person.status == "pending":
            accept(world, person)
        case "active":
            activate(world, person)


def set_groups(world: World, person: Person, group_ids: Collection[str]) -> Person:
    """Set a person's groups, the primary one first."""
    if tuple(group_ids) == person.group_ids:
        return person
    return world.people.change(person, group_ids=tuple(group_ids))


def set_role(world: World, person: Person, role_id: str = MEMBER) -> Person:
    """Set the one role that a person has."""
    changed = world.people.change(person, role_id=role_id)
    world.emit("user.updated", changed, old={"role": person.role_id}, new={"role": role_id})
    return changed


def _movable(person: Person, kinds: frozenset[str]) -> dict[str, int]:
    # Meetings with the personal meeting id are never moved; an Events hub always is.
    wanted = kinds | {"events"}
    return {k: n for k, n in person.assets.items() if n and k in wanted}


def _finish(world: World, user: str, action: str, transfer: Transfer) -> None:
    person = world.people.find(user)
    if person is not None:
        depart(world, person, action, transfer)
