"""Settle a call whose reply was lost by looking, never by repeating it blindly."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from zoom_provider.api.client import LostReplyError, ZoomClient
from zoom_provider.exceptions import ZoomError, ZoomStoppedError

log = logging.getLogger(__name__)

LOOKS: Final = (1.0, 2.0, 5.0)
"""Seconds between looks, at about 1, 3 and 8 seconds after the reply was lost."""


def call_once(client: ZoomClient, send: Callable[[], None], is_done: Callable[[], bool]) -> None:
    """
    Make a call that loses data where it is repeated blindly.

    After a lost reply Zoom is asked for the state. Where nothing has happened, the call is made
    once more; what it comes to then is settled in the same way.

    :param is_done: reads from Zoom whether the call has had its effect
    :raises LostReplyError: no reply came twice, and the call has had no effect so far
    """
    try:
        send()
        return
    except LostReplyError as lost:
        log.warning("%s Looking whether Zoom has acted.", lost)
    if has_happened(client, is_done):
        return
    try:
        send()
    except ZoomStoppedError:
        raise
    except ZoomError as error:
        # Also a refusal: the first call may have had its effect in the meantime.
        looks = LOOKS if isinstance(error, LostReplyError) else LOOKS[:1]
        if not has_happened(client, is_done, looks):
            raise


def has_happened(
    client: ZoomClient, is_done: Callable[[], bool], looks: tuple[float, ...] = LOOKS
) -> bool:
    """Look several times whether a call has had its effect, which may take a moment."""
    for pause in looks:
        client.pause(pause)
        if is_done():
            return True
    return False
