"""
The people of the account, by e-mail address and by id, with the seats and groups they take up.

Every step takes constant time, also with a hundred thousand people; only the first page of a list
goes through all of them, once.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from zoom_provider.simulator.person import Person

INVITATION_LIFE = 30 * 86_400

_Due = list[tuple[float, int, str]]


class People:
    """The people of the account, by e-mail address (in whatever case) and by id."""

    def __init__(self) -> None:
        self._by_email: dict[str, Person] = {}
        self._email_by_id: dict[str, str] = {}
        self._email_by_unique_id: dict[str, str] = {}
        self._order = itertools.count()
        self._invitations: _Due = []
        self._deactivations: _Due = []
        self.seats: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.types: Counter[int] = Counter()
        self.roles: Counter[str] = Counter()
        # Per group the keys of its members, in the order they came.
        self.members: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def __iter__(self) -> Iterator[Person]:
        """Go through people in the order they came."""
        return iter(self._by_email.values())

    def __len__(self) -> int:
        """Count all people, pending and inactive ones too."""
        return len(self._by_email) - self.statuses["expired"]

    def newest(self, count: int) -> Iterator[Person]:
        """Go through the last who came, the last one first."""
        for email, _ in zip(reversed(self._by_email), range(count), strict=False):
            yield self._by_email[email]

    def find(self, user: str) -> Person | None:
        """Find a person by id or e-mail address."""
        return self._by_email.get(self._email_by_id.get(user, user.lower()))

    def find_by_unique_id(self, unique_id: str) -> Person | None:
        """Find a person by the employer's id."""
        return self._by_email.get(self._email_by_unique_id.get(unique_id, ""))

    def keys(self, status: str = "", role_id: str = "") -> Iterator[str]:
        """Go through the keys of people with a status and a role, for a list."""
        return (k for k, p in self._by_email.items() if matches(p, status, role_id))

    def put(self, person: Person) -> None:
        """Add a person, or put them in the place of their former self."""
        key = person.email.lower()
        before = self._by_email.get(key)
        if before is not None:
            self._count(before, -1)
            self._drop_ids(before)
        self._by_email[key] = person
        self._email_by_id[person.id] = key
        if person.employee_unique_id:
            self._email_by_unique_id[person.employee_unique_id] = key
        self._count(person, +1)
        self._regroup(key, before.group_ids if before else (), person.group_ids)
        if person.status == "pending":
            due = person.created + INVITATION_LIFE
            heapq.heappush(self._invitations, (due, next(self._order), key))
        if person.deactivated is not None:
            heapq.heappush(self._deactivations, (person.deactivated, next(self._order), key))

    def change(self, person: Person, **attributes: Any) -> Person:
        """Change some attributes of a person, the address too."""
        changed = replace(person, **attributes)
        if changed.email.lower() != person.email.lower():
            self.remove(person)
        self.put(changed)
        return changed

    def remove(self, person: Person) -> None:
        """Let a person go."""
        key = person.email.lower()
        self._count(person, -1)
        self._regroup(key, person.group_ids, ())
        del self._by_email[key]
        self._drop_ids(person)

    def expire_invitations(self, now: float) -> list[Person]:
        """Let invitations expire that are older than 30 days; return the people."""
        expired = []
        for key in _pop_due(self._invitations, now):
            person = self._by_email.get(key)
            if person and person.status == "pending" and person.created + INVITATION_LIFE < now:
                expired.append(self.change(person, status="expired"))
        return expired

    def inactive_since(self, moment: float) -> list[Person]:
        """Return the people who have been inactive since a moment or longer."""
        found = [self._by_email.get(key) for key in _pop_due(self._deactivations, moment)]
        return [
            person
            for person in found
            if person
            and person.status == "inactive"
            and person.deactivated is not None
            and person.deactivated < moment
        ]

    def _drop_ids(self, person: Person) -> None:
        self._email_by_id.pop(person.id, None)
        self._email_by_unique_id.pop(person.employee_unique_id, None)

    def _regroup(self, key: str, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        if before == after:
            return
        for group in before:
            if group not in after:
                self.members[group].pop(key, None)
        for group in after:
            self.members[group].setdefault(key)

    def _count(self, person: Person, by: int) -> None:
        self.statuses[person.status] += by
        if person.status == "expired":
            return
        self.types[person.type] += by
        self.roles[person.role_id] += by
        for seat in person.seats:
            self.seats[seat] += by


def _pop_due(due: _Due, moment: float) -> Iterator[str]:
    while due and due[0][0] < moment:
        yield heapq.heappop(due)[2]


def matches(person: Person, status: str, role_id: str) -> bool:
    """Return whether a person is in the list of a status and a role; ``""`` stands for any."""
    wanted = status or person.status
    shown = person.status == wanted and person.status != "expired"
    return shown and (not role_id or person.role_id == role_id)
