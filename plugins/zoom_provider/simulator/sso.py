"""Log-ins by single sign-on, which overwrite what the API wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from zoom_provider.simulator.lifecycle import accept, rename
from zoom_provider.simulator.operations.common import domain_of
from zoom_provider.simulator.operations.users import is_taken
from zoom_provider.simulator.person import BASIC, SSO_LOGIN, Person
from zoom_provider.simulator.world import World


class Assertion(BaseModel):
    """What the identity provider says about a person who logs in; groups are names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: str
    employee_unique_id: str = ""
    first_name: str | None = None
    last_name: str | None = None
    type: int | None = None
    groups: list[str] = []
    profile: dict[str, Any] = {}


class LoginRefused(Exception):
    """A log-in that Zoom does not let through, with the reason."""


def log_in(world: World, assertion: Assertion) -> Person:
    """
    Let a person log in by SSO.

    An unknown person is created, a pending one of a managed domain activated; then the mapped
    fields are overwritten.

    :raises LoginRefused: for an inactive or pending person, or an unknown one without JIT
    """
    person = _find(world, assertion)
    if person is None or person.status == "expired":
        person = _create(world, assertion)
    if person.status == "inactive":
        raise LoginRefused(f"{person.email} is inactive")
    if person.status == "pending":
        if domain_of(person.email) not in world.settings.managed_domains:
            raise LoginRefused(f"{person.email} is pending, and its domain is not managed")
        person = accept(world, person)
    if person.email.lower() != assertion.email.lower():
        if is_taken(world, assertion.email):
            raise LoginRefused(f"{assertion.email} belongs to another person")
        person = rename(world, person, assertion.email)
    after = _overwrite(world, person, assertion)
    world.people.put(after)
    world.emit("user.signed_in", after)
    return after


def _find(world: World, assertion: Assertion) -> Person | None:
    by_id = None
    if world.settings.sso_unique_id and assertion.employee_unique_id:
        by_id = world.people.find_by_unique_id(assertion.employee_unique_id)
    return by_id or world.people.find(assertion.email)


def _create(world: World, assertion: Assertion) -> Person:
    if not world.settings.sso_jit:
        raise LoginRefused(f"{assertion.email} is not in the account")
    person = Person(
        email=assertion.email,
        type=world.settings.sso_default_type,
        created=int(world.now()),
        login_type=SSO_LOGIN,
    )
    world.personal.discard(assertion.email.lower())
    world.people.put(person)
    world.emit("user.created", person, creation_type="sso")
    return person


def _overwrite(world: World, person: Person, assertion: Assertion) -> Person:
    settings = world.settings
    mapped = {k: v for k, v in assertion.profile.items() if k in settings.sso_mapped}
    changes: dict[str, Any] = {
        "profile": {**person.profile, **mapped},
        "login_type": SSO_LOGIN,
        "sso_logins": person.sso_logins + 1,
        "signed_in": True,
    }
    if settings.sso_names == "always" or not person.sso_logins:
        names = {"first_name": assertion.first_name, "last_name": assertion.last_name}
        changes.update({k: v for k, v in names.items() if v is not None})
    if settings.sso_groups:
        changes["group_ids"] = tuple(world.groups.add(name).id for name in assertion.groups)
    if settings.sso_types and assertion.type is not None and person.role_id != "0":
        changes["type"] = assertion.type
        if assertion.type == BASIC:
            changes["features"] = {}
    if settings.sso_unique_id and assertion.employee_unique_id:
        changes["employee_unique_id"] = assertion.employee_unique_id
    return replace(person, **changes)
