"""Recognise from single failures that the whole account, or Zoom itself, has a problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from zoom_provider.api.errors import error_scope
from zoom_provider.exceptions import (
    ZoomDailyLimitError,
    ZoomError,
    ZoomRateLimitError,
    ZoomUnavailableError,
)

OUTAGE_THRESHOLD: Final = 5
"""So many users in a row without an answer, or with the same refusal that may be the account's."""


@dataclass
class OutageDetector:
    """
    Counts failures in a row.

    :param unanswered: rows that failed because Zoom did not answer
    :param settling: rows whose lost reply is being settled
    """

    unanswered: int = 0
    settling: set[int] = field(default_factory=set)
    _lost_replies: int = 0
    _consecutive_failures: int = 0
    _ambiguous_code: int | None = None
    _ambiguous_failures: int = 0

    @property
    def is_outage_likely(self) -> bool:
        """Whether several lost replies in a row are not settled yet."""
        return self._lost_replies >= OUTAGE_THRESHOLD and bool(self.settling)

    def on_lost_reply(self, row: int) -> None:
        """Count a lost reply, which is being settled from now on."""
        self._lost_replies += 1
        self.settling.add(row)

    def on_success(self) -> None:
        """Begin to count again: Zoom works for this user."""
        self._lost_replies = self._consecutive_failures = self._ambiguous_failures = 0
        self._ambiguous_code = None

    def on_failure(self, error: ZoomError) -> bool:
        """Count a user's failure; return whether it concerns the whole account."""
        if is_unanswered(error):
            self._consecutive_failures += 1
            self.unanswered += 1
        else:
            self._lost_replies = self._consecutive_failures = 0
        scope = error_scope(error)
        if scope != "ambiguous":
            self._ambiguous_code, self._ambiguous_failures = None, 0
        elif self._ambiguous_failures and error.code == self._ambiguous_code:
            self._ambiguous_failures += 1
        else:
            self._ambiguous_code, self._ambiguous_failures = error.code, 1
        in_a_row = max(self._consecutive_failures, self._ambiguous_failures)
        return (
            scope == "account"
            or isinstance(error, ZoomDailyLimitError)
            or in_a_row >= OUTAGE_THRESHOLD
        )


def is_unanswered(error: ZoomError) -> bool:
    """Return whether a call failed because Zoom did not answer it."""
    return isinstance(error, (ZoomUnavailableError, ZoomRateLimitError))
