"""Base class of the operators: hook, stop signal, errors, deferral."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from zoom_provider.assets import ZOOM_USERS
from zoom_provider.exceptions import ZoomDailyLimitError, ZoomError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from zoom_provider.api.transport import StopSignal
    from zoom_provider.hooks.zoom import ZoomHook


class ZoomBaseOperator(BaseOperator):
    """
    An operator that calls Zoom.

    Subclasses set ``zoom_conn_id``, a template field, and ``deferrable``.
    """

    zoom_conn_id: str
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
