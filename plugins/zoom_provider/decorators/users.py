"""``@task.zoom_create_users``: a function's rows become Zoom users in the same task."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    DecoratedOperator,
    task_decorator_factory,
)

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.operators._spooled import SpooledUsersOperator, refuse

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, TaskDecorator


class _ZoomCreateUsersDecoratedOperator(DecoratedOperator, SpooledUsersOperator):
    """
    Runs a function, and creates the users whose rows it returns or yields.

    :param columns: the names of the values, for rows that are tuples
    """

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *SpooledUsersOperator.template_fields,
    )
    template_fields_renderers = dict(DecoratedOperator.template_fields_renderers)  # noqa: RUF012
    custom_operator_name = "@task.zoom_create_users"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        task_id: str,
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        columns: Sequence[str] | None = None,
        source: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.columns = columns
        super().__init__(
            python_callable=python_callable,
            task_id=task_id,
            op_args=op_args,
            op_kwargs=op_kwargs,
            source=source or getattr(python_callable, "__name__", None),
            **kwargs,
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Create the users; return counts and where the report is."""
        return SpooledUsersOperator.execute(self, context)

    def read_rows(self, context: Context) -> Iterable[Any]:
        """Call the function."""
        rows = self.python_callable(*self.op_args, **self._arguments(context))
        if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
            fault = (
                f"returned {_named(rows)}: return a list of rows, or yield them; a row is a dict, "
                "or a tuple with columns="
            )
            raise ZoomValidationError(f"the function {fault}", errors={"rows": [fault]})
        return rows

    def _arguments(self, context: Context) -> dict[str, Any]:
        """Return the function's keyword arguments: its own, and what it asks of the context."""
        parameters = inspect.signature(self.python_callable).parameters
        positional = list(parameters)[: len(self.op_args)]
        takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        wanted: Any = context if takes_all else parameters
        values: Any = context
        asked = [name for name in wanted if name in values and name not in positional]
        return {**{name: values[name] for name in asked}, **self.op_kwargs}

    def columns_of_rows(self) -> Sequence[str] | None:
        """Name the values of rows that are tuples."""
        return self.columns


def _named(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def zoom_create_users_task(
    python_callable: Callable[..., Any] | None = None, **kwargs: Any
) -> TaskDecorator:
    """
    Make a task of a function whose rows become Zoom users: ``@task.zoom_create_users``.

    The function returns or yields rows: dicts, or tuples with ``columns=``. They go to Zoom in the
    same task, through no XCom and no rendered field. Its arguments are rendered fields, which
    Airflow stores: pass ids and dates to it, and no people.

    It takes the parameters of
    :class:`~zoom_provider.operators.users.ZoomCreateUsersOperator` except ``users`` and ``roster``,
    and has the same results. At a retry the function runs again, and users who are done stay done.

    :param python_callable: the function
    """
    refuse(kwargs, SpooledUsersOperator.refused, "the rows are what the function returns or yields")
    # Not to be inferred: what the task returns is the operator's result.
    return task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=False,
        decorated_operator_class=_ZoomCreateUsersDecoratedOperator,
        **kwargs,
    )
