"""The grant ``refresh_token``, whose token Zoom replaces at each use: all workers share a store."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from zoom_provider.api.errors import InvalidClientError
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.tokens import Token
from zoom_provider.exceptions import ZoomAuthError, ZoomStoppedError

log = logging.getLogger(__name__)

_RACE_TIMEOUT: Final = 10.0
"""Seconds for which the loser of a race for a refresh token looks for the winner's."""
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


class RefreshTokenGrant:
    """
    Gets an access token for a refresh token, which Zoom accepts once.

    :param settings: with the first refresh token
    :param request: asks the token endpoint by a form, within so many seconds
    :param store: without one, no refresh token is spent
    :param legacy_key: under which earlier versions saved: the next save moves it
    :param on_secret: called with every token that is loaded
    :param clock: seconds that only grow
    :param now: seconds since 1970, as other machines count them too
    :param pause: waits for seconds; raises ZoomStoppedError once the task must stop
    """

    def __init__(
        self,
        settings: ZoomSettings,
        request: Callable[[Mapping[str, str], float], tuple[Token, dict[str, Any]]],
        *,
        store: TokenStore | None,
        legacy_key: str,
        on_secret: Callable[[str], None],
        clock: Callable[[], float],
        now: Callable[[], float],
        pause: Callable[[float], None],
    ) -> None:
        self._settings = settings
        self._request = request
        self._store = store
        self._key = _grant_digest(settings)
        self._legacy_key = legacy_key
        self._on_secret = on_secret
        self._clock = clock
        self._now = now
        self._pause = pause

    def fetch(self, max_wait: float, rejected: str) -> Token:
        """
        Use the access token that another worker got, or spend the newest refresh token.

        A worker that comes second finds the refresh token spent, and looks for what the first one
        saved.

        :param max_wait: seconds that a request may take with all retries
        :param rejected: the access token that Zoom has rejected
        """
        if self._store is None:
            raise ZoomAuthError(
                "A refresh token is spent inside a task only, where the next one can be stored: "
                "outside of one, such as by the Test button, this connection is not tried."
            )
        saved = self._load_saved()
        token = self._parse_saved(saved, rejected)
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
            token = self._wait_for_other_worker(rejected)
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
        store = self._store
        keys = (self._key, self._legacy_key) if store is not None else ()
        saved = next(filter(None, (store.load(key) for key in keys if store)), {})
        for name in ("access_token", "refresh_token"):
            if saved.get(name):
                self._on_secret(str(saved[name]))
        return saved

    def _parse_saved(self, saved: Mapping[str, Any], rejected: str) -> Token | None:
        value, renew_at = saved.get("access_token"), saved.get("renew_at")
        if not isinstance(value, str) or not isinstance(renew_at, (int, float)):
            return None
        left = renew_at - self._now()
        if value == rejected or left <= 0:
            return None
        return Token(value, self._clock() + left)

    def _wait_for_other_worker(self, rejected: str) -> Token | None:
        """Wait for the tokens of the worker that spent the refresh token before us."""
        until = self._clock() + _RACE_TIMEOUT
        while True:
            token = self._parse_saved(self._load_saved(), rejected)
            if token is not None or self._clock() >= until:
                return token
            self._pause(_POLL_SECONDS)

    def _save(self, tokens: Mapping[str, Any]) -> None:
        """
        Save the only copy of the next refresh token, in several tries.

        A stop ends the waits between the tries and not the tries: the token would be lost.
        """
        for left in reversed(range(_SAVE_TRIES)):
            try:
                if self._store is not None:
                    self._store.save(self._key, tokens)
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


def _grant_digest(settings: ZoomSettings) -> str:
    """
    Name a grant for the store, and give it a key to encrypt with.

    The Client Secret has no part in it, since it is rotated and the grant lives on: under a
    digest with the secret, the only copy of the next refresh token would be lost. The refresh
    token in the connection is what stays: it belongs to one account, is as good as random, is
    kept encrypted and masked by Airflow, and is worth nothing at Zoom once it was used. So the
    digest cannot be guessed from the store, and a new authorisation, whose token goes into the
    connection, starts afresh. Neither does an ``account_id`` that is added later lose the grant.
    """
    parts = ("grant", settings.token_url, settings.client_id, settings.refresh_token)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
