"""The one place that does I/O: a request out, a reply or the way it was lost back, tried again."""

from __future__ import annotations

import logging
import random
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import InvalidHeader, MaxRetryError, NewConnectionError

from zoom_provider import __version__
from zoom_provider.api.rate_limit import ConcurrencyLimiter, RateLimiter
from zoom_provider.api.response import Reply
from zoom_provider.api.retry import ErrorKind, decide_retry, ignored_retry_after, may_have_acted
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.stop import StopSignal
from zoom_provider.exceptions import Remedy, ZoomError, ZoomUnavailableError

log = logging.getLogger(__name__)

_CONNECTIONS: Final = 128
"""Kept open at most; Zoom's largest plan needs fewer in flight."""


# Plain http is for this machine alone: a proxy would read the secret.
_NO_PROXY: Final = {"no_proxy": "localhost,127.0.0.1,::1"}

_BAD_CA_FILE_TEXT: Final = (
    "the file of certificate authorities cannot be read; check the connection's ca_bundle and the "
    "variable REQUESTS_CA_BUNDLE"
)
# What OpenSSL calls a file that holds no certificate, and a server that does not speak TLS. Other
# errors of its may come in the middle of a reply, and count as a lost one.
_BAD_CA_FILE: Final = ("NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE", "PEM_LIB")
_NO_HANDSHAKE: Final = (
    *("WRONG_VERSION_NUMBER", "HANDSHAKE_FAILURE"),
    *("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"),
)


@dataclass(frozen=True, slots=True)
class TransportError:
    """
    A call without a reply.

    :param kind: which
    :param reason: for people; names hosts at most, never what was sent
    """

    kind: ErrorKind
    reason: str


SendResult = Reply | TransportError

Credentials = AuthBase | tuple[str, str]
"""What puts a token on a request, or an id and a secret."""


class Transport:
    """
    Sends requests over one session.

    :param settings: time-outs, authorities, how long to be patient
    :param session: made when not given
    :param retry: False makes each call once and waits for nothing
    :param clock: seconds that only grow
    :param stop: ends every wait; once it is set, nothing is sent
    :param sleep: waits for seconds in place of the signal's own wait, for tests
    """

    def __init__(
        self,
        settings: ZoomSettings,
        *,
        session: requests.Session | None = None,
        retry: bool = True,
        clock: Callable[[], float] = time.monotonic,
        stop: StopSignal | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.session = session or _new_session()
        self.retry = retry
        self.clock = clock
        self.stop = stop or StopSignal()
        self.sleep = sleep
        self.retries = 0
        self.waited = 0.0
        self._max_wait = settings.max_wait if retry else 0.0
        self._timeouts = (settings.connect_timeout, settings.timeout)
        self._verify: str | bool = settings.ca_bundle or True

    def send(
        self,
        method: str,
        url: str,
        *,
        auth: Credentials,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        data: Mapping[str, str] | None = None,
    ) -> SendResult:
        """
        Send one request once; redirects are not followed, since they would carry secrets.

        :raises ZoomStoppedError: the stop is set; nothing was sent
        """
        self.stop.raise_if_set()
        try:
            response = self.session.request(
                method,
                url,
                auth=auth,
                params=params,
                json=json,
                data=data,
                timeout=self._timeouts,
                verify=self._verify,
                proxies=_NO_PROXY if url.startswith("http://") else None,
                allow_redirects=False,
            )
        # Not all that requests raises is its own: a missing ca_bundle is an OSError, a redirect to
        # nonsense or a header that cannot be written a ValueError.
        except (OSError, ValueError) as error:
            return _classify(error)
        return Reply.from_response(response)

    def request_with_retries(
        self,
        send: Callable[[Credentials], SendResult],
        *,
        authorize: Callable[[float], Credentials],
        rate_limiter: RateLimiter | None = None,
        concurrency: ConcurrencyLimiter | None = None,
        idempotent: bool = True,
        renew_token: bool = False,
        max_wait: float | None = None,
    ) -> tuple[SendResult, bool]:
        """
        Send until there is an answer worth returning, good or bad.

        Once the stop is set, no request is sent and no wait goes on.

        :param send: makes the call once
        :param authorize: returns the credentials of the next call, within so many seconds; they
            count as part of ``max_wait``
        :param rate_limiter: asked before each call; learns of refusals for the pace
        :param concurrency: admits each call; learns of refusals for the number at once
        :param idempotent: whether a second call does no harm where the first was acted on
        :param renew_token: whether a refused token may be replaced, once
        :param max_wait: instead of the settings', in seconds
        :return: the last outcome, and whether Zoom may have acted on an earlier one
        :raises ZoomStoppedError: Zoom has not acted, unless a second call does no harm
        """
        tries, waited, began, uncertain = 0, 0.0, 0.0, False
        limit = self._max_wait if max_wait is None else min(max_wait, self._max_wait)
        while True:
            asked_at = self.clock()
            # Before the pace is asked: calls that waited for one token must not leave all at once.
            credentials = authorize(max(0.0, limit - waited))
            authorized_in = self.clock() - asked_at
            if rate_limiter is not None:
                rate_limiter.acquire(self.pause)
            with (
                concurrency.slot(self.stop.raise_if_set)
                if concurrency is not None
                else nullcontext()
            ):
                result = send(credentials)
            outcome = result.kind if isinstance(result, TransportError) else result
            tries += 1
            began = began if tries > 1 else self.clock() - authorized_in
            waited = max(waited, self.clock() - began)
            now = datetime.now(UTC)
            if isinstance(result, Reply) and (text := ignored_retry_after(result.headers, now)):
                log.warning("Zoom's reply says Retry-After: %s, which is not believed.", text)
            decision = decide_retry(
                outcome,
                idempotent=idempotent,
                tries=tries,
                waited=waited,
                max_wait=limit,
                token_renewed=not (renew_token and self.retry),
                now=now,
                jitter=random.random(),  # noqa: S311 - spreads calls, guards nothing
            )
            if decision.throttled and rate_limiter is not None:
                rate_limiter.on_throttled()
            if decision.concurrency_limited and concurrency is not None:
                concurrency.on_throttled()
            if decision.action == "renew":
                renew_token = False
            elif decision.action == "retry":
                uncertain = uncertain or may_have_acted(outcome)
                waited += decision.delay
                self.retries += 1
                self.waited += decision.delay
                log.info("Zoom: %s; again in %.1f s", _describe(result), decision.delay)
                self.pause(decision.delay)
            else:
                return result, uncertain

    def pause(self, seconds: float) -> None:
        """
        Wait, if there is anything to wait for.

        :raises ZoomStoppedError: the stop is set, or was while we waited
        """
        self.stop.raise_if_set()
        if seconds > 0:
            if self.sleep is None:
                self.stop.wait(seconds)
            else:
                self.sleep(seconds)
            self.stop.raise_if_set()


def build_unavailable_error(lost: TransportError, call: str) -> ZoomError:
    """Make the exception for a call that had no reply."""
    remedy: Remedy = "fail" if lost.kind in (ErrorKind.UNTRUSTED, ErrorKind.INVALID) else "retry"
    return ZoomUnavailableError(f"{call}: {lost.reason}.", remedy=remedy)


def _new_session() -> requests.Session:
    session = requests.Session()
    session.headers["User-Agent"] = f"airflow-provider-zoom/{__version__}"
    # Zoom sets cookies that its API has no use for; a call must not depend on the one before.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=_CONNECTIONS)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _classify(error: OSError | ValueError) -> TransportError:
    """Tell how a call failed; the texts of requests are not passed on, they quote too much."""
    chain = _error_chain(error)
    untrusted = next((lost for lost in map(_classify_tls, chain) if lost is not None), None)
    if untrusted is not None:
        return untrusted
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return TransportError(ErrorKind.UNTRUSTED, _BAD_CA_FILE_TEXT)
    if isinstance(error, requests.exceptions.ProxyError):
        return TransportError(
            ErrorKind.NOT_SENT, "the proxy (HTTPS_PROXY) cannot be reached or refuses"
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError(ErrorKind.NOT_SENT, "no connection within connect_timeout")
    if any(isinstance(e, socket.gaierror) for e in chain):
        return TransportError(
            ErrorKind.NOT_SENT, "the host's name is not known; check the connection's host"
        )
    if any(isinstance(e, NewConnectionError) for e in chain):
        return TransportError(
            ErrorKind.NOT_SENT, "no connection; check the connection's host and the network"
        )
    if isinstance(error, requests.exceptions.Timeout):
        return TransportError(ErrorKind.NO_REPLY, "no reply within timeout")
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return TransportError(
            ErrorKind.NO_REPLY, "the connection was cut before the reply was complete"
        )
    # The latter is about a header of the reply: Zoom was asked.
    if isinstance(error, requests.exceptions.ContentDecodingError) or any(
        isinstance(e, InvalidHeader) for e in chain
    ):
        return TransportError(ErrorKind.NO_REPLY, "the reply could not be decoded")
    return TransportError(
        ErrorKind.INVALID, f"the request could not be made ({type(error).__name__})"
    )


def _classify_tls(error: BaseException) -> TransportError | None:
    """Tell why no trusted connection came about, where this error is the reason."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransportError(
            ErrorKind.UNTRUSTED,
            f"the server's certificate does not hold ({error.verify_message}); for a "
            "private authority set the connection's ca_bundle",
        )
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if reason in _BAD_CA_FILE:
        return TransportError(ErrorKind.UNTRUSTED, _BAD_CA_FILE_TEXT)
    if reason.endswith(_NO_HANDSHAKE):
        return TransportError(
            ErrorKind.UNTRUSTED, "the host does not speak TLS; check its name and port"
        )
    return None


def _error_chain(error: BaseException) -> list[BaseException]:
    """List an error, what it wraps and what it came from."""
    found: list[BaseException] = []
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or current in found:
            continue
        found.append(current)
        pending += [arg for arg in current.args if isinstance(arg, BaseException)]
        pending += [current.__cause__, current.__context__]
        if isinstance(current, MaxRetryError):
            pending.append(current.reason)
    return found


def _describe(result: SendResult) -> str:
    if isinstance(result, TransportError):
        return result.reason
    tracking = f", tracking id {result.tracking_id}" if result.tracking_id else ""
    return f"HTTP {result.status}, code {result.code}{tracking}"
