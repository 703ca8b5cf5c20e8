"""Zoom's calls on groups: ``/v2/groups``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoom_provider.api.base_client import BaseClient


class GroupMethods(BaseClient):
    """The calls of ``/groups``. ``group`` is an id; ``user`` is an id or an e-mail address."""

    def list_groups(self) -> Iterator[dict[str, Any]]:
        """
        Yield all groups: ``id``, ``name``, ``total_members``.

        :raises ZoomProtocolError: the pages do not end
        """
        pages = self._pages(
            "/groups", key="groups", what="groups", scope="group:read:list_groups:admin"
        )
        for groups, _ in pages:
            yield from groups

    def add_group_members(self, group: str, users: list[str]) -> list[str]:
        """
        Add at most 30 users; return the ids of those that Zoom says it has added.

        Zoom answers 201 also where it adds no user: verify with the user's ``group_ids``.
        """
        reply = self._request(
            "POST",
            "/groups/{group}/members",
            {"group": group},
            json={"members": [_member(user) for user in users]},
            label="medium",
            scope="group:write:member:admin",
        )
        return [text.strip() for text in str(reply.payload.get("ids") or "").split(",") if text]

    def remove_group_member(self, group: str, user: str) -> None:
        """
        Remove a user from a group.

        :raises ZoomNotFoundError: the user is no member (4131), or there is no such group
        """
        self._request(
            "DELETE",
            "/groups/{group}/members/{user}",
            {"group": group, "user": user},
            retried_404_ok=True,
            scope="group:delete:member:admin",
        )


def _member(user: str) -> dict[str, str]:
    return {"email": user} if "@" in user else {"id": user}
