"""A trigger that waits until an invited user is pending no more."""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from zoom_provider.exceptions import ZoomError, ZoomNotFoundError

if TYPE_CHECKING:
    from zoom_provider.api.client import ZoomClient

_T = TypeVar("_T")

_FAILURE_BUDGET: Final = 12
"""Polls in a row that may fail before the worker looks, whose error then fails the task."""


class ZoomUserActivatedTrigger(BaseTrigger):
    """
    Poll a pending user until the worker should look again.

    The event says why, and nothing about the user: ``changed`` (pending no more: active, removed,
    or the invitation has expired), ``look``, ``deadline`` or ``failing``. The worker reads the
    user itself and decides. The trigger only reads; it makes its client from the connection where
    it runs. With the grant ``refresh_token`` it polls nothing and lets the worker look after each
    interval: a token that is renewed here could not be kept for the next worker.

    :param user: the e-mail address
    :param zoom_conn_id: a connection of type ``zoom``
    :param deadline: when to stop waiting, in seconds since 1970, whatever restarts in between
    :param poll_interval: seconds between two polls
    """

    def __init__(
        self, *, user: str, zoom_conn_id: str, deadline: float, poll_interval: float
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's has no types
        self.user = user
        self.zoom_conn_id = zoom_conn_id
        self.deadline = deadline
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of this class and its arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "user": self.user,
                "zoom_conn_id": self.zoom_conn_id,
                "deadline": self.deadline,
                "poll_interval": self.poll_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until there is a reason to look again."""
        yield TriggerEvent({"reason": await self._wait()})

    async def _wait(self) -> str:
        failures = 0
        client: ZoomClient | None = None
        try:
            while True:
                try:
                    client = client or await self._make_client()
                    if client.settings.grant_type == "refresh_token":
                        await sleep(self._pause())
                        return "look"
                    if not await _in_thread(self._is_pending, client):
                        return "changed"
                    failures = 0
                except Exception as error:
                    failures += 1
                    self.log.warning("Poll %d failed: %s", failures, _describe(error))
                    if failures >= _FAILURE_BUDGET:
                        return "failing"
                if self._pause() <= 0:
                    return "deadline"
                await sleep(self._pause())
        finally:
            if client is not None:
                client.close()

    def _pause(self) -> float:
        return max(0.0, min(self.poll_interval, self.deadline - time.time()))

    async def _make_client(self) -> ZoomClient:
        from airflow.providers.common.compat.connection import get_async_connection

        connection = await get_async_connection(self.zoom_conn_id)
        return await _in_thread(_build_client, connection)

    def _is_pending(self, client: ZoomClient) -> bool:
        try:
            return client.get_user(self.user).get("status") == "pending"
        except ZoomNotFoundError:
            return False


async def _in_thread(function: Callable[..., _T], *args: Any) -> _T:
    """Run what blocks in a thread; Airflow's supervisor is reached from asgiref's threads only."""
    from asgiref.sync import sync_to_async

    return await sync_to_async(function, thread_sensitive=False)(*args)


def _build_client(connection: Any) -> ZoomClient:
    from zoom_provider.hooks.zoom import build_client

    return build_client(connection, retry=False)


def _describe(error: Exception) -> str:
    """Return an error's text, or its kind where the text is not ours and may hold anything."""
    return str(error) if isinstance(error, ZoomError) else type(error).__name__
