"""Zoom's calls on users: ``/v2/users``."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from zoom_provider.api.base_client import MAX_NAME_LENGTH, BaseClient, LostReplyError
from zoom_provider.api.paging import Page
from zoom_provider.api.response import Reply
from zoom_provider.exceptions import ZoomProtocolError, ZoomValidationError
from zoom_provider.models.user import CreateRequest, parse_create_request
from zoom_provider.models.validation import nearest_name, sanitize_for_log

log = logging.getLogger(__name__)

UserStatus = Literal["active", "inactive", "pending"]

TRANSFERS: Final = tuple(
    f"transfer_{what}"
    for what in (
        "email",
        "meeting",
        "webinar",
        "recording",
        "whiteboard",
        "clipfiles",
        "notes",
        "visitors",
        "docs",
    )
)
"""The parameters of a delete that say which data go to the user ``transfer_email``."""


class UserMethods(BaseClient):
    """The calls of ``/users``. ``user`` is an id or an e-mail address throughout."""

    def validate_user(self, action: object, user_info: object) -> CreateRequest:
        """
        Hold a person against Zoom's rules and the connection's domains, without a call.

        :raises ZoomValidationError: with all faults by field
        """
        try:
            request = parse_create_request(action, user_info)
        except ZoomValidationError as error:
            given = user_info.get("email") if isinstance(user_info, Mapping) else None
            error.email = (
                sanitize_for_log(given, MAX_NAME_LENGTH) if isinstance(given, str) else None
            )
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
            idempotent=False,
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

        :raises ZoomNotFoundError: Zoom has no such person in this account
        """
        return self.get_user_reply(user).payload

    def get_user_reply(self, user: str, *, retry: bool = True) -> Reply:
        """
        Return the whole reply to :meth:`get_user`.

        :param retry: False makes the call once and waits for nothing
        """
        reply = self._request(
            "GET",
            "/users/{user}",
            {"user": user},
            max_wait=None if retry else 0.0,
            scope="user:read:user:admin",
        )
        if not isinstance(reply.payload.get("email"), str):
            raise ZoomProtocolError(
                "GET /v2/users/{user} was answered without a person; check the connection's host.",
                email=sanitize_for_log(user, MAX_NAME_LENGTH),
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
        for people, _ in self.list_user_pages(status):
            yield from people

    def list_user_pages(self, status: UserStatus) -> Iterator[Page]:
        """Yield :meth:`list_users` by pages, each with the number of people that Zoom announces."""
        return self._pages(
            "/users",
            key="users",
            what=f"{status} users",
            params={"status": status},
            scope="user:read:list_users:admin",
        )

    def count_users(self) -> dict[str, Any]:
        """Return Zoom's summary: ``licensed_users_count``, ``basic_users_count`` and so on."""
        return self._request(
            "GET", "/users/summary", label="medium", scope="user:read:summary:admin"
        ).payload

    def update_user(self, user: str, fields: Mapping[str, Any]) -> None:
        """
        Change the given fields of a person and no others; Zoom drops it for a pending one.

        :param fields: by the names of Zoom's reference for PATCH
        """
        self._request(
            "PATCH",
            "/users/{user}",
            {"user": user},
            json=dict(fields),
            scope="user:update:user:admin",
        )

    def set_user_status(self, user: str, action: Literal["activate", "deactivate"]) -> None:
        """
        Activate a person, or deactivate them, which takes their licences away.

        :raises LostReplyError: Zoom may have acted
        """
        if action not in ("activate", "deactivate"):
            raise ZoomValidationError(
                "action must be activate or deactivate", errors={"action": ["is neither"]}
            )
        self._request(
            "PUT",
            "/users/{user}/status",
            {"user": user},
            json={"action": action},
            idempotent=False,
            scope="user:update:status:admin",
        )

    def change_email(self, user: str, email: str) -> None:
        """
        Give a user another address; the id, meetings and recordings stay.

        Zoom takes addresses in the account's managed domains only, three a day.

        :raises LostReplyError: Zoom may have acted
        """
        self._request(
            "PUT",
            "/users/{user}/email",
            {"user": user},
            json={"email": email},
            idempotent=False,
            scope="user:update:email:admin",
        )

    def sign_out(self, user: str) -> None:
        """End the sessions of a user who has signed in by single sign-on."""
        self._request(
            "DELETE", "/users/{user}/token", {"user": user}, scope="user:delete:token:admin"
        )

    def delete_user(
        self,
        user: str,
        action: Literal["disassociate", "delete"] = "disassociate",
        **transfer: str | bool,
    ) -> None:
        """
        Take a person out of the account (``disassociate``) or delete them.

        :param user: a pending person goes by ``disassociate``
        :param transfer: ``transfer_email`` and which of ``transfer_meeting``,
            ``transfer_recording`` and so on go there; a host of Zoom Events needs the address
        :raises ZoomNotFoundError: Zoom has no such person in this account
        :raises LostReplyError: Zoom may have acted
        """
        self._request(
            "DELETE",
            "/users/{user}",
            {"user": user},
            params={"action": action, **_transfer_params(transfer)},
            idempotent=False,
            scope="user:delete:user:admin",
        )


def _transfer_params(transfer: Mapping[str, str | bool]) -> dict[str, str]:
    """
    Build the query that says which data of a deleted user go to which other user.

    :raises ZoomValidationError: Zoom has no parameter of that name
    """
    for name in transfer:
        if name not in TRANSFERS:
            near = nearest_name(name, TRANSFERS) or "transfer_email"
            raise ZoomValidationError(
                f"There is no {name}; did you mean {near}?", errors={name: ["is unknown"]}
            )
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in transfer.items()
    }
