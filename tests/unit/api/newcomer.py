"""Short ways to create a user, and to ask the local Zoom what came of it."""

from __future__ import annotations

from typing import Any

from zoom_provider.api.client import ZoomClient
from zoom_provider.provisioning.create_user import post_user
from zoom_provider.simulator.server import Simulator

NEW = "new@example.com"
POST = "POST /v2/users"
GET = "GET /v2/users/*"


def create(
    client: ZoomClient, email: str = NEW, action: str = "create", **info: Any
) -> dict[str, Any]:
    return post_user(client, client.validate_user(action, {"email": email, "type": 1, **info}))


def traffic(zoom: Simulator) -> tuple[int, int]:
    """Count creations and look-ups."""
    return len(zoom.requests(POST)), len(zoom.requests(GET))


def there(zoom: Simulator) -> list[str]:
    """List who is in the account."""
    return [person["email"] for person in zoom.people()]
