"""One call as it comes in, read once, and the log of all of them."""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request

from zoom_provider.simulator.replies import Reply

_SECRET_PARAMETERS = ("access_token", "account_id", "code", "refresh_token", "token")


class Call:
    """
    One HTTP call.

    The path is split before it is decoded, so that an address with an encoded slash stays one
    segment.
    """

    def __init__(self, request: Request, body: bytes) -> None:
        raw = request.scope.get("raw_path") or request.scope["path"].encode()
        self.method: str = request.scope["method"]
        self.path: str = raw.decode("latin-1")
        self.segments: tuple[str, ...] = tuple(
            unquote(part, errors="replace") for part in self.path.split("/")[1:]
        )
        self.query: dict[str, str] = dict(
            parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        )
        self.authorization: str = request.headers.get("authorization", "")
        self.content_type: str = request.headers.get("content-type", "")
        host = request.headers.get("host", "")
        self.origin: str = f"{request.scope['scheme']}://{host}"
        self.body = body

    @cached_property
    def data(self) -> Any:
        """The body as JSON; None where it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def named_email(self) -> str | None:
        """The address that a POST of a person or a look-up by query names."""
        info = self.data.get("user_info") if isinstance(self.data, dict) else None
        email = info.get("email") if isinstance(info, dict) else self.query.get("email")
        return email if isinstance(email, str) else None


@dataclass(slots=True)
class Entry:
    """What the log keeps of a call: nothing of its body, nothing secret."""

    time: float
    method: str
    path: str
    query: dict[str, str]
    label: str | None
    email: str | None
    status: int | None = None
    code: int | None = None
    fault: str | None = None
    tracking_id: str | None = None


class RequestLog:
    """The last calls, and counts of all of them."""

    def __init__(self, keep: int = 200_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self.statuses: Counter[str] = Counter()

    def open(self, call: Call, now: float, label: str | None, email: str | None) -> Entry:
        """Note that a call came in."""
        query = {k: v for k, v in call.query.items() if k not in _SECRET_PARAMETERS}
        entry = Entry(now, call.method, call.path, query, label, email)
        self._entries.append(entry)
        return entry

    def close(self, entry: Entry, reply: Reply | None) -> None:
        """Note how it ended; no reply means that the connection was cut."""
        if reply is not None:
            entry.status, entry.code = reply.status, reply.code
        self.statuses[str(reply.status) if reply else "cut"] += 1

    def entries(self) -> list[dict[str, Any]]:
        """Give the calls, the first one first."""
        return [asdict(entry) for entry in self._entries]
