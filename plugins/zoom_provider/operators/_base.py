"""Base class of the operators: hook, stop signal, errors, deferral."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from zoom_provider.assets import ZOOM_USERS
from zoom_provider.exceptions import ZoomDailyLimitError, ZoomError
from zoom_provider.operators._templating import (
    is_nothing,
    parse_and_mask_passwords,
    parse_people,
    password_column,
    redact_passwords,
    require_parsed,
)

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from zoom_provider.api.transport import StopSignal
    from zoom_provider.hooks.zoom import ZoomHook


class ZoomBaseOperator(BaseOperator):
    """
    An operator that calls Zoom.

    Subclasses set ``zoom_conn_id`` and ``deferrable``, template fields. Those of their template
    fields that hold people are ``people_fields``: what a DAG's author writes there is rendered.
    What a template renders to, and what arrives from upstream, is data: it is parsed and never
    rendered again.
    """

    zoom_conn_id: str
    deferrable: bool | str
    people_fields: ClassVar[tuple[str, ...]] = ()
    optional_fields: ClassVar[tuple[str, ...]] = ()
    """Those of them that may be None, as a template of nothing renders it."""
    masked_name: ClassVar[str | None] = None
    """A field among them that is a secret besides the password."""
    ui_color = "#d7e6ff"

    @cached_property
    def stop(self) -> StopSignal:
        """What ends all waits of the task."""
        from zoom_provider.api.transport import StopSignal

        return StopSignal()

    @cached_property
    def hook(self) -> ZoomHook:
        """The hook of the connection ``zoom_conn_id``."""
        from zoom_provider.hooks.zoom import ZoomHook

        return ZoomHook(self.zoom_conn_id, stop=self.stop)

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
        if parent is self:
            column = password_column(getattr(self, "mapping", None)) or self.masked_name
            for name in self.people_fields:
                if name in self.optional_fields and is_nothing(getattr(self, name)):
                    setattr(self, name, None)
                people = parse_and_mask_passwords(getattr(self, name), column)
                # The attribute is what Airflow stores; the task works with what was given.
                shown = redact_passwords(people, column)
                setattr(self, name, shown)
                self.__dict__[f"_given_{name}"] = (shown, people)

    def get_people(self, name: str) -> Any:
        """
        Return a field that holds people, passwords included.

        :raises ZoomValidationError: it is a text that could not be parsed
        """
        value = getattr(self, name)
        shown, people = self.__dict__.get(f"_given_{name}", (None, None))
        return require_parsed(
            parse_people(people if value is shown and value is not None else value), name
        )

    def on_kill(self) -> None:
        """
        Stop the task: nothing new is sent to Zoom from now on.

        Airflow calls this inside a signal handler of the main thread, which may hold the lock of a
        log, a store or a queue just then. So nothing is done here but to set the signal, which
        takes no lock; what is under way is saved by ``execute`` itself. It may come before
        ``execute`` has begun, while fields are rendered.
        """
        self.__dict__["_is_killed"] = True
        stop = self.__dict__.get("stop")
        if stop is not None:
            stop.set()

    @contextmanager
    def fail_fast_on_permanent_errors(self) -> Iterator[None]:
        """
        Turn an error that no retry can cure into one that Airflow does not retry.

        A ``retry_policy`` (Airflow 3.3+) decides by exception class and never sees
        AirflowFailException, so with one the error rises as it is.
        """
        stop = self.stop  # made before on_kill may ask for it
        if self.__dict__.get("_is_killed"):
            stop.set()
        try:
            yield
        except ZoomError as error:
            # A line of its own: Airflow's pages cut off what stands above a traceback.
            self.log.error("%s", error)
            if error.remedy == "retry" or getattr(self, "retry_policy", None) is not None:
                raise
            then = ""
            if isinstance(error, ZoomDailyLimitError):
                then = " Run the task again then, or set deferrable=True."
            raise AirflowFailException(f"{error}{then}") from error

    def defer_until_reset(
        self, error: ZoomDailyLimitError, kwargs: dict[str, Any] | None = None
    ) -> NoReturn:
        """
        Free the worker until the quota is renewed; ``execute_complete`` goes on then.

        :param kwargs: what travels along; it holds no person's data
        """
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        self.log.info("%s Waiting for it without a worker.", error)
        self.defer(
            trigger=DateTimeTrigger(moment=error.reset_at),
            method_name="execute_complete",
            kwargs=kwargs,
        )

    def set_asset_event_extra(self, context: Context, extra: dict[str, Any]) -> None:
        """Put counts into the event of the account's users, where that is an outlet."""
        if ZOOM_USERS in self.outlets:
            events: Any = context["outlet_events"]
            events[ZOOM_USERS].extra = extra

    def call_or_defer(self, run: Callable[[], Any], **kwargs: Any) -> Any:
        """
        Make the calls; at the daily limit wait for its reset without a worker, if wanted.

        :param kwargs: what ``execute_complete`` goes on with
        """
        from zoom_provider.provisioning.user_options import parse_boolean

        deferrable = parse_boolean("deferrable", self.deferrable)
        try:
            return run()
        except ZoomDailyLimitError as error:
            if deferrable:
                self.defer_until_reset(error, kwargs)
            raise

    def finish(
        self, context: Context, user: Mapping[str, Any], outcome: str, **details: Any
    ) -> dict[str, Any]:
        """Log what became of one user, put it into the asset's event and return it."""
        named = {name: user.get(name) for name in ("id", "email")}
        result: dict[str, Any] = {**named, "outcome": str(outcome), **details}
        self.set_asset_event_extra(context, {"outcomes": {result["outcome"]: 1}})
        changed = ", ".join(result.get("changed", ()))
        self.log.info(
            "%s: %s%s", result["email"], result["outcome"], f" ({changed})" if changed else ""
        )
        return result
