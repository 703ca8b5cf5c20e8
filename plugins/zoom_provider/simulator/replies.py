"""What goes back over the wire: Zoom's reply, before any fault has its way with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json;charset=UTF-8"
HTML = "text/html;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """
    One HTTP reply.

    :param promised: the ``Content-Length`` to announce, where it shall be larger than the body
    """

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int | None = None

    @property
    def code(self) -> int | None:
        """Zoom's error code, where the body carries one."""
        if self.status < 400 or self.content_type != JSON:
            return None
        try:
            code = json.loads(self.body).get("code")
        except (ValueError, AttributeError):
            return None
        return code if isinstance(code, int) else None


def as_json(status: int, data: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Make a JSON reply; escaped to ASCII, so that no odd string can make it fail."""
    return Reply(status, json.dumps(data).encode("ascii"), JSON, headers or {})


def as_html(status: int, text: str) -> Reply:
    """Make an HTML reply, as proxies and load balancers send them."""
    return Reply(status, text.encode("utf-8", "replace"), HTML)


NO_CONTENT = Reply(204)
