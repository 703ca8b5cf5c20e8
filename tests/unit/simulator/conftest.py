"""A caller that knows HTTP and nothing else: no client of ours helps it or hides anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from zoom_provider.simulator.server import Simulator


class Caller:
    """Calls one simulator, with a valid token unless a test sets another."""

    def __init__(self, zoom: Simulator) -> None:
        self.zoom = zoom
        self.session = requests.Session()
        self.renew()

    def renew(self) -> None:
        """Get a new token, which has the scopes that are granted by now."""
        self.session.headers["Authorization"] = f"Bearer {self.zoom.token()}"

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        """Make one call and give whatever comes back."""
        options = {"allow_redirects": False, "timeout": 10, **options}
        return self.session.request(method, self.zoom.url + path, **options)

    def create(self, email: str = "jane@example.com", **info: Any) -> requests.Response:
        """Create a person; ``action`` and ``user_info`` fields may be given."""
        action = info.pop("action", "create")
        user = {"email": email, "type": 1, **info}
        return self("POST", "/v2/users", json={"action": action, "user_info": user})

    def user(self, user: str) -> dict[str, Any]:
        """Read a person who is there."""
        reply = self("GET", f"/v2/users/{user}")
        assert reply.status_code == 200, reply.text
        body: dict[str, Any] = reply.json()
        return body

    def change(self, user: str, **fields: Any) -> tuple[int, int | None]:
        """Send a PATCH of a person."""
        return self.verdict(self("PATCH", f"/v2/users/{user}", json=fields))

    def set_status(self, user: str, action: str) -> tuple[int, int | None]:
        """Send a PUT of a person's status."""
        return self.verdict(self("PUT", f"/v2/users/{user}/status", json={"action": action}))

    def set_email(self, user: str, email: str) -> tuple[int, int | None]:
        """Send a PUT of a person's address."""
        return self.verdict(self("PUT", f"/v2/users/{user}/email", json={"email": email}))

    def delete(self, user: str, **params: str) -> tuple[int, int | None]:
        """Send a DELETE of a person."""
        return self.verdict(self("DELETE", f"/v2/users/{user}", params=params))

    def listed(self, status: str = "active", **params: Any) -> list[dict[str, Any]]:
        """Read one list of people."""
        reply = self("GET", "/v2/users", params={"status": status, "page_size": 300, **params})
        rows: list[dict[str, Any]] = reply.json()["users"]
        return rows

    def control(self, method: str, path: str, **options: Any) -> requests.Response:
        """Act on the simulator from outside."""
        return self(method, f"/control/{path}", **options)

    @staticmethod
    def verdict(reply: requests.Response) -> tuple[int, int | None]:
        """Give what a client decides by: the HTTP status and Zoom's code."""
        body = reply.json() if reply.content else {}
        return reply.status_code, body.get("code")


@pytest.fixture
def call(zoom: Simulator) -> Iterator[Caller]:
    """Give a caller of a fresh simulator."""
    caller = Caller(zoom)
    with caller.session:
        yield caller
