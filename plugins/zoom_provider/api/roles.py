"""Zoom's calls on roles: ``/v2/roles``."""

from __future__ import annotations

from typing import Any

from zoom_provider.api.base_client import BaseClient


class RoleMethods(BaseClient):
    """
    The calls of ``/roles``. ``role`` is an id; ``user`` is an id or an e-mail address.

    The ids of Owner, Admin and Member are 0, 1 and 2. A user has exactly one role.
    """

    def list_roles(self) -> list[dict[str, Any]]:
        """Return all roles: ``id``, ``name``, ``total_members``. Zoom does not page them."""
        reply = self._request("GET", "/roles", label="medium", scope="role:read:list_roles:admin")
        found = reply.payload.get("roles")
        return [role for role in found if isinstance(role, dict)] if found else []

    def assign_role(self, role: str, user: str) -> None:
        """
        Give a user a role in place of the present one.

        :raises LostReplyError: Zoom may have acted
        """
        self._request(
            "POST",
            "/roles/{role}/members",
            {"role": role},
            user=user,
            json={"members": [{"email": user} if "@" in user else {"id": user}]},
            label="medium",
            idempotent=False,
            scope="role:write:member:admin",
        )

    def unassign_role(self, role: str, user: str) -> None:
        """
        Take a role away, which leaves the user a Member.

        :raises LostReplyError: Zoom may have acted
        """
        self._request(
            "DELETE",
            "/roles/{role}/members/{user}",
            {"role": role, "user": user},
            label="light",
            idempotent=False,
            scope="role:delete:member:admin",
        )
