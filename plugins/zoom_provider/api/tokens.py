"""The token endpoint: a form in, an access token out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from zoom_provider.api.errors import build_token_error
from zoom_provider.api.network_errors import TransportError
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.transport import Transport, build_unavailable_error

_MAX_RENEWAL_MARGIN: Final = 60.0
"""Seconds before its end at which a token is renewed; a tenth of its lifetime if that is less."""

_DEFAULT_LIFETIME: Final = 3600.0
"""Seconds that a token lives where Zoom does not say."""

_SCOPES_TO_CREATE: Final = (
    ("user:write:user:admin", "user:write:admin", "user:write"),
    ("user:read:user:admin", "user:read:admin", "user:read", "user:write:admin", "user:write"),
)
"""Scopes for creating and looking up; any of a line does, the granular one first."""


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
    result, _ = transport.request_with_retries(
        "POST",
        settings.token_url,
        authorize=lambda seconds: (settings.client_id, settings.client_secret),
        data=form,
        max_wait=max_wait,
    )
    if isinstance(result, TransportError):
        raise build_unavailable_error(result, "the request for an access token")
    token = result.payload.get("access_token")
    if not result.ok or not isinstance(token, str) or not token:
        raise build_token_error(result, now=datetime.now(UTC))
    return result.payload


def parse_token(payload: Mapping[str, Any], requested_at: float) -> Token:
    """
    Read the token endpoint's reply.

    :param requested_at: when the request was made: a token's age counts from there
    """
    lifetime = _parse_lifetime(payload)
    margin = min(_MAX_RENEWAL_MARGIN, lifetime / 10)
    scopes = frozenset(str(payload.get("scope") or "").split())
    return Token(payload["access_token"], requested_at + lifetime - margin, scopes)


def _parse_lifetime(payload: Mapping[str, Any]) -> float:
    try:
        lifetime = float(payload.get("expires_in", _DEFAULT_LIFETIME))
    except (TypeError, ValueError):
        return _DEFAULT_LIFETIME
    return lifetime if math.isfinite(lifetime) else _DEFAULT_LIFETIME


def missing_scopes(token: Token) -> list[str]:
    """Return the scopes for creating users that a token lacks, where Zoom says which it has."""
    return [
        wanted
        for wanted, *others in _SCOPES_TO_CREATE
        if token.scopes and token.scopes.isdisjoint((wanted, *others))
    ]
