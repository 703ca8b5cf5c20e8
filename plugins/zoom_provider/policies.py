"""A ready retry policy, for Airflow 3.3 and newer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from zoom_provider.exceptions import ZoomDailyLimitError, ZoomError, ZoomRateLimitError

try:
    from airflow.sdk import RetryDecision, RetryPolicy
except ImportError:
    raise ImportError(
        "zoom_provider.policies needs Airflow 3.3 or newer: there are no retry policies before."
    ) from None

if TYPE_CHECKING:
    from airflow.sdk import Context


class ZoomRetryPolicy(RetryPolicy):
    """
    Do what each Zoom error's ``remedy`` says, and wait as long as it takes.

    The account's daily limit is retried once it is renewed, a temporary error after ``delay``,
    and every other error fails at once. The task's own
    settings decide about errors that are not Zoom's::

        ZoomCreateUserOperator(..., retries=3, retry_policy=ZoomRetryPolicy())

    :param delay: before a retry for which Zoom names no time
    """

    def __init__(self, delay: timedelta = timedelta(minutes=5)) -> None:
        self.delay = delay

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Decide by the error's class and remedy."""
        if not isinstance(exception, ZoomError):
            return RetryDecision.default()
        reason = f"{type(exception).__name__}, remedy {exception.remedy}"
        if isinstance(exception, ZoomDailyLimitError):
            return RetryDecision.retry(_time_until(exception.reset_at), reason)
        if exception.remedy != "retry":
            return RetryDecision.fail(reason)
        at = exception.retry_at if isinstance(exception, ZoomRateLimitError) else None
        return RetryDecision.retry(self.delay if at is None else _time_until(at), reason)


def _time_until(moment: datetime) -> timedelta:
    return max(timedelta(seconds=1), moment - datetime.now(UTC))
