"""ZoomClient: one ``_request`` and typed methods."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from math import ceil
from typing import Any, Final, Literal

import requests

from zoom_provider.api import listing
from zoom_provider.api.auth import (
    Bearer,
    TokenStore,
    ZoomAuth,
    ask_for_token,
    expired,
    missing_scopes,
)
from zoom_provider.api.errors import error_of, error_scope
from zoom_provider.api.listing import UserStatus
from zoom_provider.api.paths import path_of, template_of, transfer_params
from zoom_provider.api.rate_limit import PER_SECOND, Label, RateLimits
from zoom_provider.api.response import Reply, printable
from zoom_provider.api.retry import may_have_acted
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.statistics import CallStatistics
from zoom_provider.api.stop import StopSignal
from zoom_provider.api.token_cache import TokenCache
from zoom_provider.api.transport import Credentials, Lost, Sent, Transport, unavailable
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomProtocolError,
    ZoomUnavailableError,
    ZoomValidationError,
)
from zoom_provider.models.user import CreateRequest, check

log = logging.getLogger(__name__)

_LONGEST_NAME: Final = 128
"""Characters of an address; what is longer is cut in an error's text."""

_SPARE: Final = 2.0
"""Waking up threads takes time too, on a busy machine; a lane too many only waits its turn."""


class LostReplyError(ZoomUnavailableError):
    """Zoom may have acted on a call that must not be made twice."""


class ZoomClient:
    """
    Calls Zoom as the settings say; safe for several threads.

    Every method may raise any :class:`ZoomError`; those it adds are named with it.

    :param settings: where, as whom, on which plan
    :param session: one for all calls; made when not given
    :param on_secret: told every token the moment it arrives, so that it can be masked in logs
    :param patient: False makes each call once and waits for nothing
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
        patient: bool = True,
        tokens: TokenCache | None = None,
        store: TokenStore | None = None,
        clock: Callable[[], float] = time.monotonic,
        stop: StopSignal | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.stop = stop or StopSignal()
        self.sleep = self.pause
        self._transport = Transport(
            settings, session=session, patient=patient, clock=clock, stop=self.stop, sleep=sleep
        )
        self._limits = RateLimits(settings, clock)
        self.quota = self._limits.quota
        self._statistics = CallStatistics()
        self.auth = ZoomAuth(
            settings,
            partial(ask_for_token, self._transport, settings),
            on_secret=on_secret,
            cache=tokens,
            store=store,
            clock=clock,
            stop=self.stop,
            pause=self.pause,
        )

    def pause(self, seconds: float) -> None:
        """
        Wait for so many seconds.

        :raises ZoomStoppedError: :attr:`stop` is set, or was while we waited
        """
        self._transport.pause(seconds)

    def close(self) -> None:
        """Close the connections to Zoom."""
        self._transport.session.close()

    def greet(self) -> str:
        """
        Ask for a token and make one cheap read; say in a sentence what the app may do.

        :raises ZoomError: whatever keeps the settings from working
        """
        token = self.auth.token()
        page = self._page({"page_size": "1"})
        total = page.get("total_records", "an unknown number of")
        text = f"Connected to Zoom: {total} active users."
        missing = missing_scopes(token)
        if missing:
            text += f" To create people the app still lacks the scope {' and '.join(missing)}."
        return text

    def checked(self, action: object, user_info: object) -> CreateRequest:
        """
        Hold a person against Zoom's rules and the connection's domains, without a call.

        :raises ZoomValidationError: with all faults by field
        """
        try:
            request = check(action, user_info)
        except ZoomValidationError as error:
            given = user_info.get("email") if isinstance(user_info, Mapping) else None
            error.email = printable(given, _LONGEST_NAME) if isinstance(given, str) else None
            raise
        allowed = self.settings.allowed_domains
        if allowed and request.email.rpartition("@")[2].lower() not in allowed:
            text = f"is outside the connection's allowed_domains ({', '.join(sorted(allowed))})"
            raise ZoomValidationError(
                f"user_info.email {text}",
                errors={"user_info.email": [text]},
                email=request.email,
            )
        for warning in request.warnings:
            log.warning("%s: %s", request.email, warning)
        return request

    def post_user(self, request: CreateRequest) -> dict[str, Any]:
        """
        Post a person once and settle nothing.

        :raises LostReplyError: Zoom may have acted
        """
        reply = self._request(
            "POST",
            "/users",
            user=request.email,
            json=request.body(),
            repeatable=False,
            scope="user:write:user:admin",
        )
        if not isinstance(reply.payload.get("id"), str):
            raise LostReplyError(
                "POST /v2/users was answered without a person.",
                email=request.email,
                status=reply.status,
                tracking_id=reply.tracking_id,
            )
        return reply.payload

    def get_user(self, user: str) -> dict[str, Any]:
        """
        Return a person.

        :param user: id or e-mail address
        :raises ZoomNotFoundError: Zoom has no such person in this account
        """
        return self.look_up(user).payload

    def look_up(self, user: str, *, patient: bool = True) -> Reply:
        """
        Return the whole reply to :meth:`get_user`.

        :param patient: False makes the call once and waits for nothing
        """
        reply = self._request(
            "GET",
            path_of(user),
            user=user,
            max_wait=None if patient else 0.0,
            scope="user:read:user:admin",
        )
        if not isinstance(reply.payload.get("email"), str):
            raise ZoomProtocolError(
                "GET /v2/users/{user} was answered without a person; check the connection's host.",
                email=printable(user, _LONGEST_NAME),
                status=reply.status,
                tracking_id=reply.tracking_id,
            )
        return reply

    def list_users(self, status: UserStatus = "active") -> Iterator[dict[str, Any]]:
        """
        Yield all people of a status; those of ``pending`` have no ``id``.

        A page's token lives for 15 minutes: read on without long pauses.

        :raises ZoomProtocolError: the pages do not end
        """
        for people, _ in self.pages(status):
            yield from people

    def pages(self, status: UserStatus) -> Iterator[tuple[list[dict[str, Any]], int]]:
        """Yield :meth:`list_users` by pages, each with the number of people that Zoom announces."""
        return listing.pages(self._page, status)

    def _page(self, params: Mapping[str, str]) -> dict[str, Any]:
        return self._request(
            "GET", "/users", params=params, label="medium", scope="user:read:list_users:admin"
        ).payload

    def count_users(self) -> dict[str, Any]:
        """Return Zoom's summary: ``licensed_users_count``, ``basic_users_count`` and so on."""
        return self._request(
            "GET", "/users/summary", label="medium", scope="user:read:summary:admin"
        ).payload

    def update_user(self, user: str, fields: Mapping[str, Any]) -> None:
        """
        Change the given fields of a person and no others; Zoom drops it for a pending one.

        :param user: id or e-mail address
        :param fields: by the names of Zoom's reference for PATCH
        """
        self._request(
            "PATCH",
            path_of(user),
            user=user,
            json=dict(fields),
            scope="user:update:user:admin",
        )

    def set_user_status(self, user: str, action: Literal["activate", "deactivate"]) -> None:
        """
        Activate a person, or deactivate them, which takes their licences away.

        :param user: id or e-mail address
        """
        if action not in ("activate", "deactivate"):
            raise ZoomValidationError(
                "action must be activate or deactivate", errors={"action": ["is neither"]}
            )
        self._request(
            "PUT",
            f"{path_of(user)}/status",
            user=user,
            json={"action": action},
            scope="user:update:status:admin",
        )

    def delete_user(
        self,
        user: str,
        action: Literal["disassociate", "delete"] = "disassociate",
        **transfer: str | bool,
    ) -> None:
        """
        Take a person out of the account (``disassociate``) or delete them.

        :param user: id or e-mail address; a pending person goes by ``disassociate``
        :param transfer: ``transfer_email`` and which of ``transfer_meeting``,
            ``transfer_recording`` and so on go there; a host of Zoom Events needs the address
        :raises ZoomNotFoundError: Zoom has no such person in this account
        """
        self._request(
            "DELETE",
            path_of(user),
            user=user,
            params={"action": action, **transfer_params(transfer)},
            scope="user:delete:user:admin",
            gone_is_done=True,
        )

    def _request(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        user: str | None = None,
        label: Label = "light",
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        repeatable: bool = True,
        gone_is_done: bool = False,
        max_wait: float | None = None,
    ) -> Reply:
        """
        Call Zoom's API until it is done, refused, or not worth another try.

        :param scope: the granular scope that the call wants, for an error's text
        :param user: the address or id that the call is about, for the same
        :param repeatable: False where a second call could do harm; LostReplyError tells then
            that the first may have been acted on
        :param gone_is_done: a 404 after a lost reply means that the first call came through
        :param max_wait: instead of the settings', in seconds
        """
        url = f"{self.settings.origin}/v2{path}"
        created = (user or "") if (json or {}).get("action") == "create" else ""

        def send(credentials: Credentials) -> Sent:
            sent_at = self.clock()
            got = self._transport.send(method, url, auth=credentials, params=params, json=json)
            self._statistics.note(got, self.clock() - sent_at)
            if isinstance(got, Reply) and got.refuses_token and isinstance(credentials, Bearer):
                self.auth.refused(credentials.token)
            return self._judge(got, credentials, created) if label == "light" else got

        got, uncertain = self._transport.persist(
            send,
            authorize=lambda seconds: Bearer(self.auth.token(seconds)),
            rate=self._limits[label],
            at_once=self._limits.at_once,
            repeatable=repeatable,
            renewable=True,
            max_wait=max_wait,
        )
        call = f"{method} /v2{template_of(path)}"
        if isinstance(got, Lost):
            error = unavailable(got, call)
        elif got.ok or (gone_is_done and uncertain and got.status == 404 and got.code):
            return got
        else:
            sent = (json or {}).get("user_info", json)
            error = error_of(got, call=call, scope=scope, now=datetime.now(UTC), sent=sent)
            if isinstance(error, ZoomAuthError) and self.settings.grant_type == "access_token":
                error = expired(code=got.code, status=got.status, tracking_id=got.tracking_id)
        outcome = got.fault if isinstance(got, Lost) else got
        if may_have_acted(outcome) and not repeatable:
            error = LostReplyError(
                str(error.args[0]), status=error.status, tracking_id=error.tracking_id
            )
        # What meets all users alike must not look like the fault of one.
        if user and error_scope(error) != "account":
            error.email = printable(user, _LONGEST_NAME)
        raise error

    def calls_worth_making(self) -> int:
        """
        Return how many creations to have under way at once to keep up the pace.

        That is the pace times what a reply takes (Little's law), with some to spare.
        """
        takes = self._statistics.uncrowded_latency
        at_pace = self._limits["light"].rate * takes * _SPARE + 1
        return max(1, min(ceil(at_pace), self._limits.at_once.room))

    def share(self, parts: int) -> None:
        """Begin with one of so many parts of the pace, where so many tasks begin together."""
        for label in PER_SECOND[self.settings.plan]:
            self._limits[label].share(parts)

    @property
    def latency(self) -> float:
        """Seconds that a reply of Zoom's takes lately."""
        return self._statistics.latency

    @property
    def calls(self) -> int:
        """Calls made so far, without those for tokens."""
        return self._statistics.calls

    @property
    def rate_limited(self) -> int:
        """Calls that Zoom has refused so far as too many."""
        return self._statistics.rate_limited

    @property
    def retries(self) -> int:
        """Calls made again so far."""
        return self._transport.retries

    @property
    def waited(self) -> float:
        """Seconds waited so far before calls were made again."""
        return self._transport.waited

    def _judge(self, got: Sent, credentials: Credentials, created: str) -> Sent:
        """Mark a refusal that is the daily limit's; ``created``: the address of a create."""
        if isinstance(got, Lost):
            if created:
                self.quota.note_lost(created)
            return got

        def probe() -> Reply | None:
            url = f"{self.settings.origin}/v2{path_of(created)}"
            self._limits["light"].acquire(self.pause)
            sent_at = self.clock()
            answer = self._transport.send("GET", url, auth=credentials)
            self._statistics.note(answer, self.clock() - sent_at)
            return answer if isinstance(answer, Reply) else None

        return self.quota.judge(got, email=created, now=datetime.now(UTC), probe=probe)
