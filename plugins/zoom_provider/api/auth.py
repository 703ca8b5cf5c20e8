"""The OAuth grants and the token cache."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import requests
from requests.auth import AuthBase

from zoom_provider.api.errors import InvalidClientError, build_token_error
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.stop import StopSignal
from zoom_provider.api.token_cache import Token, TokenCache
from zoom_provider.api.transport import (
    Credentials,
    SendResult,
    Transport,
    TransportError,
    build_unavailable_error,
)
from zoom_provider.exceptions import ZoomAuthError, ZoomStoppedError

log = logging.getLogger(__name__)

_MAX_RENEWAL_MARGIN: Final = 60.0
"""Seconds before its end at which a token is renewed; a tenth of its life if that is less."""

_DEFAULT_LIFETIME: Final = 3600.0
"""Seconds that a token lives where Zoom does not say."""

_RACE_TIMEOUT: Final = 10.0
"""Seconds for which the loser of a race for a refresh token looks for the winner's."""

_SCOPES_TO_CREATE: Final = (
    ("user:write:user:admin", "user:write:admin", "user:write"),
    ("user:read:user:admin", "user:read:admin", "user:read", "user:write:admin", "user:write"),
)
"""Scopes for creating and looking up; any of a line does, the granular one first."""

_POLL_SECONDS: Final = 0.5
_SAVE_TRIES: Final = 3


class TokenStore(Protocol):
    """
    Where all workers find the tokens of a grant whose refresh token Zoom rotates.

    A key is the digest of something secret: the tokens may be encrypted by it, if it is not shown.
    """

    def load(self, key: str) -> Mapping[str, Any] | None:
        """Return what was saved last under ``key``."""

    def save(self, key: str, tokens: Mapping[str, Any]) -> None:
        """Replace what is saved under ``key``: a JSON object of a few hundred bytes."""


_CACHE: Final = TokenCache()


class Bearer(AuthBase):
    """Puts an access token on a request."""

    def __init__(self, token: Token) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Authorize one request."""
        request.headers["Authorization"] = f"Bearer {self.token.value}"
        return request


def build_expired_token_error(**facts: Any) -> ZoomAuthError:
    """Make the error for a connection's own access token that Zoom refuses; none replaces it."""
    return ZoomAuthError(
        "Zoom does not accept the connection's access token (any more): it lives for an hour. "
        "Put a fresh one into the connection, or use a grant that renews it.",
        **facts,
    )


def missing_scopes(token: Token) -> list[str]:
    """Return the scopes for creating users that a token lacks, where Zoom says which it has."""
    return [
        wanted
        for wanted, *others in _SCOPES_TO_CREATE
        if token.scopes and token.scopes.isdisjoint((wanted, *others))
    ]


def request_token(
    transport: Transport, settings: ZoomSettings, form: Mapping[str, str], max_wait: float
) -> dict[str, Any]:
    """
    Ask the token endpoint; parameters go in the form body, credentials as Basic auth.

    :param form: of the grant
    :param max_wait: seconds that all retries together may take
    :return: the reply's JSON object, which has an ``access_token``
    :raises ZoomError: Zoom gives none
    """

    def send(credentials: Credentials) -> SendResult:
        return transport.send("POST", settings.token_url, auth=credentials, data=form)

    got, _ = transport.request_with_retries(
        send,
        authorize=lambda seconds: (settings.client_id, settings.client_secret),
        max_wait=max_wait,
    )
    if isinstance(got, TransportError):
        raise build_unavailable_error(got, "the request for an access token")
    token = got.payload.get("access_token")
    if not got.ok or not isinstance(token, str) or not token:
        raise build_token_error(got, now=datetime.now(UTC))
    return got.payload


class ZoomAuth:
    """
    Keeps an access token that Zoom should accept.

    :param settings: whose token, by which grant
    :param request_token: posts a form to the token endpoint and returns its JSON object, or
        raises; may take so many seconds with all retries
    :param on_secret: told every token the moment it arrives, so that it can be masked in logs
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
        self._grant = _grant_digest(settings)
        self._request_token = request_token
        self._on_secret = on_secret
        self._cache = _CACHE if cache is None else cache
        self._store = store
        self._clock = clock
        self._now = now
        self._stop = stop or StopSignal()
        self._pause = pause
        self._rejected_token = ""

    def token(self, max_wait: float | None = None) -> Token:
        """
        Return the present token; ask for one where there is none or it is due.

        :param max_wait: seconds that asking may take with all retries, instead of the settings'
        :raises ZoomAuthError: Zoom gives none
        """
        settings = self._settings
        max_wait = settings.max_wait if max_wait is None else max_wait
        return self._cache.get(
            self._key,
            self._clock,
            lambda: self._fetch(max_wait),
            max_wait=max_wait,
            grace=settings.connect_timeout + settings.timeout,
            raise_if_stopped=self._stop.raise_if_set,
        )

    def invalidate(self, token: Token) -> None:
        """Forget a token that Zoom refused."""
        self._rejected_token = token.value
        self._cache.discard(self._key, token)

    def _fetch(self, max_wait: float) -> Token:
        settings = self._settings
        if settings.grant_type == "access_token":
            if settings.access_token == self._rejected_token:
                raise build_expired_token_error()
            self._on_secret(settings.access_token)
            return Token(settings.access_token, renew_at=float("inf"))
        if settings.grant_type == "refresh_token":
            return self._refresh(max_wait)
        form = {"grant_type": "account_credentials", "account_id": settings.account_id}
        return self._request(form, max_wait)[0]

    def _request(self, form: Mapping[str, str], max_wait: float) -> tuple[Token, dict[str, Any]]:
        """Ask the token endpoint; a token's age counts from the request, not from the reply."""
        requested_at = self._clock()
        payload = self._request_token(form, max_wait)
        for name in ("access_token", "refresh_token"):
            if payload.get(name):
                self._on_secret(str(payload[name]))
        life = _parse_lifetime(payload)
        scopes = frozenset(str(payload.get("scope") or "").split())
        return Token(
            payload["access_token"], requested_at + life - _renewal_margin(life), scopes
        ), payload

    def _refresh(self, max_wait: float) -> Token:
        """
        Use the access token that another worker got, or spend the newest refresh token.

        Zoom takes each refresh token once. Who comes second finds it used up, and looks for what
        the first one saved.
        """
        if self._store is None:
            raise ZoomAuthError(
                "A refresh token is spent inside a task only, where the next one can be stored: "
                "outside of one, such as by the Test button, this connection is not tried."
            )
        saved = self._load_saved()
        token = self._parse_saved(saved)
        if token is not None:
            return token
        spent = str(saved.get("refresh_token") or self._settings.refresh_token)
        try:
            form = {"grant_type": "refresh_token", "refresh_token": spent}
            token, payload = self._request(form, max_wait)
        except InvalidClientError:
            # It says nothing about the refresh token, which is still good.
            raise
        except ZoomAuthError as error:
            token = self._wait_for_other_worker()
            if token is None:
                raise ZoomAuthError(
                    "The refresh token has been used, replaced or revoked, so the grant is dead. "
                    "Authorise the app again and put the new refresh token into the connection.",
                    code=error.code,
                    status=error.status,
                    tracking_id=error.tracking_id,
                    remedy="human",
                ) from None
            return token
        self._save(
            {
                "refresh_token": payload.get("refresh_token") or spent,
                "access_token": token.value,
                "renew_at": self._now() + token.renew_at - self._clock(),
            }
        )
        return token

    def _load_saved(self) -> Mapping[str, Any]:
        # Earlier versions saved under the digest of all credentials: the next save moves it.
        keys = (self._grant, self._key) if self._store is not None else ()
        saved = next(filter(None, (self._store.load(key) for key in keys if self._store)), {})
        for name in ("access_token", "refresh_token"):
            if saved.get(name):
                self._on_secret(str(saved[name]))
        return saved

    def _parse_saved(self, saved: Mapping[str, Any]) -> Token | None:
        value, renew_at = saved.get("access_token"), saved.get("renew_at")
        if not isinstance(value, str) or not isinstance(renew_at, (int, float)):
            return None
        left = renew_at - self._now()
        if value == self._rejected_token or left <= 0:
            return None
        return Token(value, self._clock() + left)

    def _wait_for_other_worker(self) -> Token | None:
        """Wait for the tokens of whoever spent the refresh token before us."""
        until = self._clock() + _RACE_TIMEOUT
        while True:
            token = self._parse_saved(self._load_saved())
            if token is not None or self._clock() >= until:
                return token
            self._pause(_POLL_SECONDS)

    def _save(self, tokens: Mapping[str, Any]) -> None:
        """
        Save the only copy of the next refresh token, and be stubborn about it.

        A stop ends the waits between the tries and not the tries: the token would be lost.
        """
        for left in reversed(range(_SAVE_TRIES)):
            try:
                if self._store is not None:
                    self._store.save(self._grant, tokens)
                return
            except Exception:
                if not left:
                    log.exception(
                        "Zoom's next refresh token could not be stored. This task goes on, but "
                        "the grant ends with its access token: authorise the app again."
                    )
                    return
                with suppress(ZoomStoppedError):
                    self._pause(_POLL_SECONDS)


def _parse_lifetime(payload: Mapping[str, Any]) -> float:
    try:
        life = float(payload.get("expires_in", _DEFAULT_LIFETIME))
    except (TypeError, ValueError):
        return _DEFAULT_LIFETIME
    return life if math.isfinite(life) else _DEFAULT_LIFETIME


def _renewal_margin(life: float) -> float:
    return min(_MAX_RENEWAL_MARGIN, life / 10)


def _grant_digest(settings: ZoomSettings) -> str:
    """
    Name a grant of the kind ``refresh_token`` for the store, and give it a key to encrypt with.

    The Client Secret has no part in it, since it is rotated and the grant lives on: under a
    digest with the secret, the only copy of the next refresh token would be lost. The refresh
    token in the connection is what stays: it belongs to one account, is as good as random, is
    kept encrypted and masked by Airflow, and is worth nothing at Zoom once it was used. So the
    digest cannot be guessed from the store, and a new authorisation, whose token goes into the
    connection, starts afresh. Neither does an ``account_id`` that is added later lose the grant.
    """
    parts = ("grant", settings.token_url, settings.client_id, settings.refresh_token)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


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
