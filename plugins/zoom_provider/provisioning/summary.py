"""The result of a bulk run, and whether its task succeeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zoom_provider.exceptions import ZoomError
from zoom_provider.provisioning.checkpoint import Rows
from zoom_provider.provisioning.report import Outcome


@dataclass(frozen=True, kw_only=True)
class Summary:
    """
    The result of a bulk run.

    :param outcomes: how many lines of each outcome the report has
    :param report: where it is
    :param rejects: where its rejected rows are
    :param attention: the first failures, for a message
    :param stats: seconds, calls and refused calls, of earlier tries too
    :param failed: lines that are failures
    :param unanswered: of these, those for want of an answer, which another try may have
    :param untried: of these, those that were not tried because ``on_error`` is ``stop``
    :param stopped_by: the error that concerned the whole account
    :param departed: rows of people who are owed and no longer in the roster
    :param unnamed: rows of an earlier roster that are owed and cannot be named
    :param state: the checkpoint
    :param defaults: by field, how many rows fell to the mapping's default, and for which values
    """

    outcomes: dict[str, int]
    report: str
    rejects: str
    attention: list[dict[str, Any]]
    stats: dict[str, Any]
    failed: int
    unanswered: int
    untried: int
    stopped_by: ZoomError | None
    departed: list[int]
    unnamed: Rows
    state: dict[str, Any]
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)

    def failure_reason(self, max_failures: float | None) -> str | None:
        """Return why the task must fail; None if it succeeds."""
        if self.unnamed:
            return (
                "The roster has changed since an earlier try, which had not come to its rows "
                f"{self.unnamed}, and its copy is lost: see that the people of those rows are in "
                f"{self.report}"
            )
        if self.departed:
            return (
                f"{len(self.departed)} people were taken out of the roster before the task came "
                "to them: create them by another run, unless HR has withdrawn them, and mark this "
                "task as success. Who: "
                f"{self.report}"
            )
        # Users who are not due yet would let the share of failures look smaller than it is.
        total = sum(self.outcomes.values()) - self.outcomes.get(Outcome.NOT_DUE, 0)
        if self.untried:
            return (
                f"{self.untried} of {total} people were not tried, because one failed and on_error "
                "is 'stop': correct that row and clear the task, or set on_error='continue'. Which "
                f"one: {self.report}"
            )
        # A share is compared as one: 100 * 0.29 is less than 29.
        share = isinstance(max_failures, float)
        counted = self.failed / total if total and share else self.failed
        if counted <= (max_failures or 0):
            return None
        allowed = "none" if max_failures is None else max_failures
        return (
            f"{self.failed} of {total} people failed; max_failures allows {allowed}. "
            f"Who and why: {self.report}"
        )
