"""BaseClient: the one private method that every call to Zoom's API goes through."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import requests

from zoom_provider.api.auth import TokenCache, ZoomAuth, build_expired_token_error
from zoom_provider.api.errors import build_error, error_scope
from zoom_provider.api.network_errors import TransportError
from zoom_provider.api.paging import Page, read_pages
from zoom_provider.api.rate_limit import Label, LimitedCall, RateLimits
from zoom_provider.api.refresh_token import TokenStore
from zoom_provider.api.response import Reply
from zoom_provider.api.retry import may_have_acted
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.tokens import request_token
from zoom_provider.api.transport import (
    Bearer,
    Credentials,
    SendResult,
    StopSignal,
    Transport,
    build_unavailable_error,
)
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomError,
    ZoomUnavailableError,
    ZoomValidationError,
)
from zoom_provider.models.validation import sanitize_for_log

MAX_NAME_LENGTH: Final = 128
"""Characters of an address; what is longer is cut in an error's text."""


class LostReplyError(ZoomUnavailableError):
    """Zoom may have acted on a call that must not be made twice."""


class BaseClient:
    """
    Calls Zoom as the settings say; safe for several threads.

    A group of calls (``/users``, ``/groups``, ...) is a subclass in a file of its own, whose
    methods are one :meth:`_request` each; :class:`~zoom_provider.api.client.ZoomClient` has them
    all. Every method may raise any :class:`ZoomError`; those it adds are named with it.

    :param settings: where to call, with which credentials and plan
    :param session: one for all calls; made when not given
    :param on_secret: called with every token the moment it arrives, so that it can be masked
    :param retry: False makes each call once and waits for nothing
    :param tokens: where tokens are kept; by default one cache for the whole process
    :param store: where all workers find rotated tokens, for the grant ``refresh_token``
    :param clock: seconds that only grow
    :param stop: once it is set, no request is sent and every wait ends in ZoomStoppedError;
        requests under way are left to end
    :param sleep: waits for seconds in place of the signal's own wait, for tests
    """

    def __init__(
        self,
        settings: ZoomSettings,
        *,
        session: requests.Session | None = None,
        on_secret: Callable[[str], None] = lambda secret: None,
        retry: bool = True,
        tokens: TokenCache | None = None,
        store: TokenStore | None = None,
        clock: Callable[[], float] = time.monotonic,
        stop: StopSignal | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.stop = stop or StopSignal()
        self._transport = Transport(
            settings, session=session, retry=retry, clock=clock, stop=self.stop, sleep=sleep
        )
        self._limits = RateLimits(settings, clock)
        self.quota = self._limits.quota
        self.auth = ZoomAuth(
            settings,
            partial(request_token, self._transport, settings),
            on_secret=on_secret,
            cache=tokens,
            store=store,
            clock=clock,
            stop=self.stop,
            pause=self.pause,
        )

    def _request(
        self,
        method: str,
        path: str,
        path_params: Mapping[str, str] | None = None,
        *,
        scope: str,
        user: str | None = None,
        label: Label = "light",
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        idempotent: bool = True,
        retried_404_ok: bool = False,
        max_wait: float | None = None,
    ) -> Reply:
        """
        Call Zoom's API until it is done, refused, or not worth another try.

        :param path: below ``/v2``, with names in braces for what stands in ``path_params``: so it
            is fit for error texts, which hold no id and no address
        :param path_params: ids or addresses by those names; none can lead to another URL
        :param scope: the granular scope that the call needs, for an error's text
        :param user: the address or id that the call is about, for the same; by default the
            ``user`` of ``path_params``
        :param label: which of Zoom's rate limits the call counts against
        :param idempotent: False where a second call could do harm; LostReplyError says then that
            Zoom may have acted on the first
        :param retried_404_ok: a 404 after a lost reply means that the first call came through
        :param max_wait: instead of the settings', in seconds
        """
        path_params = path_params or {}
        user = user or path_params.get("user")
        creates = (user or "") if (json or {}).get("action") == "create" else ""
        result, uncertain = self._transport.request_with_retries(
            method,
            f"{self.settings.origin}/v2{build_path(path, path_params)}",
            params=params,
            json=json,
            authorize=self.auth.bearer,
            on_rejected=self._on_rejected,
            limits=LimitedCall(self._limits, label, creates, partial(self._probe, creates)),
            idempotent=idempotent,
            max_wait=max_wait,
        )
        if isinstance(result, Reply) and (
            result.ok or (retried_404_ok and uncertain and result.status == 404 and result.code)
        ):
            return result
        error = self._error(
            result, f"{method} /v2{path}", scope, (json or {}).get("user_info", json)
        )
        if not idempotent and may_have_acted(
            result.kind if isinstance(result, TransportError) else result
        ):
            error = LostReplyError(
                str(error.args[0]), status=error.status, tracking_id=error.tracking_id
            )
        # What meets all users alike must not look like the fault of one.
        if user and error_scope(error) != "account":
            error.email = sanitize_for_log(user, MAX_NAME_LENGTH)
        raise error

    def _on_rejected(self, credentials: Credentials) -> None:
        if isinstance(credentials, Bearer):
            self.auth.invalidate(credentials.value)

    def _pages(
        self,
        path: str,
        path_params: Mapping[str, str] | None = None,
        *,
        key: str,
        what: str,
        scope: str,
        params: Mapping[str, str] | None = None,
    ) -> Iterator[Page]:
        """Yield a list by pages, see :func:`~zoom_provider.api.paging.read_pages`."""

        def fetch(query: Mapping[str, str]) -> dict[str, Any]:
            return self._request(
                "GET", path, path_params, params=query, label="medium", scope=scope
            ).payload

        return read_pages(fetch, key=key, what=what, params=params)

    def _error(
        self, result: SendResult, call: str, scope: str, sent: Mapping[str, Any] | None
    ) -> ZoomError:
        if isinstance(result, TransportError):
            return build_unavailable_error(result, call)
        error = build_error(result, call=call, scope=scope, now=datetime.now(UTC), sent=sent)
        if isinstance(error, ZoomAuthError) and self.settings.grant_type == "access_token":
            return build_expired_token_error(
                code=result.code, status=result.status, tracking_id=result.tracking_id
            )
        return error

    def _probe(self, user: str) -> Reply | None:
        """Make one light call that is no create, to learn whether the limit is of creates alone."""
        url = f"{self.settings.origin}/v2{build_path('/users/{user}', {'user': user})}"
        self._limits.by_label["light"].acquire(self.pause)
        sent_at = self.clock()
        result = self._transport.send("GET", url, auth=self.auth.bearer())
        self._limits.statistics.note(result, self.clock() - sent_at)
        return result if isinstance(result, Reply) else None

    def pause(self, seconds: float) -> None:
        """
        Wait for so many seconds.

        :raises ZoomStoppedError: :attr:`stop` is set, or was while we waited
        """
        self._transport.pause(seconds)

    def close(self) -> None:
        """Close the connections to Zoom."""
        self._transport.session.close()

    def target_concurrency(self) -> int:
        """Return how many creations to have under way at once to keep up the pace."""
        return self._limits.target_concurrency()

    def divide_rate(self, parts: int) -> None:
        """Begin with one of so many parts of the pace, where so many tasks begin together."""
        self._limits.divide_rate(parts)

    @property
    def latency(self) -> float:
        """Seconds that a reply of Zoom's takes lately."""
        return self._limits.statistics.latency

    @property
    def calls(self) -> int:
        """Calls made so far, without those for tokens."""
        return self._limits.statistics.calls

    @property
    def rate_limited(self) -> int:
        """Calls that Zoom has refused so far as too many."""
        return self._limits.statistics.rate_limited

    @property
    def retries(self) -> int:
        """Calls made again so far."""
        return self._transport.retries

    @property
    def waited(self) -> float:
        """Seconds waited so far before calls were made again."""
        return self._transport.waited


_RESERVED_SEGMENTS: Final = frozenset(
    {"", ".", "..", "me", "email", "features", "summary", "vanity_name"}
)
"""What leads from ``/users/`` to another URL, or to the owner of the token."""


def build_path(template: str, params: Mapping[str, str]) -> str:
    """
    Put ids and e-mail addresses into a path, so that each stays one segment of it.

    :param template: such as ``/groups/{group}/members/{user}``
    :raises ZoomValidationError: a value is no id and no address
    """
    return re.sub(r"{(\w+)}", lambda found: _segment(found[1], params[found[1]]), template)


def _segment(name: str, value: str) -> str:
    # A pending user has no id in Zoom's lists, so that None comes easily.
    text = str(value or "").strip()
    if text.lower() in _RESERVED_SEGMENTS:
        kind = "an id or an e-mail address" if name == "user" else "an id"
        raise ZoomValidationError(f"{name} must be {kind}", errors={name: [f"is not {kind}"]})
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise ZoomValidationError(
            f"{name} holds a character that cannot be sent", errors={name: ["is not a text"]}
        ) from None
