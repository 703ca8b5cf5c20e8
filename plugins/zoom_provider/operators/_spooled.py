"""What the operators share that bring rows to Zoom in the same task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from zoom_provider.exceptions import ZoomStoppedError, ZoomValidationError
from zoom_provider.operators.bulk import ZoomCreateUsersOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class SpooledUsersOperator(ZoomCreateUsersOperator):
    """
    A bulk operator whose rows come from :meth:`read_rows`, which is called once in each try.

    The rows are kept in a file without a name on the worker's disk, readable by this process alone,
    until the try ends: they pass through no XCom and no rendered field.
    """

    refused: ClassVar[tuple[str, ...]] = ("users", "roster", "multiple_outputs")
    template_fields: Sequence[str] = tuple(
        name for name in ZoomCreateUsersOperator.template_fields if name not in ("users", "roster")
    )
    people_fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **kwargs: Any) -> None:
        refuse(kwargs, self.refused, "the rows come from the task itself")
        super().__init__(**kwargs)

    def read_rows(self, context: Context) -> Iterable[Any]:
        """Read all rows, each a dict or a tuple."""
        raise NotImplementedError

    def columns_of_rows(self) -> Sequence[str] | None:
        """Name the values of rows that are tuples; called after the first row was read."""
        return None

    @contextmanager
    def _open_users(self, context: Context) -> Iterator[Any]:
        from zoom_provider.provisioning.spool import Spool

        with closing(Spool(self.columns_of_rows)) as spool:
            spool.fill(self.read_rows(context), self._raise_where_stopped)
            self.log.info("%d rows were read.", len(spool))
            yield spool

    def _raise_where_stopped(self) -> None:
        if self.stop.is_set():
            raise ZoomStoppedError("The task was stopped; a retry reads the rows again.")


def refuse(given: dict[str, Any], names: Sequence[str], why: str) -> None:
    """
    Refuse parameters that an operator does not take; None and False count as not given.

    :raises ZoomValidationError: one of them is given
    """
    errors = {
        name: [f"is not taken: {why}"]
        for name in names
        if given.pop(name, None) not in (None, False)
    }
    if errors:
        listed = "; ".join(f"{name} {texts[0]}" for name, texts in errors.items())
        raise ZoomValidationError(listed, errors=errors)
