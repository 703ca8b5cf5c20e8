"""An access token that Zoom accepts: cached for the whole process, renewed by the grant."""

from __future__ import annotations

import copy
import hashlib
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from zoom_provider.api.refresh_token import RefreshTokenGrant, TokenStore
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.tokens import Token, parse_token
from zoom_provider.api.transport import POLL_INTERVAL, Bearer, StopSignal
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomError,
    ZoomStoppedError,
    ZoomUnavailableError,
)


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

    Callers that need a token during a request wait for that request and share its result, its
    failure too: many callers, each with its own wait, would otherwise add up to hours. A later
    caller asks again.

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
        :raises ZoomError: why there is no token: this caller's error, or another's
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
            # alone. "Far": otherwise callers whose max_wait differs a little would queue up.
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

    def discard(self, key: str, value: str) -> None:
        """Forget a token, unless another thread has replaced it already."""
        with self._guard:
            token = self._tokens.get(key)
            if token is not None and token.value == value:
                del self._tokens[key]


_CACHE: Final = TokenCache()


class ZoomAuth:
    """
    Keeps an access token that Zoom should accept.

    :param settings: credentials and grant
    :param request_token: posts a form to the token endpoint and returns its JSON object, or
        raises; may take so many seconds with all retries
    :param on_secret: called with every token the moment it arrives, so that it can be masked
    :param cache: by default one for the whole process
    :param store: for the grant ``refresh_token``; without one, no refresh token is spent
    :param clock: seconds that only grow
    :param now: seconds since 1970, as other machines count them too
    :param stop: ends the wait for another caller's request
    :param pause: waits for seconds; raises ZoomStoppedError once the stop is set
    """

    def __init__(
        self,
        settings: ZoomSettings,
        request_token: Callable[[Mapping[str, str], float], dict[str, Any]],
        *,
        on_secret: Callable[[str], None] = lambda secret: None,
        cache: TokenCache | None = None,
        store: TokenStore | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        stop: StopSignal | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._key = _credentials_digest(settings)
        self._request_token = request_token
        self._on_secret = on_secret
        self._cache = _CACHE if cache is None else cache
        self._clock = clock
        self._stop = stop or StopSignal()
        self._rejected_token = ""
        self._refresh_grant: RefreshTokenGrant | None = None
        if settings.grant_type == "refresh_token":
            self._refresh_grant = RefreshTokenGrant(
                settings,
                self._request,
                store=store,
                legacy_key=self._key,
                on_secret=on_secret,
                clock=clock,
                now=now,
                pause=pause,
            )

    def bearer(self, max_wait: float | None = None) -> Bearer:
        """Return what puts :meth:`token` on a request."""
        return Bearer(self.token(max_wait).value)

    def token(self, max_wait: float | None = None) -> Token:
        """
        Return the present token; ask for one where there is none or it is due.

        :param max_wait: seconds that a request may take with all retries, instead of the settings'
        :raises ZoomAuthError: Zoom gives none
        """
        settings = self._settings
        seconds = settings.max_wait if max_wait is None else max_wait
        return self._cache.get(
            self._key,
            self._clock,
            lambda: self._fetch(seconds),
            max_wait=seconds,
            grace=settings.connect_timeout + settings.timeout,
            raise_if_stopped=self._stop.raise_if_set,
        )

    def invalidate(self, value: str) -> None:
        """Forget a token that Zoom has rejected."""
        self._rejected_token = value
        self._cache.discard(self._key, value)

    def _fetch(self, max_wait: float) -> Token:
        settings = self._settings
        if settings.grant_type == "access_token":
            if settings.access_token == self._rejected_token:
                raise build_expired_token_error()
            self._on_secret(settings.access_token)
            return Token(settings.access_token, renew_at=float("inf"))
        if self._refresh_grant is not None:
            return self._refresh_grant.fetch(max_wait, self._rejected_token)
        form = {"grant_type": "account_credentials", "account_id": settings.account_id}
        return self._request(form, max_wait)[0]

    def _request(self, form: Mapping[str, str], max_wait: float) -> tuple[Token, dict[str, Any]]:
        requested_at = self._clock()
        payload = self._request_token(form, max_wait)
        for name in ("access_token", "refresh_token"):
            if payload.get(name):
                self._on_secret(str(payload[name]))
        return parse_token(payload, requested_at), payload


def build_expired_token_error(**facts: Any) -> ZoomAuthError:
    """Build the error for a connection's own access token that Zoom rejects; none replaces it."""
    return ZoomAuthError(
        "Zoom does not accept the connection's access token (any more): it lives for an hour. "
        "Put a fresh one into the connection, or use a grant that renews it.",
        **facts,
    )


def _credentials_digest(settings: ZoomSettings) -> str:
    """Name the credentials without showing them, for the cache of this process."""
    parts = (
        settings.token_url,
        settings.grant_type,
        settings.client_id,
        settings.client_secret,
        settings.account_id,
        settings.access_token,
        settings.refresh_token,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
