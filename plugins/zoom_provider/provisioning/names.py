"""Turn the names of groups and roles into Zoom's ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final

from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning.compare import MEMBER

OWNER: Final = "0"
ADMIN: Final = "1"
_FIXED: Final = {"owner": OWNER, "admin": ADMIN, "member": MEMBER}


class Names:
    """
    The account's groups and roles by name; each list is read at most once.

    :param client: where to read them
    """

    def __init__(self, client: ZoomClient) -> None:
        self._client = client

    @cached_property
    def _groups(self) -> list[Mapping[str, Any]]:
        return list(self._client.list_groups())

    @cached_property
    def _roles(self) -> list[Mapping[str, Any]]:
        return list(self._client.list_roles())

    def group_id(self, group: str) -> str:
        """
        Return the id of a group.

        :param group: its id or its name
        :raises ZoomValidationError: the account has no such group
        """
        return _find(group, self._groups, "groups", "group")

    def role_id(self, role: str) -> str:
        """
        Return the id of a role.

        :param role: its id or its name
        :raises ZoomValidationError: the account has no such role
        """
        known = {*_FIXED.values()}
        fixed = role if role in known else _FIXED.get(role.lower())
        return fixed or _find(role, self._roles, "role", "role")

    def with_ids(self, wanted: Mapping[str, Any], existing: Mapping[str, Any]) -> dict[str, Any]:
        """
        Return an update's fields with ids in place of the names of groups and roles.

        :param wanted: as :meth:`~zoom_provider.models.user_update.UserChanges.given` returns them;
            ``group_id``, which PATCH takes for pending users only, becomes a group to join
        :param existing: the user as Zoom shows them
        :raises ZoomValidationError: the account has no such group or role
        """
        fields = dict(wanted)
        joined = fields.pop("group_id", None)
        if joined:
            groups = fields.get("groups") or {}
            fields["groups"] = {**groups, "add": [*groups.get("add", ()), joined]}
        if fields.get("groups"):
            fields["groups"] = self._group_ids(fields["groups"], existing.get("group_ids") or ())
        if fields.get("role"):
            fields["role"] = self.role_id(fields["role"])
            if fields["role"] == OWNER != str(existing.get("role_id")):
                text = "cannot be Owner: hand the account over in Zoom's web portal"
                raise ZoomValidationError(f"role {text}.", errors={"fields.role": [text]})
        return fields

    def _group_ids(
        self, groups: Mapping[str, Sequence[str]], member_of: Sequence[str]
    ) -> dict[str, list[str]]:
        found = {
            part: list(
                dict.fromkeys(name if name in member_of else self.group_id(name) for name in names)
            )
            for part, names in groups.items()
        }
        both = set(found.get("add", ())) & set(found.get("remove", ()))
        if both:
            text = f"names the group {sorted(both)[0]} in add and in remove"
            raise ZoomValidationError(f"groups {text}.", errors={"fields.groups": [text]})
        return found


def _find(wanted: str, entries: Iterable[Mapping[str, Any]], field: str, what: str) -> str:
    """Return the id of an entry by its id, by its name, or by its name in other letters."""
    listed = [(str(entry.get("id")), str(entry.get("name"))) for entry in entries]
    by_case = [key for key, name in listed if name.lower() == wanted.lower()]
    for matches in (
        [key for key, _ in listed if key == wanted],
        [key for key, name in listed if name == wanted],
        by_case,
    ):
        if len(matches) == 1:
            return matches[0]
    if len(by_case) > 1:
        text = f"names {wanted!r}, which several {what}s are called: write its id"
    else:
        near = get_close_matches(wanted, [name for _, name in listed], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        text = f"names {wanted!r}, a {what} that this account does not have{hint}: create it first"
    raise ZoomValidationError(f"{field} {text}.", errors={f"fields.{field}": [text]})
