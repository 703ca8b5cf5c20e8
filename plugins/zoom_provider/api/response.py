"""One reply, read once: whether it is Zoom's at all, which code, which limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from zoom_provider.models.validation import sanitize_for_log


@dataclass(frozen=True, slots=True)
class Reply:
    """
    What the rest needs of an HTTP reply.

    :param status: the HTTP status
    :param headers: as they came; names are compared without regard to case
    :param payload: the JSON object of the body; empty where the body was
    :param is_zoom: False for a body that Zoom's API does not send, such as a proxy's page
    :param assumed_daily_limit: whether a 429 is a daily limit's, although its headers do not say so
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: dict[str, Any] = field(default_factory=dict, repr=False)
    is_zoom: bool = True
    assumed_daily_limit: bool = False

    code: int | None = field(init=False, compare=False)
    """Zoom's error code; None on success."""
    ok: bool = field(init=False, compare=False)
    """Whether Zoom did what was asked."""
    rejects_token: bool = field(init=False, compare=False)
    """Whether Zoom does not know the token, or not any more."""

    def __post_init__(self) -> None:
        """Read once what each caller asks for."""
        code = self.payload.get("code")
        is_code = isinstance(code, int) and not isinstance(code, bool) and "message" in self.payload
        read = object.__setattr__
        read(self, "code", code if is_code else None)
        read(self, "ok", 200 <= self.status < 300 and self.is_zoom and self.code is None)
        read(self, "rejects_token", self.code == 124 or self.status == 401)

    @property
    def tracking_id(self) -> str | None:
        """Zoom's name for this exchange, as its support asks for it."""
        found = self.headers.get("x-zm-trackingid")
        return sanitize_for_log(found, 120) if found else None

    @classmethod
    def from_response(cls, response: requests.Response) -> Reply:
        """Read a reply; a broken body makes one that is not Zoom's, never an error."""
        payload: Any = {}
        is_zoom = True
        if response.content:
            try:
                payload = response.json()
            except (ValueError, RecursionError):
                payload = _parse_malformed(response.content)
                is_zoom = bool(payload)
        else:
            # An error of Zoom's has a body; an empty one comes from something in between.
            is_zoom = response.status_code in (200, 201, 204)
        if not isinstance(payload, dict):
            payload, is_zoom = {}, False
        if 300 <= response.status_code < 400:
            is_zoom = False
        return cls(response.status_code, response.headers, payload, is_zoom)


def _parse_malformed(body: bytes) -> dict[str, Any]:
    """Take the code out of an error that Zoom wrote with unescaped quotes inside."""
    found = re.match(rb'\s*\{"code":\s*(\d{1,9})\s*,\s*"message":\s*"(.{0,400})', body, re.DOTALL)
    if not found:
        return {}
    return {"code": int(found[1]), "message": found[2].decode("utf-8", "replace").rstrip('"}\n ')}
