"""
The people of the account: their data, the seats they hold, and lists of them page by page.

Every step takes constant time, also with a hundred thousand people; only the first page of a list
goes through all of them, once.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["active", "inactive", "pending"]
PAGE_TOKEN_LIFE = 15 * 60
# What a login looks like: work e-mail, API user, single sign-on.
LOGIN_TYPES = {"create": 100, "autoCreate": 100, "custCreate": 99, "ssoCreate": 101}


@dataclass(frozen=True, slots=True)
class Person:
    """One person, as Zoom keeps them."""

    email: str
    type: int
    created: int
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    status: Status = "active"
    login_type: int = 100
    role_id: str = "2"
    zoom_one: str = ""
    zoom_phone: bool = False
    zoom_events: bool = False
    profile: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seats(self) -> frozenset[str]:
        """Seats this person holds: pending people do, deactivated ones do not."""
        if self.status == "inactive":
            return frozenset()
        plan = "zoom_one" if self.zoom_one else {1: "basic", 2: "licensed"}.get(self.type, "")
        phone = "zoom_phone" if self.zoom_phone else ""
        return frozenset(seat for seat in (plan, phone) if seat)

    def to_dict(self) -> dict[str, Any]:
        """Return every attribute, as the control interface shows it."""
        return {**asdict(self), "profile": dict(self.profile)}

    def to_user(self, now: float) -> dict[str, Any]:
        """Give the person as GET /users/{userId} does."""
        # A pending person's stamps are those of the call: they say nothing about the person.
        stamp = timestamp(now if self.status == "pending" else self.created)
        shown = {
            "id": self.id,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "display_name": self.display_name or f"{self.first_name} {self.last_name}".strip(),
            "email": self.email,
            "type": self.type,
            "role_id": self.role_id,
            "status": self.status,
            "verified": int(self.status == "active"),
            "created_at": stamp,
            "user_created_at": stamp,
            "login_types": [self.login_type],
            "group_ids": [],
            "im_group_ids": [],
            "dept": "",
            "timezone": "",
            "language": "en-US",
            **self.profile,
        }
        return shown

    def to_list_row(self, now: float) -> dict[str, Any]:
        """Give the person as a row of GET /users, where pending people have no id."""
        row = self.to_user(now)
        if self.status == "pending":
            del row["id"]
        return row


class UserSeed(BaseModel):
    """A person to start with, as a file or a test gives them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: str
    type: int = 1
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    status: Status = "active"
    id: str | None = None
    role_id: str = "2"
    login_type: int = 100
    zoom_events: bool = False
    zoom_phone: bool = False
    created: int | None = None
    profile: dict[str, Any] = {}

    def build_person(self, now: float) -> Person:
        """Make the person, created now unless a time is given."""
        given = self.model_dump(exclude_none=True)
        return Person(**{"created": int(now), **given})


@dataclass(frozen=True, slots=True)
class _Page:
    emails: tuple[str, ...]
    start: int
    query: tuple[str, ...]
    expires: float


class PageTokenInvalid(Exception):
    """A page token that is unknown, too old or from another query."""


class People:
    """The people of the account, by e-mail address (in whatever case) and by id."""

    def __init__(self) -> None:
        self._by_email: dict[str, Person] = {}
        self._email_of: dict[str, str] = {}
        self._pages: dict[str, _Page] = {}
        self.seats: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.types: Counter[int] = Counter()

    def __iter__(self) -> Iterator[Person]:
        """Go through people in the order they came."""
        return iter(self._by_email.values())

    def __len__(self) -> int:
        """Count all people, pending and inactive ones too."""
        return len(self._by_email)

    def newest(self, count: int) -> Iterator[Person]:
        """Go through the last who came, the last one first."""
        for email, _ in zip(reversed(self._by_email), range(count), strict=False):
            yield self._by_email[email]

    def find(self, user: str) -> Person | None:
        """Find a person by id or e-mail address."""
        return self._by_email.get(self._email_of.get(user, user.lower()))

    def put(self, person: Person) -> None:
        """Add a person, or put them in the place of their former self."""
        key = person.email.lower()
        before = self._by_email.get(key)
        if before is not None:
            self._count(before, -1)
            self._email_of.pop(before.id, None)
        self._by_email[key] = person
        self._email_of[person.id] = key
        self._count(person, +1)

    def change(self, person: Person, **attributes: Any) -> Person:
        """Change some attributes of a person."""
        changed = replace(person, **attributes)
        self.put(changed)
        return changed

    def remove(self, person: Person) -> None:
        """Let a person go."""
        self._count(person, -1)
        del self._by_email[person.email.lower()]
        self._email_of.pop(person.id, None)

    def page(
        self, token: str, size: int, status: str, role_id: str, now: float
    ) -> tuple[list[Person], int, str]:
        """
        Give one page of a list, fixed in its members when the first page was asked for.

        :return: the people, how many the list has, and the token of the next page or ``""``
        :raises PageTokenInvalid: unless the token is younger than 15 minutes and from this query
        """
        query = (str(size), status, role_id)
        page = self._pages.get(token) if token else self._first(status, role_id, query)
        if page is None or page.query != query or page.expires < now:
            raise PageTokenInvalid
        stop = page.start + size
        found = (self._by_email.get(email) for email in page.emails[page.start : stop])
        following = ""
        if stop < len(page.emails):
            self._forget_old_pages(now)
            following = secrets.token_urlsafe(24)
            self._pages[following] = replace(page, start=stop, expires=now + PAGE_TOKEN_LIFE)
        here = [p for p in found if p is not None and _matches(p, status, role_id)]
        return here, len(page.emails), following

    def _first(self, status: str, role_id: str, query: tuple[str, ...]) -> _Page:
        emails = tuple(k for k, p in self._by_email.items() if _matches(p, status, role_id))
        return _Page(emails, 0, query, float("inf"))

    def _forget_old_pages(self, now: float) -> None:
        # Pages were made in order of time, so the old ones are in front.
        while self._pages:
            oldest = next(iter(self._pages))
            if self._pages[oldest].expires >= now:
                break
            del self._pages[oldest]

    def _count(self, person: Person, by: int) -> None:
        self.statuses[person.status] += by
        self.types[person.type] += by
        for seat in person.seats:
            self.seats[seat] += by


def _matches(person: Person, status: str, role_id: str) -> bool:
    return person.status == status and (not role_id or person.role_id == role_id)


def timestamp(moment: float) -> str:
    """Write a moment as Zoom does: UTC, in whole seconds."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
