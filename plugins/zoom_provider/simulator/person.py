"""One person of the account, the seats they hold, and the seeds that people are made from."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["active", "inactive", "pending", "expired"]
BASIC, LICENSED, UNASSIGNED = 1, 2, 4
OWNER, ADMIN, MEMBER = "0", "1", "2"
API_LOGIN, EMAIL_LOGIN, SSO_LOGIN = 99, 100, 101
# What a login looks like: work e-mail, API user, single sign-on.
LOGIN_TYPES = {
    "create": EMAIL_LOGIN,
    "autoCreate": EMAIL_LOGIN,
    "custCreate": API_LOGIN,
    "ssoCreate": SSO_LOGIN,
}
# Add-ons that end when a person loses the licence.
LICENSED_FEATURES = ("concurrent_meeting", "large_meeting", "webinar", "zoom_events")
_SEAT_BY_TYPE = {BASIC: "basic", LICENSED: "licensed", UNASSIGNED: "unassigned"}
_SEAT_BY_FEATURE = ("webinar", "large_meeting")


def new_id() -> str:
    """Make the id of a person."""
    return secrets.token_urlsafe(16)


def _new_pmi() -> int:
    return 1_000_000_000 + secrets.randbelow(9_000_000_000)


@dataclass(frozen=True, slots=True)
class Person:
    """
    One person, as Zoom keeps them.

    :param created: when they were invited or became active
    :param zoom_events: they host upcoming, published events
    :param room: a Zoom Rooms user
    :param call_queue: they manage a call queue or operate an auto-receptionist
    :param undeletable: once deactivated, only Zoom's support can delete them
    :param pending_group: the group that they join when they accept
    :param assets: how many of each kind they own, e.g. ``{"meeting": 3, "pmi_meeting": 1}``
    :param email_changes: when the address was changed
    """

    email: str
    type: int
    created: int
    id: str = field(default_factory=new_id)
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    status: Status = "active"
    login_type: int = EMAIL_LOGIN
    role_id: str = MEMBER
    plan_united_type: str = ""
    zoom_one_type: int = 0
    license_info_list: Sequence[Mapping[str, Any]] = ()
    zoom_phone: bool = False
    zoom_events: bool = False
    room: bool = False
    call_queue: bool = False
    undeletable: bool = False
    employee_unique_id: str = ""
    group_ids: tuple[str, ...] = ()
    pending_group: str = ""
    features: Mapping[str, Any] = field(default_factory=dict)
    assets: Mapping[str, int] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)
    pmi: int = field(default_factory=_new_pmi)
    deactivated: int | None = None
    email_changes: tuple[float, ...] = ()
    sso_logins: int = 0
    signed_in: bool = False

    @property
    def plan(self) -> str:
        """The Workplace plan that this person has, by its number; empty for none."""
        for item in self.license_info_list:
            if item["license_type"] == "ZOOM_WORKPLACE_BUNDLE":
                return str(item["license_option"])
        return self.plan_united_type or str(self.zoom_one_type or "")

    @property
    def seats(self) -> frozenset[str]:
        """Seats this person holds: pending people do, deactivated ones do not."""
        if self.status in ("inactive", "expired") or self.room:
            return frozenset()
        held = {name for name in _SEAT_BY_FEATURE if self.features.get(name)}
        if self.plan:
            held |= {"zoom_one", f"plan {self.plan}"}
        elif self.type in _SEAT_BY_TYPE:
            held.add(_SEAT_BY_TYPE[self.type])
        if self.zoom_phone:
            held.add("zoom_phone")
        return frozenset(held)

    @property
    def name(self) -> str:
        """The name that is shown; without one of its own, first and last name."""
        return self.display_name or f"{self.first_name} {self.last_name}".strip()

    @property
    def is_admin(self) -> bool:
        """Whether this person has a role that protects them."""
        return self.role_id in (OWNER, ADMIN)

    def to_dict(self) -> dict[str, Any]:
        """Return every attribute, as the control interface shows it."""
        return {**asdict(self), "zoom_one": self.plan, "profile": dict(self.profile)}


class UserSeed(BaseModel):
    """
    A person to start with, as a file or a test gives them.

    ``groups`` are names; a group that does not exist is made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: str
    type: int = BASIC
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    status: Status = "active"
    id: str | None = None
    role_id: str = MEMBER
    login_type: int = EMAIL_LOGIN
    plan_united_type: str = ""
    zoom_one_type: int = 0
    zoom_events: bool = False
    zoom_phone: bool = False
    room: bool = False
    call_queue: bool = False
    undeletable: bool = False
    employee_unique_id: str = ""
    groups: list[str] = []
    features: dict[str, Any] = {}
    assets: dict[str, int] = {}
    created: int | None = None
    pmi: int | None = None
    signed_in: bool = False
    profile: dict[str, Any] = {}

    def build_person(self, now: float, group_ids: tuple[str, ...] = ()) -> Person:
        """Make the person, created now unless a time is given."""
        given = self.model_dump(exclude_none=True, exclude={"groups"})
        if self.status == "inactive":
            given["deactivated"] = int(now)
        return Person(**{"created": int(now), "group_ids": group_ids, **given})


def timestamp(moment: float) -> str:
    """Write a moment as Zoom does: UTC, in whole seconds."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
