"""``dry_run``, which is a parameter of an operator and a method of every operator of Airflow's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context


class DryRun:
    """
    A parameter's value that can be called.

    It is as true as the parameter; called without arguments, it does what Airflow's method
    ``dry_run`` does (render the template fields and log them). Airflow renders a template field
    that can be called by calling it with ``context`` and ``jinja_env``: then it returns the
    rendered parameter.

    :param value: the parameter: a boolean, or a text that may be a template
    :param task: whose it is
    """

    def __init__(self, value: bool | str, task: BaseOperator) -> None:
        self.value = value
        self._task = task

    def __call__(
        self, context: Context | None = None, jinja_env: jinja2.Environment | None = None
    ) -> Any:
        """Do what ``BaseOperator.dry_run`` does, or return the rendered parameter."""
        if context is None:
            return BaseOperator.dry_run(self._task)
        return self._task.render_template(self.value, context, jinja_env)

    def __bool__(self) -> bool:
        """Whether it is a dry run; a template that is not rendered yet counts as one."""
        return bool(self.value) and str(self.value).strip().lower() not in ("false", "0")

    def __eq__(self, other: object) -> bool:
        """Compare with another one, or with a parameter."""
        return self.value == (other.value if isinstance(other, DryRun) else other)

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        """Show the parameter."""
        return str(self.value)

    __repr__ = __str__

    def serialize(self) -> str:
        """Return what Airflow stores of it; Airflow 3.1 takes texts only."""
        return str(self.value)


class DryRunParameter:
    """The attribute ``dry_run`` of an operator: set to a parameter, read as :class:`DryRun`."""

    def __set__(self, task: Any, value: Any) -> None:
        task.__dict__["_dry_run"] = value.value if isinstance(value, DryRun) else value

    def __get__(self, task: Any, owner: type) -> Any:
        if task is None:
            return BaseOperator.dry_run
        value = task.__dict__.get("_dry_run", False)
        # What comes from upstream must stay what Airflow recognises as that.
        return DryRun(value, task) if isinstance(value, (bool, str)) else value
