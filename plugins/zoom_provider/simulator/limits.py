"""
Zoom's limits: calls per second by label, calls per day, invitations per day.

A second is any second, not a calendar one: a call is let through if fewer than the limit were let
through during the second before it. Limits belong to the account and are shared by every label's
calls; days end at midnight UTC.
"""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

from zoom_provider.simulator.errors import ApiError
from zoom_provider.simulator.settings import SimulatorSettings

Label = Literal["LIGHT", "MEDIUM", "HEAVY"]

PER_SECOND: dict[str, dict[Label, int]] = {
    "free": {"LIGHT": 4, "MEDIUM": 2, "HEAVY": 1},
    "pro": {"LIGHT": 30, "MEDIUM": 20, "HEAVY": 10},
    "business": {"LIGHT": 80, "MEDIUM": 60, "HEAVY": 40},
}
PER_DAY: dict[str, dict[Label, int]] = {
    "free": {"LIGHT": 6_000, "MEDIUM": 2_000, "HEAVY": 1_000},
    "pro": {"HEAVY": 30_000},
    "business": {"HEAVY": 60_000},
}
CREATES_PER_DAY = {"free": 50, "pro": 1_500, "business": 10_000}

_DAY = 86_400


class Limits:
    """What the account has used up."""

    def __init__(self) -> None:
        self._recent: dict[Label, deque[float]] = {
            "LIGHT": deque(),
            "MEDIUM": deque(),
            "HEAVY": deque(),
        }
        self._used: Counter[str] = Counter()
        self._day = -1
        # POST /users/features has a limit of its own.
        self.last_feature_update = float("-inf")

    def admit(self, label: Label, settings: SimulatorSettings, now: float) -> dict[str, str]:
        """
        Count one call.

        :return: the headers of a daily quota, where there is one
        :raises ApiError: above a limit; such a call is not counted
        """
        recent = self._recent[label]
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if settings.limits_enforced and len(recent) >= PER_SECOND[settings.plan][label]:
            raise too_fast(label, with_headers=settings.qps_headers)
        headers: dict[str, str] = {}
        maximum = PER_DAY.get(settings.plan, {}).get(label)
        if maximum is not None:
            headers = self._spend(label, label, maximum, settings, now)
        recent.append(now)
        return headers

    def admit_create(self, settings: SimulatorSettings, now: float) -> dict[str, str]:
        """
        Count one call with ``action=create``, whatever comes of it: the quota is on requests.

        :return: the headers of the quota
        :raises ApiError: above the cap
        """
        maximum = settings.create_cap
        if maximum is None:
            maximum = CREATES_PER_DAY[settings.plan]
        return self._spend("creates", "LIGHT", maximum, settings, now)

    @property
    def used(self) -> dict[str, int]:
        """What was counted against daily quotas today."""
        return dict(self._used)

    def _spend(
        self, quota: str, label: Label, maximum: int, settings: SimulatorSettings, now: float
    ) -> dict[str, str]:
        today = int(now // _DAY)
        if today != self._day:
            self._day = today
            self._used.clear()
        if settings.limits_enforced and self._used[quota] >= maximum:
            cause = "creates_per_day" if quota == "creates" else "per_day"
            raise too_many(
                label,
                settings,
                now,
                maximum=maximum,
                cause=cause,
                with_headers=settings.daily_headers,
            )
        self._used[quota] += 1
        if not settings.daily_headers:
            return {}
        return {
            "X-RateLimit-Category": label.capitalize(),
            "X-RateLimit-Limit": str(maximum),
            "X-RateLimit-Remaining": str(max(0, maximum - self._used[quota])),
        }


def too_fast(label: Label, *, with_headers: bool) -> ApiError:
    """Give the 429 of the per-second limit; Zoom sends no Retry-After with it."""
    headers = {"X-RateLimit-Category": label.capitalize(), "X-RateLimit-Type": "QPS"}
    return ApiError("per_second", headers=headers if with_headers else None)


def too_many(
    label: Label,
    settings: SimulatorSettings,
    now: float,
    *,
    maximum: int,
    cause: str = "per_day",
    with_headers: bool = True,
) -> ApiError:
    """Give the 429 of a daily limit, with the time of its reset as the switch wants it."""
    if not with_headers:
        return ApiError(cause, maximum=maximum)
    headers = {
        "X-RateLimit-Category": label.capitalize(),
        "X-RateLimit-Type": "Daily-limit",
        "X-RateLimit-Limit": str(maximum),
        "X-RateLimit-Remaining": "0",
    }
    reset = (int(now // _DAY) + 1) * _DAY
    moment = datetime.fromtimestamp(reset, UTC)
    match settings.retry_after:
        case "iso":
            headers["Retry-After"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        case "http-date":
            headers["Retry-After"] = format_datetime(moment, usegmt=True)
        case "seconds":
            headers["Retry-After"] = str(max(1, round(reset - now)))
    return ApiError(cause, headers=headers, maximum=maximum)
