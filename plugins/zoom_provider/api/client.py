"""ZoomClient: all of Zoom's API that this provider calls, divided by resource."""

from __future__ import annotations

from zoom_provider.api.accounts import AccountMethods
from zoom_provider.api.base_client import LostReplyError
from zoom_provider.api.groups import GroupMethods
from zoom_provider.api.roles import RoleMethods
from zoom_provider.api.tokens import missing_scopes
from zoom_provider.api.users import UserMethods

__all__ = ["LostReplyError", "ZoomClient"]


class ZoomClient(UserMethods, GroupMethods, RoleMethods, AccountMethods):
    """
    Calls Zoom as the settings say; safe for several threads.

    The parameters are those of :class:`~zoom_provider.api.base_client.BaseClient`, where every
    call goes through one private method. The calls of a resource stand in a file of its name.
    """

    def check_connection(self) -> str:
        """
        Ask for a token and make one cheap read; say in a sentence what the app may do.

        :raises ZoomError: whatever keeps the settings from working
        """
        token = self.auth.token()
        page = self._request(
            "GET",
            "/users",
            params={"page_size": "1"},
            label="medium",
            scope="user:read:list_users:admin",
        ).payload
        total = page.get("total_records", "an unknown number of")
        text = f"Connected to Zoom: {total} active users."
        missing = missing_scopes(token)
        if missing:
            text += f" To create people the app still lacks the scope {' and '.join(missing)}."
        return text
