"""
One tree of errors that answers whether to try again, give up, pass over, or ask a person.

Every error carries what Zoom said (``code``, ``status``, ``tracking_id``) and a ``remedy``. The
classes are chosen by Zoom's numeric codes, never by its message texts, which change and are
localised. None of them derives from an Airflow class, so that ``api`` stays free of Airflow and
retry policies can match them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

Remedy = Literal["retry", "fail", "skip", "human"]


class ZoomError(Exception):
    """
    Anything that went wrong between us and Zoom.

    :param message: what happened and what to do about it; holds no secret and no whole body
    :param code: Zoom's numeric error code, where the reply had one
    :param status: the HTTP status, where there was a reply
    :param tracking_id: Zoom's ``x-zm-trackingid``, which its support asks for
    :param email: the user it is about, by the address (or the id, where the call named only that);
        the text begins with it. None where it is about the account or the connection
    :param remedy: overrides the class's answer: ``retry`` (the same call may succeed later),
        ``fail`` (it never will), ``skip`` (there is nothing to do), ``human`` (a person must
        change something in Zoom first)
    """

    remedy: Remedy = "fail"

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        status: int | None = None,
        tracking_id: str | None = None,
        email: str | None = None,
        remedy: Remedy | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.tracking_id = tracking_id
        self.email = email
        if remedy is not None:
            self.remedy = remedy

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes whole, whatever arguments a subclass takes."""
        return type(self).__new__, (type(self), *self.args), self.__dict__

    def __str__(self) -> str:
        """Give the text, with the user before it and what Zoom's support asks for behind it."""
        facts = [
            f"{name} {value}"
            for name, value in (
                ("HTTP", self.status),
                ("code", self.code),
                ("tracking id", self.tracking_id),
            )
            if value is not None
        ]
        text = super().__str__()
        text = f"{self.email}: {text}" if self.email else text
        return f"{text} [{', '.join(facts)}]" if facts else text


class ZoomValidationError(ZoomError):
    """
    Input that breaks one of Zoom's rules, found by us before a call or by Zoom in its answer.

    :param errors: what is wrong, by field: ``{"user_info.email": ["..."], ...}``
    """

    def __init__(
        self, message: str, *, errors: Mapping[str, Sequence[str]] | None = None, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.errors: dict[str, list[str]] = {
            field: list(texts) for field, texts in (errors or {}).items()
        }


class ZoomAuthError(ZoomError):
    """Zoom does not accept the credentials or the token."""


class ZoomPermissionError(ZoomError):
    """
    The app lacks a scope, its owner a role permission, or the account the API.

    :param scope: the scopes of which the call wants one, as Zoom names them, where it does
    """

    remedy: Remedy = "human"

    def __init__(self, message: str, *, scope: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.scope = scope


class ZoomUserExistsError(ZoomError):
    """
    The account has this person already, as active, inactive or pending.

    :param user: the person as Zoom has them, where a look-up found them
    """

    remedy: Remedy = "skip"

    def __init__(
        self, message: str, *, user: Mapping[str, Any] | None = None, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.user: dict[str, Any] | None = None if user is None else dict(user)


class ZoomForeignAccountError(ZoomError):
    """The address belongs to a Zoom account that is not this one."""

    remedy: Remedy = "human"


class ZoomLicenseError(ZoomError):
    """
    No free seat of the kind that was asked for.

    :param seat: ``basic``, ``licensed``, ``zoom_one`` or ``zoom_phone``, where the code shows it
    """

    remedy: Remedy = "human"

    def __init__(self, message: str, *, seat: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.seat = seat


class ZoomNotFoundError(ZoomError):
    """What was asked for is not in this account."""


class ZoomRateLimitError(ZoomError):
    """
    Too many calls in a second, or at once, for longer than the hook was willing to wait.

    :param retry_at: when another try may succeed (UTC), where that is known
    """

    remedy: Remedy = "retry"

    def __init__(self, message: str, *, retry_at: datetime | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_at = retry_at


class ZoomDailyLimitError(ZoomError):
    """
    The account's quota for today is used up; no retry before the reset helps.

    :param reset_at: when the quota is renewed (UTC)
    """

    def __init__(self, message: str, *, reset_at: datetime, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.reset_at = reset_at


class ZoomUnavailableError(ZoomError):
    """No answer: the network, a time-out, or an error on Zoom's side."""

    remedy: Remedy = "retry"


class ZoomStoppedError(ZoomError):
    """
    The task must stop, so nothing new is sent.

    Raised by a create, it says that Zoom did not act on this call: no request went out, or each
    one was refused. A wait for the outcome of an earlier request may be ended by it as well.
    """

    remedy: Remedy = "retry"


class ZoomProtocolError(ZoomError):
    """An answer that is not Zoom's: a proxy's page, a login form, a redirect."""


class ZoomPendingError(ZoomError):
    """The user has not accepted the invitation, and Zoom drops what is written to them."""

    remedy: Remedy = "human"


class ZoomNotAppliedError(ZoomError):
    """
    Zoom said yes and did not.

    :param fields: what did not stick: ``{"dept": {"old": ..., "wanted": ..., "found": ...}}``
    """

    remedy: Remedy = "human"

    def __init__(
        self, message: str, *, fields: Mapping[str, Mapping[str, Any]] | None = None, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.fields: dict[str, dict[str, Any]] = {
            name: dict(values) for name, values in (fields or {}).items()
        }


class ZoomProtectedUserError(ZoomError):
    """A user that Zoom leaves as they are: owner, administrator, Zoom Room, Events host..."""

    remedy: Remedy = "human"


class ZoomUnconfirmedError(ZoomError):
    """The reply to a delete with transfers was lost: a person must look what was transferred."""

    remedy: Remedy = "human"


class ZoomStalePlanError(ZoomError):
    """A plan was made for another state of the account than it is in now."""
