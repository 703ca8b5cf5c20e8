"""
What can go wrong between a client and Zoom, on demand.

A fault waits for calls that match it, lets some pass (``skip``) and then strikes (``times``). Most
kinds may strike before Zoom acts or after it (``acted``): to the client both look alike, which is
the point.

=============  ===================================================================================
kind           what the client sees
=============  ===================================================================================
status         an error of Zoom's servers: ``status`` (503), ``body`` json or html
error          a documented error by its ``code``, e.g. 2016, also ones that no switch leads to
cut_before     the connection is closed without a reply; Zoom has not acted
cut_after      the same, but Zoom has acted
slow           the reply comes after ``seconds``; Zoom acts at once (``acted=False``: never; 504)
late           as slow, but Zoom acts only when the time is up, whether the client waits or not
html           200 with a proxy's log-in page
not_json       200 with a body that looks like JSON and is not, as seen live
429            ``limit``: qps, daily, creates or concurrency; ``headers=False`` leaves them out
revoke_token   every access token is revoked just before this call is checked
redirect       302 to ``url``
move           just before this call ``user`` goes to another list: ``to`` active, inactive or gone
truncated      a reply whose Content-Length promises more than comes
=============  ===================================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from zoom_provider.simulator.errors import API_ERRORS, ApiError
from zoom_provider.simulator.limits import CREATES_PER_DAY, too_fast, too_many
from zoom_provider.simulator.replies import JSON, Reply, as_html, as_json
from zoom_provider.simulator.settings import SimulatorSettings

Kind = Literal[
    "status",
    "error",
    "cut_before",
    "cut_after",
    "slow",
    "late",
    "html",
    "not_json",
    "429",
    "revoke_token",
    "redirect",
    "move",
    "truncated",
]
KINDS: tuple[str, ...] = get_args(Kind)
_ACTS_BY_ITSELF = frozenset({"cut_after", "slow", "late", "truncated", "revoke_token", "move"})

PROXY_PAGE = (
    "<!DOCTYPE html><html><head><title>Sign in to the network</title></head>"
    "<body><h1>Please sign in</h1><p>Your session with the proxy has ended.</p></body></html>"
)
_ERROR_PAGE = (
    "<html><head><title>{status} Service Error</title></head>"
    "<body><center><h1>{status} Service Error</h1></center><hr></body></html>"
)
# The quotes within the text are not escaped: this is what came over the wire.
_BROKEN_JSON = (
    b'{"code":104,"message":"Invalid access token, does not contain scopes:'
    b'["user:write:user:admin","user:write:admin"]"}'
)


class Fault(BaseModel):
    """
    One thing that shall go wrong.

    :param on: method and path with wildcards, ``"POST /v2/users"``, ``"* /v2/users/*"`` or ``"*"``
    :param email: strike only where this person is concerned
    :param skip: let so many matching calls pass first
    :param times: strike so often; None for always
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    on: str = "*"
    email: str | None = None
    skip: int = Field(default=0, ge=0)
    times: int | None = Field(default=1, ge=1)
    acted: bool = False
    status: int = Field(default=503, ge=400, le=599)
    body: Literal["json", "html"] = "json"
    code: int = 200
    seconds: float = Field(default=1.0, ge=0)
    limit: Literal["qps", "daily", "creates", "concurrency"] = "qps"
    headers: bool = True
    user: str = ""
    to: Literal["active", "inactive", "gone"] = "active"
    url: str = "http://127.0.0.1:9/"

    @model_validator(mode="before")
    @classmethod
    def _act_by_kind(cls, data: Any) -> Any:
        if isinstance(data, dict) and "acted" not in data:
            return {**data, "acted": data.get("kind") in _ACTS_BY_ITSELF}
        return data

    @model_validator(mode="after")
    def _known_code(self) -> Fault:
        known = {code for _, code, _ in API_ERRORS.values()}
        if self.kind == "error" and self.code not in known:
            raise ValueError(f"no documented error has the code {self.code}")
        return self

    def matches(self, method: str, path: str, email: str | None) -> bool:
        """Return whether this fault is meant for a call."""
        if self.email is not None and self.email.lower() != (email or "").lower():
            return False
        if self.on == "*":
            return True
        wanted, _, pattern = self.on.partition(" ")
        if not pattern:
            wanted, pattern = "*", self.on
        return fnmatchcase(method, wanted) and fnmatchcase(path, pattern)


@dataclass(slots=True)
class _Waiting:
    fault: Fault
    seen: int = 0
    struck: int = 0


class Faults:
    """The faults that wait for their calls."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def add(self, fault: Fault) -> None:
        """Let one more fault wait."""
        self._waiting.append(_Waiting(fault))

    def clear(self) -> None:
        """Forget all faults."""
        self._waiting.clear()

    def strike(self, method: str, path: str, email: str | None) -> Fault | None:
        """Give the fault that this call suffers; at most one, the first that is due."""
        chosen: _Waiting | None = None
        for waiting in self._waiting:
            fault = waiting.fault
            if not fault.matches(method, path, email):
                continue
            waiting.seen += 1
            left = fault.times is None or waiting.struck < fault.times
            if chosen is None and waiting.seen > fault.skip and left:
                chosen = waiting
        if chosen is None:
            return None
        chosen.struck += 1
        return chosen.fault

    def to_list(self) -> list[dict[str, Any]]:
        """Give the faults with how often each has struck."""
        return [
            {**waiting.fault.model_dump(exclude_unset=True), "struck": waiting.struck}
            for waiting in self._waiting
        ]


def disguise(
    fault: Fault, real: Reply | None, settings: SimulatorSettings, now: float
) -> Reply | None:
    """
    Give what the client gets in place of Zoom's reply.

    :param real: the reply that Zoom would have given, where it acted
    :return: None where the connection is to be cut
    """
    match fault.kind:
        case "cut_before" | "cut_after":
            return None
        case "status" if fault.body == "html":
            return as_html(fault.status, _ERROR_PAGE.format(status=fault.status))
        case "status":
            text = "Service is temporarily unavailable."
            return as_json(fault.status, {"code": fault.status, "message": text})
        case "error":
            return _documented(fault.code, fault.email or "unknown")
        case "html":
            return as_html(200, PROXY_PAGE)
        case "not_json":
            return Reply(200, _BROKEN_JSON, JSON)
        case "429":
            return _limited(fault, settings, now).reply()
        case "redirect":
            return Reply(302, headers={"Location": fault.url})
        case "truncated":
            whole = real if real is not None and real.body else as_json(200, {"id": "unknown"})
            half = len(whole.body) // 2
            return replace(whole, body=whole.body[:half], promised=len(whole.body))
    # slow without acting; late, revoke_token and move only change when and how Zoom itself answers
    return real or as_html(504, _ERROR_PAGE.format(status=504))


def _documented(code: int, user: str) -> Reply:
    status, _, text = next(error for error in API_ERRORS.values() if error[1] == code)
    return as_json(status, {"code": code, "message": re.sub(r"\{\w+\}", lambda _: user, text)})


def _limited(fault: Fault, settings: SimulatorSettings, now: float) -> ApiError:
    if fault.limit == "qps":
        return too_fast("LIGHT", with_headers=fault.headers)
    if fault.limit == "concurrency":
        return ApiError("concurrent", deed="change")
    maximum = CREATES_PER_DAY[settings.plan] if fault.limit == "creates" else 30_000
    cause = "creates_per_day" if fault.limit == "creates" else "per_day"
    return too_many(
        "LIGHT", settings, now, maximum=maximum, cause=cause, with_headers=fault.headers
    )
