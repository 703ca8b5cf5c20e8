"""Groups and roles of the account; people name theirs by id (see people.py for the members)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from zoom_provider.simulator.errors import ApiError

GROUPS_PER_ACCOUNT = 5_000
GROUPS_PER_DAY = 100
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Group:
    """A group of people."""

    id: str
    name: str


class Groups:
    """The account's groups, each name once."""

    def __init__(self) -> None:
        self._by_id: dict[str, Group] = {}
        self._by_name: dict[str, Group] = {}
        self._today = (-1, 0)

    def __iter__(self) -> Iterator[Group]:
        """Go through groups in the order they came."""
        return iter(self._by_id.values())

    def __len__(self) -> int:
        """Count the groups."""
        return len(self._by_id)

    def get(self, group_id: str) -> Group:
        """
        Find a group by id.

        :raises ApiError: where there is none
        """
        group = self._by_id.get(group_id)
        if group is None:
            raise ApiError("group", group=group_id)
        return group

    def find(self, named: str) -> Group | None:
        """Find a group by id or name."""
        return self._by_id.get(named) or self._by_name.get(named.casefold())

    def add(self, name: str, group_id: str | None = None) -> Group:
        """Make a group, past every rule of Zoom's; one of this name is returned instead."""
        known = self._by_name.get(name.casefold())
        return known or self._put(Group(group_id or secrets.token_urlsafe(16), name))

    def create(self, name: Any, now: float) -> Group:
        """
        Make a group as the API does: 100 a day, 5000 in all.

        :raises ApiError: above the caps, or for a name in use
        """
        self._check_name(name)
        day, made = self._today
        made = made if day == int(now // _DAY) else 0
        if len(self) >= GROUPS_PER_ACCOUNT or made >= GROUPS_PER_DAY:
            raise ApiError("groups_full")
        self._today = (int(now // _DAY), made + 1)
        return self.add(name)

    def rename(self, group: Group, name: Any) -> None:
        """
        Give a group another name.

        :raises ApiError: for a name in use
        """
        if name != group.name:
            self._check_name(name, but=group)
        del self._by_name[group.name.casefold()]
        self._put(Group(group.id, name))

    def remove(self, group: Group) -> None:
        """Let a group go."""
        del self._by_id[group.id]
        del self._by_name[group.name.casefold()]

    def _put(self, group: Group) -> Group:
        self._by_id[group.id] = group
        self._by_name[group.name.casefold()] = group
        return group

    def _check_name(self, name: Any, but: Group | None = None) -> None:
        if not isinstance(name, str) or not name:
            raise ApiError("group_name")
        taken = self._by_name.get(name.casefold())
        if taken is not None and taken != but:
            raise ApiError("group_name_taken", group=name)


class Roles:
    """The account's roles: three that each account has, and its own."""

    def __init__(self) -> None:
        self.names = {"0": "Owner", "1": "Admin", "2": "Member"}

    def check(self, role_id: str) -> str:
        """
        Insist on a role that exists.

        :raises ApiError: where it does not
        """
        if role_id not in self.names:
            raise ApiError("role")
        return role_id

    def name(self, role_id: str) -> str:
        """Return the name of a role."""
        return self.names.get(role_id, "")

    def add(self, name: str, role_id: str | None = None) -> str:
        """Make a role; return its id."""
        known = next((i for i, n in self.names.items() if n.casefold() == name.casefold()), None)
        chosen = role_id or known or secrets.token_urlsafe(16)
        self.names[chosen] = name
        return chosen
