"""Zoom's calls on the account: ``/v2/accounts/me``."""

from __future__ import annotations

from typing import Any

from zoom_provider.api.base_client import BaseClient


class AccountMethods(BaseClient):
    """The calls of ``/accounts/me``."""

    def get_plan_usage(self) -> dict[str, Any]:
        """
        Return the account's plans: ``plan_base`` and others with ``hosts`` (bought) and ``usage``.

        ``pending`` counts what invitations hold.
        """
        return self._request(
            "GET",
            "/accounts/me/plans/usage",
            label="heavy",
            scope="billing:read:plan_usage:admin",
        ).payload
