"""The OAuth grants and the token cache."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import requests
from requests.auth import AuthBase

from zoom_provider.api.settings import ZoomSettings

_MARGIN: Final = 60.0
"""Seconds before its end at which a token is renewed; a tenth of its life if that is less."""


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

    @classmethod
    def of(cls, payload: dict[str, Any], asked_at: float) -> Token:
        """Read the token endpoint's reply; the age counts from the request, not the reply."""
        try:
            life = float(payload.get("expires_in", 3600))
        except (TypeError, ValueError):
            life = 3600.0
        return cls(
            value=str(payload["access_token"]),
            renew_at=asked_at + life - min(_MARGIN, life / 10),
            scopes=frozenset(str(payload.get("scope") or "").split()),
        )


class TokenCache:
    """
    Tokens by credentials, for all clients in this process; one request at a time for each.

    The key is a digest of the credentials and not the connection's id, since Airflow's Test
    button tries a connection under a random one.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, key: str, now: Callable[[], float], fetch: Callable[[], Token]) -> Token:
        """Return the token under ``key``; fetch one where there is none or it is due."""
        token = self._tokens.get(key)
        if token is not None and now() < token.renew_at:
            return token
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            token = self._tokens.get(key)
            if token is None or now() >= token.renew_at:
                token = self._tokens[key] = fetch()
        return token

    def drop(self, key: str, token: Token) -> None:
        """Forget a token, unless another thread has replaced it already."""
        with self._guard:
            if self._tokens.get(key) is token:
                del self._tokens[key]


_CACHE: Final = TokenCache()


class Bearer(AuthBase):
    """Puts an access token on a request."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Authorize one request."""
        request.headers["Authorization"] = f"Bearer {self._token.value}"
        return request


class ZoomAuth:
    """
    Keeps an access token that Zoom should accept.

    :param settings: whose token
    :param fetch: asks the token endpoint and returns its JSON object
    :param on_secret: told every token the moment it arrives, so that it can be masked in logs
    :param cache: by default one for the whole process
    :param clock: seconds that only grow
    """

    def __init__(
        self,
        settings: ZoomSettings,
        fetch: Callable[[], dict[str, Any]],
        *,
        on_secret: Callable[[str], None] = lambda secret: None,
        cache: TokenCache | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = _digest(settings)
        self._fetch = fetch
        self._on_secret = on_secret
        self._cache = _CACHE if cache is None else cache
        self._clock = clock

    def token(self) -> Token:
        """Return the present token; ask for one where there is none or it is due."""
        return self._cache.get(self._key, self._clock, self._fetched)

    def refused(self, token: Token) -> None:
        """Forget a token that Zoom refused."""
        self._cache.drop(self._key, token)

    def _fetched(self) -> Token:
        asked_at = self._clock()
        payload = self._fetch()
        for name in ("access_token", "refresh_token"):
            if payload.get(name):
                self._on_secret(str(payload[name]))
        return Token.of(payload, asked_at)


def _digest(settings: ZoomSettings) -> str:
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
