"""
Apply one change of an existing user: each call by its kind, then read the user back.

Zoom answers with success to much that it does not do: to unknown fields, to a manager that the
account lacks, to a group that takes no member. So what counts is what the user has afterwards.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from zoom_provider.api.client import ZoomClient
from zoom_provider.api.errors import error_scope
from zoom_provider.exceptions import (
    ZoomError,
    ZoomNotAppliedError,
    ZoomNotFoundError,
    ZoomProtectedUserError,
    ZoomStoppedError,
)
from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning.calls import PERSONAL, Call, CallKind, Difference
from zoom_provider.provisioning.compare import MEMBER, is_verifiable, same
from zoom_provider.provisioning.decide import Change, read_field
from zoom_provider.provisioning.settle import call_once

log = logging.getLogger(__name__)

_NO_MEMBER: Final = 4131
"""Zoom's code for a user who is not in the group."""
_LOOKS: Final = (0.0, 1.0, 3.0)
"""Seconds to wait before each look at a change that does not show yet."""
_LONGEST_VALUE: Final = 80

_HINTS: Final = {
    "manager": "Zoom drops a manager who is not a user of the account: create the manager first",
    "custom_attributes": "Zoom drops a key that the account does not have: compare it with the key "
    "that Zoom shows for a user with a value",
    "email": "Zoom changes addresses in the account's managed domains only, three a day: add the "
    "domain in Zoom's web portal, or let the user change the address there",
    "groups": "Zoom answered 201 and added no member: check the group in Zoom's web portal",
    "role": "Zoom answered with success and assigned nothing: check that the role of the app's "
    "owner includes Role Management",
    "type": "check in Zoom's web portal which licences the user holds",
}
_ANY_HINT: Final = (
    "Where single sign-on maps the field, its mapping decides: change the value there"
)
_ADDRESS_RULE: Final = (
    "Zoom changes addresses within the account's managed domains only, at most three times in 24 "
    "hours: an owner adds a domain in Zoom's web portal (Account Profile, Managed Domains)"
)
_REFUSALS: Final[Mapping[tuple[CallKind, int | None], str]] = {
    (CallKind.EMAIL, 1116): _ADDRESS_RULE,
    (CallKind.EMAIL, 300): _ADDRESS_RULE,
    (CallKind.EMAIL, 1005): "Another Zoom user has the new address: remove or rename that user "
    "first",
    (CallKind.EMAIL, 1000): "Zoom changes no administrator's address: make the user a Member "
    "(role) first, or change it in Zoom's web portal",
    (CallKind.ASSIGN_ROLE, 1034): "The role does not exist any more",
    (CallKind.UNASSIGN_ROLE, 1034): "The role does not exist any more",
    (CallKind.ASSIGN_ROLE, 300): "Zoom assigns neither Owner nor Member by this call",
    (CallKind.UNASSIGN_ROLE, 300): "Zoom takes the roles Owner and Member from no user by this "
    "call, nor the last administrator's",
    (CallKind.ASSIGN_ROLE, 200): "The role of the app's owner must include Role Management",
    (CallKind.UNASSIGN_ROLE, 200): "The role of the app's owner must include Role Management; "
    "administrators are demoted by the account's owner only",
}


def apply_change(client: ZoomClient, user: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """
    Make a change's calls and return the user as Zoom shows them afterwards.

    A call that Zoom refuses does not keep the others from being made; then the first refusal is
    raised, and its text says what was applied and what was not.

    :param user: the user as Zoom shows them, with ``id`` or ``email``
    :raises ZoomNotAppliedError: Zoom said yes and did not; with what was found
    """
    key = str(user.get("id") or user["email"])
    failures: list[ZoomError] = []
    made: set[str] = set()
    for call in change.calls:
        try:
            make_call(client, key, call)
            made.update(call.fields)
        except ZoomStoppedError:
            raise
        except ZoomError as error:
            failures.append(_explain(call, error))
            if error.remedy == "retry" or error_scope(error) == "account":
                break
    try:
        found = _read_back(client, key, change.differences, wait=not failures)
    except ZoomError:
        if failures:
            raise _with_state(failures, change, None) from None
        raise
    missing = find_missing(change.differences, found)
    if failures:
        hidden = [
            wanted
            for wanted in change.differences
            if not is_verifiable(wanted.name, found) and wanted.name not in made
        ]
        raise _with_state(failures, change, [*missing, *hidden])
    if missing:
        raise _not_applied(missing, found, str(found.get("email") or key))
    return found


def make_call(client: ZoomClient, user: str, call: Call) -> None:
    """
    Make one call of a change; one that loses data is never repeated blindly.

    :param user: the user's id, or the address where there is none
    """
    match call.kind:
        case CallKind.PATCH:
            client.update_user(user, call.values)
        case CallKind.JOIN_GROUP:
            client.add_group_members(call.values["group"], [user])
        case CallKind.LEAVE_GROUP:
            try:
                client.remove_group_member(call.values["group"], user)
            except ZoomNotFoundError as error:
                if error.code != _NO_MEMBER:
                    raise
        case CallKind.EMAIL:
            email = call.values["email"]
            call_once(
                client,
                lambda: client.change_email(user, email),
                lambda: same("email", email, client.get_user(user)),
            )
        case CallKind.ASSIGN_ROLE:
            role = call.values["role"]
            call_once(
                client,
                lambda: client.assign_role(role, user),
                lambda: same("role", role, client.get_user(user)),
            )
        case CallKind.UNASSIGN_ROLE:
            call_once(
                client,
                lambda: client.unassign_role(call.values["role"], user),
                lambda: same("role", MEMBER, client.get_user(user)),
            )


def find_missing(differences: Sequence[Difference], found: Mapping[str, Any]) -> list[Difference]:
    """Return the differences that are still there, as far as Zoom shows the fields at all."""
    return [
        wanted
        for wanted in differences
        if is_verifiable(wanted.name, found) and not same(wanted.name, wanted.new, found)
    ]


def changed_fields(change: Change) -> dict[str, dict[str, Any]]:
    """Return ``{field: {"old", "new"}}``; of a personal field the name only."""
    return {
        found.name: {} if found.name in PERSONAL else {"old": found.old, "new": _new(found)}
        for found in change.differences
    }


def _new(found: Difference) -> Any:
    if found.name == "role":
        return found.new or MEMBER
    if found.name != "groups":
        return found.new
    if found.new is None:
        return []
    kept = [group for group in found.old or () if group not in found.new.get("remove", ())]
    return list(dict.fromkeys([*kept, *found.new.get("add", ())]))


def _read_back(
    client: ZoomClient, user: str, differences: Sequence[Difference], *, wait: bool
) -> dict[str, Any]:
    """Read the user, and again after a moment where a change does not show yet."""
    found: dict[str, Any] = {}
    for pause in _LOOKS if wait else _LOOKS[:1]:
        if pause:
            client.pause(pause)
        found = client.get_user(user)
        if not find_missing(differences, found):
            break
    return found


def _explain(call: Call, error: ZoomError) -> ZoomError:
    """Put what to do next before Zoom's refusal of a call."""
    hint = _REFUSALS.get((call.kind, error.code))
    what = ", ".join(call.fields)
    text = f"{what}: {hint}. {error.args[0]}" if hint else f"{what}: {error.args[0]}"
    if (call.kind, error.code) == (CallKind.EMAIL, 1000):
        return ZoomProtectedUserError(
            text,
            code=error.code,
            status=error.status,
            tracking_id=error.tracking_id,
            email=error.email,
        )
    error.args = (text,)
    return error


def _with_state(
    failures: Sequence[ZoomError], change: Change, missing: Sequence[Difference] | None
) -> ZoomError:
    """Return the first failure, with the others' texts and what was and was not applied."""
    first, *others = failures
    texts = [str(first.args[0]), *(str(error.args[0]) for error in others)]
    if missing is None:
        texts.append("What was applied is not known: Zoom did not answer; run it again.")
    else:
        left = [found.name for found in missing]
        done = [found.name for found in change.differences if found.name not in left]
        texts.append(f"Applied: {', '.join(done) or 'nothing'}.")
        texts.append(f"Not applied: {', '.join(left) or 'nothing'}.")
    first.args = (" ".join(texts),)
    return first


def _not_applied(
    missing: Sequence[Difference], found: Mapping[str, Any], email: str
) -> ZoomNotAppliedError:
    texts = []
    for wanted in missing:
        now = read_field(wanted.name, found)
        values = (
            ""
            if wanted.name in PERSONAL
            else f" (wanted {_text(_new(wanted))}, found {_text(now)})"
        )
        texts.append(f"{wanted.name}{values}: {_HINTS.get(wanted.name, _ANY_HINT)}.")
    return ZoomNotAppliedError(
        f"Zoom answered with success and did not apply: {' '.join(texts)}",
        fields={
            wanted.name: {
                "old": wanted.old,
                "wanted": _new(wanted),
                "found": read_field(wanted.name, found),
            }
            for wanted in missing
        },
        email=email,
    )


def _text(value: Any) -> str:
    return "nothing" if value in (None, "", []) else sanitize_for_log(repr(value), _LONGEST_VALUE)
