"""The one place that does I/O: a request out, a reply or the way it failed back, with retries."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from zoom_provider import __version__
from zoom_provider.api.network_errors import ErrorKind, TransportError, classify
from zoom_provider.api.response import Reply
from zoom_provider.api.retry import Decision, decide_retry, ignored_retry_after, may_have_acted
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.exceptions import Remedy, ZoomError, ZoomStoppedError, ZoomUnavailableError

log = logging.getLogger(__name__)

POLL_INTERVAL: Final = 0.1
"""Seconds between two looks at the stop signal where a wait is for another thread."""

_CONNECTIONS: Final = 128
"""Kept open at most; Zoom's largest plan needs fewer in flight."""

# Plain http is for this machine alone: a proxy would read the secret.
_NO_PROXY: Final = {"no_proxy": "localhost,127.0.0.1,::1"}

SendResult = Reply | TransportError

Credentials = AuthBase | tuple[str, str]
"""What puts a token on a request, or an id and a secret."""


@dataclass(frozen=True, slots=True)
class Bearer(AuthBase):
    """Puts an access token on a request."""

    value: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Authorize one request."""
        request.headers["Authorization"] = f"Bearer {self.value}"
        return request

    def __repr__(self) -> str:
        return "Bearer(***)"


class StopSignal:
    """
    Stops a task: any number of threads see it.

    Airflow calls ``on_kill`` inside a signal handler, which runs in the main thread between any
    two instructions of it, also in the middle of that thread's own :meth:`wait`. So :meth:`set`
    must not take a lock that the interrupted code may hold: ``threading.Event.set`` does, and would
    deadlock. ``queue.SimpleQueue.put`` is documented as reentrant, so the signal is a token in such
    a queue. A waiter that takes the token puts it back: it wakes every waiter, now and later.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._token: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Stop every waiter; there is no way back. Takes no lock, logs nothing."""
        self._is_set = True
        self._token.put(None)

    def is_set(self) -> bool:
        """Return whether :meth:`set` was called."""
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Wait for so many seconds or until the signal is set; return whether it is set."""
        if self._is_set or seconds <= 0:
            return self._is_set
        try:
            self._token.get(timeout=seconds)
        except Empty:
            return self._is_set
        self._token.put(None)
        return True

    def raise_if_set(self) -> None:
        """
        Return at once where the signal is not set.

        :raises ZoomStoppedError: it is set
        """
        if self._is_set:
            raise ZoomStoppedError("The task must stop: nothing new is sent to Zoom.")


class CallLimits(Protocol):
    """What a call waits for before it is sent, and what learns from its result."""

    def acquire(self, pause: Callable[[float], None], raise_if_stopped: Callable[[], None]) -> None:
        """Return when the call may go out; both arguments raise where the wait is to end."""

    def release(self) -> None:
        """Let the next call go out: this one has ended."""

    def note(self, result: SendResult, seconds: float) -> SendResult:
        """Learn from a result and the time it took; return it, perhaps with what it means."""

    def on_throttled(self, decision: Decision) -> None:
        """Slow down: Zoom refused the call as one too many."""


class _NoLimits:
    """For calls that Zoom does not count, such as those for tokens."""

    def acquire(self, *_: object) -> None:
        pass

    def release(self) -> None:
        pass

    def note(self, result: SendResult, seconds: float) -> SendResult:
        return result

    def on_throttled(self, decision: Decision) -> None:
        pass


NO_LIMITS: Final = _NoLimits()


class Transport:
    """
    Sends requests over one session.

    :param settings: time-outs, authorities, how long retries may take
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
            return classify(error)
        return Reply.from_response(response)

    def request_with_retries(
        self,
        method: str,
        url: str,
        *,
        authorize: Callable[[float], Credentials],
        on_rejected: Callable[[Credentials], None] | None = None,
        limits: CallLimits = NO_LIMITS,
        idempotent: bool = True,
        max_wait: float | None = None,
        **content: Any,
    ) -> tuple[SendResult, bool]:
        """
        Send until there is a result worth returning, good or bad.

        Once the stop is set, no request is sent and no wait goes on.

        :param authorize: returns the credentials of the next call, within so many seconds; they
            count as part of ``max_wait``
        :param on_rejected: forgets credentials that Zoom rejects; without it, none are renewed
        :param limits: those that the call counts against
        :param idempotent: whether a second call does no harm where Zoom acted on the first
        :param max_wait: instead of the settings', in seconds
        :param content: ``params``, ``json`` or ``data``, as :meth:`send` takes them
        :return: the last result, and whether Zoom may have acted on an earlier one
        :raises ZoomStoppedError: Zoom has not acted, unless a second call does no harm
        """
        send = partial(self.send, method, url, **content)
        tries, waited, began, uncertain = 0, 0.0, 0.0, False
        limit = self._max_wait if max_wait is None else min(max_wait, self._max_wait)
        renewed = on_rejected is None or not self.retry
        while True:
            asked_at = self.clock()
            # Before the limits: calls that waited for one token must not leave all at once.
            credentials = authorize(max(0.0, limit - waited))
            authorized_in = self.clock() - asked_at
            limits.acquire(self.pause, self.stop.raise_if_set)
            sent_at = self.clock()
            try:
                result = send(auth=credentials)
            finally:
                limits.release()
            result = limits.note(result, self.clock() - sent_at)
            if isinstance(result, Reply) and result.rejects_token and on_rejected is not None:
                on_rejected(credentials)
            if isinstance(result, Reply) and result.ok:
                return result, uncertain
            tries += 1
            began = began if tries > 1 else self.clock() - authorized_in
            waited = max(waited, self.clock() - began)
            decision = _decide(
                result,
                idempotent=idempotent,
                tries=tries,
                waited=waited,
                max_wait=limit,
                token_renewed=renewed,
            )
            limits.on_throttled(decision)
            if decision.action == "renew":
                renewed = True
            elif decision.action == "retry":
                uncertain = uncertain or _may_have_acted(result)
                waited += decision.delay
                self._wait_for_retry(result, decision.delay)
            else:
                return result, uncertain

    def _wait_for_retry(self, result: SendResult, delay: float) -> None:
        self.retries += 1
        self.waited += delay
        log.info("Zoom: %s; again in %.1f s", _describe(result), delay)
        self.pause(delay)

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


def _decide(result: SendResult, **facts: Any) -> Decision:
    now = datetime.now(UTC)
    if isinstance(result, Reply) and (text := ignored_retry_after(result.headers, now)):
        log.warning("Zoom's reply says Retry-After: %s, which is not believed.", text)
    return decide_retry(
        result.kind if isinstance(result, TransportError) else result,
        now=now,
        jitter=random.random(),  # noqa: S311 - spreads calls, guards nothing
        **facts,
    )


def _may_have_acted(result: SendResult) -> bool:
    return may_have_acted(result.kind if isinstance(result, TransportError) else result)


def build_unavailable_error(error: TransportError, call: str) -> ZoomError:
    """Build the exception for a call that had no reply."""
    remedy: Remedy = "fail" if error.kind in (ErrorKind.UNTRUSTED, ErrorKind.INVALID) else "retry"
    return ZoomUnavailableError(f"{call}: {error.reason}.", remedy=remedy)


def _new_session() -> requests.Session:
    session = requests.Session()
    session.headers["User-Agent"] = f"airflow-provider-zoom/{__version__}"
    # Zoom sets cookies that its API has no use for; a call must not depend on the one before.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=_CONNECTIONS)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _describe(result: SendResult) -> str:
    if isinstance(result, TransportError):
        return result.reason
    tracking = f", tracking id {result.tracking_id}" if result.tracking_id else ""
    return f"HTTP {result.status}, code {result.code}{tracking}"
