"""
Every switch of the simulated Zoom, in one structure.

It makes the start-up options, is what the control endpoint takes (in part, unknown keys refused)
and what tests pass in Python. Lists and tables may be written as text, as on a command line:
``a.com,b.com`` and ``jane@a.com=free,joe@b.com=paid``; ``none`` takes a limit away.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# Zoom's granular scopes for what is simulated here.
ALL_SCOPES = (
    "user:read:email:admin",
    "user:read:list_users:admin",
    "user:read:summary:admin",
    "user:read:user:admin",
    "user:read:settings:admin",
    "user:write:user:admin",
    "user:write:feature:admin",
    "user:update:user:admin",
    "user:update:status:admin",
    "user:update:email:admin",
    "user:update:settings:admin",
    "user:delete:user:admin",
    "user:delete:token:admin",
    "group:read:list_groups:admin",
    "group:read:group:admin",
    "group:read:list_members:admin",
    "group:write:group:admin",
    "group:write:member:admin",
    "group:update:group:admin",
    "group:update:member:admin",
    "group:delete:group:admin",
    "group:delete:member:admin",
    "role:read:list_roles:admin",
    "role:read:list_members:admin",
    "role:write:member:admin",
    "role:delete:member:admin",
    "billing:read:plan_usage:admin",
)


def _items(value: Any) -> Any:
    """Read ``a,b c`` as a list."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _table(value: Any) -> Any:
    """Read ``a=1,b=2`` as a table."""
    if not isinstance(value, str):
        return value
    return dict(pair.split("=", 1) if "=" in pair else (pair, "") for pair in _items(value))


def _none(value: Any) -> Any:
    """Read ``none`` as no limit."""
    return None if isinstance(value, str) and value.strip().lower() in ("none", "") else value


def _lower_keys(value: Any) -> Any:
    table = _table(value)
    return {str(k).lower(): v for k, v in table.items()} if isinstance(table, Mapping) else table


Count = Annotated[Annotated[int, Field(ge=0)] | None, BeforeValidator(_none)]
Words = Annotated[tuple[str, ...], BeforeValidator(_items)]


class _Switches(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Seats(_Switches):
    """How many people of a kind the account may have; None for any number."""

    basic: Count = None
    licensed: Count = None
    unassigned: Count = None
    zoom_one: Count = None
    zoom_phone: Count = None
    webinar: Count = None
    large_meeting: Count = None


class SimulatorSettings(_Switches):
    """What kind of Zoom account this is, and how it misbehaves."""

    plan: Literal["free", "pro", "business"] = Field(
        default="pro", description="the plan, which sets the rate limits"
    )
    limits_enforced: bool = Field(default=True, description="answer 429 above the plan's limits")
    create_cap: Count = Field(
        default=None, description="action=create calls a day; none: the plan's 50, 1500 or 10000"
    )
    qps_headers: bool = Field(default=True, description="name the limit on a per-second 429")
    daily_headers: bool = Field(
        default=True, description="name daily limits, on a daily 429 and on calls that count"
    )
    retry_after: Literal["iso", "http-date", "seconds", "absent"] = Field(
        default="iso", description="how a daily 429 says when to come back"
    )
    seats: Annotated[Seats, BeforeValidator(_table)] = Field(
        default=Seats(),
        description="people of a kind, e.g. basic=5,licensed=0 (also unassigned, zoom_one,"
        " zoom_phone, webinar, large_meeting)",
    )
    plan_seats: Annotated[dict[str, Annotated[int, Field(ge=0)]], BeforeValidator(_table)] = Field(
        default={}, description="people per Workplace plan, e.g. 16=3,1=0; others have any number"
    )
    seat_codes: Literal["new", "old"] = Field(
        default="new", description="full seats answer 3412 (new) or 2033 and 2034 (old)"
    )
    foreign_accounts: Annotated[
        dict[str, Literal["free", "paid", "invitable"]], BeforeValidator(_lower_keys)
    ] = Field(
        default={},
        description="addresses with a Zoom account elsewhere, e.g. jane@a.com=free; a create"
        " answers 1005 (free) or 1009 (paid), or invites them (invitable, as the disassociated)",
    )
    foreign_precreate: Literal["pending", "refused"] = Field(
        default="pending",
        description="what autoCreate and ssoCreate make of an invitable address; refused: 1005",
    )
    sso: Literal["off", "no_preprovision", "on"] = Field(
        default="off", description="ssoCreate answers 2002, 2032 or works"
    )
    managed_domains: Words = Field(
        default=(),
        description="where set, autoCreate works for these alone; no one of them disassociates;"
        " e-mail addresses change to these alone",
    )
    limited_domains: Words = Field(default=(), description="where set, others answer 1116")
    blocked_domains: Words = Field(default=(), description="these answer 1107")
    subscriptions: Words = Field(default=(), description="ids that license_info_list may name")
    create_status: Literal["pending", "active"] = Field(
        default="pending", description="what action=create makes"
    )
    large_pages: bool = Field(
        default=True, description="lists of users in pages of up to 2000; off: of 300 at most"
    )
    exists_wording: Literal["documented", "live"] = Field(
        default="documented", description="which of the two known texts 1005 has"
    )
    put_status_code: Literal[200, 204] = Field(
        default=204, description="success of PUT status: 204 as seen live, 200 as documented"
    )
    language: Literal["en", "ja"] = Field(default="en", description="language of error texts")
    ignored_fields: Words = Field(
        default=(),
        description="fields of PATCH that answer 204 and change nothing; also email, status",
    )
    pending_fields: Literal["minimal", "full"] = Field(
        default="minimal", description="what GET shows of pending people"
    )
    pending_get_has_id: bool = Field(
        default=True, description="whether GET of a pending person by address shows the id"
    )
    pending_group: Literal["dropped", "applied"] = Field(
        default="dropped", description="group_id in PATCH of a pending person"
    )
    pending_status: Literal["refused", "dropped"] = Field(
        default="refused", description="PUT status of a pending person: 400/200, or no change"
    )
    pending_email: Literal["dropped", "refused"] = Field(
        default="dropped", description="PUT email of a pending person: no change, or 400/1116"
    )
    pending_delete: Literal["refused", "accepted"] = Field(
        default="refused", description="DELETE with action=delete of a pending person"
    )
    pending_in_usage: bool = Field(
        default=False, description="whether plan usage counts pending people as usage, too"
    )
    expired_invitations: Literal["gone", "kept"] = Field(
        default="gone",
        description="30 days after an invitation: gone (no list, seat and address free), or kept"
        " (listed, address taken, removable by DELETE)",
    )
    activation_new_id: bool = Field(
        default=False, description="whether people get a new id when they accept"
    )
    unknown_manager: Literal["dropped", "refused"] = Field(
        default="dropped", description="a manager who is not in the account: no change, or 400/300"
    )
    custom_attributes: Annotated[dict[str, str], BeforeValidator(_table)] = Field(
        default={},
        description="the account's attributes, e.g. cbf_1=Shirt; others are dropped (also known:"
        " those of seeded people)",
    )
    custom_attributes_write: Literal["merged", "replaced"] = Field(
        default="merged", description="what becomes of custom attributes that PATCH does not name"
    )
    empty_clears: bool = Field(
        default=True, description='whether "" clears a field; off: it is dropped with 204'
    )
    spelling: Literal["as_sent", "zoom"] = Field(
        default="as_sent", description="languages and time zones come back as sent or as Zoom's"
    )
    deactivated_type: Literal[1, 4] = Field(
        default=1, description="the type that deactivated people have"
    )
    deactivation_keeps_groups: bool = Field(
        default=True, description="whether deactivated people stay in their groups"
    )
    repeated_status: Literal["accepted", "refused"] = Field(
        default="accepted", description="PUT status that changes nothing: success, or 400/300"
    )
    inactive_update: Literal["dropped", "refused"] = Field(
        default="dropped", description="PATCH and PUT email of inactive people"
    )
    auto_delete_days: Count = Field(
        default=None, description="days after which deactivated people are deleted"
    )
    transfer_delay: float = Field(
        default=0, ge=0, description="seconds for which a DELETE with transfers goes on"
    )
    email_taken: Literal[1005, 300] = Field(
        default=1005, description="PUT email to an address in use: 409/1005 or 400/300"
    )
    email_changes_limited: bool = Field(
        default=True, description="refuse the fourth change of an address within 24 hours"
    )
    old_email_reserved: bool = Field(
        default=False, description="keep a changed person's old address taken for 24 hours"
    )
    groups_without_effect: Words = Field(
        default=(), description="groups that answer 201 and add no member, by name or id"
    )
    roles_without_effect: Words = Field(
        default=(), description="roles that answer 201 and add no member, by name or id"
    )
    sso_mapped: Words = Field(
        default=("dept", "job_title", "cost_center", "location", "company", "manager"),
        description="fields that each SSO log-in overwrites",
    )
    sso_names: Literal["first", "always"] = Field(
        default="first", description="at which SSO log-ins names are overwritten"
    )
    sso_groups: bool = Field(
        default=False, description="SSO log-ins set the groups, and remove from all others"
    )
    sso_types: bool = Field(default=False, description="SSO log-ins set the type")
    sso_unique_id: bool = Field(
        default=False, description="SSO log-ins set the employee's id, and rename by it"
    )
    sso_jit: bool = Field(default=True, description="SSO log-ins of unknown people create them")
    sso_default_type: Literal[1, 2] = Field(
        default=2, description="the type of people created by an SSO log-in"
    )
    client_id: str = Field(default="simulated-client-id", description="the app's client id")
    client_secret: str = Field(
        default="simulated-client-secret", repr=False, description="the app's client secret"
    )
    account_id: str = Field(default="simulated-account-id", description="the account's id")
    refresh_token: str = Field(
        default="simulated-refresh-token", repr=False, description="the first valid refresh token"
    )
    app_active: bool = Field(default=True, description="whether the app is activated")
    scopes: Words = Field(default=ALL_SCOPES, description="scopes granted to the app")
    missing_permissions: Words = Field(
        default=(), description="permissions its owner's role lacks, e.g. User:Edit"
    )
    token_life: int = Field(default=3600, gt=0, description="seconds an access token lives")
    token_by_query: bool = Field(
        default=True, description="whether the token endpoint takes its parameters in the query"
    )
    invalidate_previous_token: bool = Field(
        default=False, description="a new token kills the others, as before June 2023"
    )
    latency_ms: float = Field(default=0, ge=0, description="time that every call takes")

    def with_changes(self, switches: Mapping[str, Any]) -> SimulatorSettings:
        """
        Return a copy with some switches changed; ``seats`` may name only some kinds.

        :raises pydantic.ValidationError: for an unknown switch or value
        """
        current = self.model_dump()
        seats = _table(switches.get("seats", {}))
        if isinstance(seats, Mapping):
            switches = {**switches, "seats": {**current["seats"], **seats}}
        return SimulatorSettings.model_validate({**current, **switches})

    def public(self) -> dict[str, Any]:
        """Give the settings without the secrets."""
        return self.model_dump(mode="json", exclude={"client_secret", "refresh_token"})


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add one option per switch."""
    group = parser.add_argument_group("switches (also settable while running)")
    for name, field in SimulatorSettings.model_fields.items():
        group.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            metavar="VALUE",
            default=argparse.SUPPRESS,
            help=f"{field.description} [{_shown(field.default)}]".replace("%", "%%"),
        )


def from_options(options: argparse.Namespace) -> SimulatorSettings:
    """
    Read the switches that were given.

    :raises pydantic.ValidationError: for a wrong value
    """
    given = {k: v for k, v in vars(options).items() if k in SimulatorSettings.model_fields}
    return SimulatorSettings().with_changes(_numbers(given))


def _numbers(given: Mapping[str, str]) -> dict[str, Any]:
    # A choice between numbers is the one thing that pydantic does not read from text.
    fields = SimulatorSettings.model_fields
    return {
        k: int(v) if isinstance(fields[k].default, int) and v.isdigit() else v
        for k, v in given.items()
    }


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, Seats) or default in (None, (), {}):
        return "none"
    return "all" if isinstance(default, Sequence) and not isinstance(default, str) else str(default)
