"""Access tokens of this process, and one request at a time for each of them."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from zoom_provider.api.stop import POLL_INTERVAL
from zoom_provider.exceptions import ZoomError, ZoomStoppedError, ZoomUnavailableError


@dataclass(frozen=True, slots=True)
class Token:
    """
    An access token.

    :param value: the token
    :param renew_at: on the clock of the cache, when to ask for another
    :param scopes: the scopes that Zoom granted, where its reply names them
    """

    value: str = field(repr=False)
    renew_at: float
    scopes: frozenset[str] = frozenset()


class _TokenRequest:
    """
    A request for a token that is under way.

    :param max_wait: seconds that it may take with all its retries
    """

    def __init__(self, max_wait: float) -> None:
        self.max_wait = max_wait
        self.done = threading.Event()
        self.token: Token | None = None
        self.error: ZoomError | None = None


class TokenCache:
    """
    Tokens by credentials, for all clients in this process; one request at a time for each.

    Callers that need a token while one is being asked for wait for that request and share what
    comes of it, its failure too: many callers with a patience each would otherwise add up to
    hours. A later caller asks again.

    The key is a digest of the credentials and not the connection's id, since Airflow's Test
    button tries a connection under a random one.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._requests: dict[str, _TokenRequest] = {}
        self._guard = threading.Lock()

    def get(
        self,
        key: str,
        now: Callable[[], float],
        fetch: Callable[[], Token],
        *,
        max_wait: float = math.inf,
        grace: float = 0.0,
        raise_if_stopped: Callable[[], None] = lambda: None,
    ) -> Token:
        """
        Return the token under ``key``; fetch one where there is none or it is due.

        :param now: seconds that only grow
        :param fetch: asks for a token, within ``max_wait``
        :param max_wait: seconds that a fetch with all its retries, or the wait for another
            caller's, may take
        :param grace: seconds of one request, by which a wait may be longer than ``max_wait``
        :param raise_if_stopped: called during a wait for another caller's fetch; raises to end it
        :raises ZoomError: what kept the token away, ours or another caller's
        """
        until = now() + max_wait + grace
        while True:
            with self._guard:
                token = self._tokens.get(key)
                if token is not None and now() < token.renew_at:
                    return token
                request = self._requests.get(key)
                if request is None:
                    mine = self._requests[key] = _TokenRequest(max_wait)
            if request is None:
                return self._fetch(key, mine, fetch)
            while not request.done.wait(POLL_INTERVAL):
                raise_if_stopped()
                if now() >= until:
                    raise ZoomUnavailableError(
                        "Another call asks for an access token and had no answer within max_wait."
                    )
            if request.token is not None:
                return request.token
            error = request.error
            # A caller that was stopped, or had far less time than this one, speaks for itself
            # alone. "Far": otherwise callers whose patience differs a little would queue up.
            hasty = max_wait > 2 * request.max_wait
            if error is not None and not (hasty and error.remedy == "retry"):
                raise copy.copy(error)
            raise_if_stopped()

    def _fetch(self, key: str, request: _TokenRequest, fetch: Callable[[], Token]) -> Token:
        try:
            token = request.token = self._tokens[key] = fetch()
        except ZoomStoppedError:
            raise
        except ZoomError as error:
            request.error = copy.copy(error)
            raise
        finally:
            with self._guard:
                self._requests.pop(key, None)
            request.done.set()
        return token

    def discard(self, key: str, token: Token) -> None:
        """Forget a token, unless another thread has replaced it already."""
        with self._guard:
            if self._tokens.get(key) is token:
                del self._tokens[key]
