"""
Pure: a reply that is an error in, the exception that says what to do about it out.

The choice is made by Zoom's numeric codes (as its API reference lists them for each call) and by
the HTTP status where a code is unknown. Zoom's own words are passed on, shortened, and never
decide: they change and are localised.

:func:`error_scope` says what an error concerns: the whole account, one user, or perhaps both. A
bulk run stops at once for what concerns the account, goes on after what concerns one user, and
stops for what is ambiguous only after several users in a row fared alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from zoom_provider.api.response import Reply
from zoom_provider.api.retry import parse_daily_reset, parse_retry_after
from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomForeignAccountError,
    ZoomLicenseError,
    ZoomNotFoundError,
    ZoomPermissionError,
    ZoomProtocolError,
    ZoomRateLimitError,
    ZoomStoppedError,
    ZoomUnavailableError,
    ZoomUserExistsError,
    ZoomValidationError,
)
from zoom_provider.models.validation import sanitize_for_log

# What Zoom's codes for a full account mean, and what to do.
_SEAT_CODES: Final = {
    1102: ("zoom_phone", "No Zoom Phone licence is free"),
    2033: ("basic", "No seat for another basic user is free"),
    2034: ("licensed", "No licensed seat is free"),
    2038: ("zoom_one", "No Zoom Workplace (Zoom One) licence is free"),
}
_SEAT_OF_TYPE: Final = {1: "basic", 2: "licensed"}

# Zoom refuses until an administrator changes a setting.
_ACCOUNT_SETTING_CODES: Final = {
    1107: "The e-mail domain is blocked or managed in this account; an owner can change that",
    1108: "Zoom does not allow this change of the user's type",
    1116: "The e-mail domain is not among those that this Zoom account allows",
    2002: "ssoCreate needs single sign-on, which is not enabled for this Zoom account",
    2016: "Zoom does not permit this account to do that; its support can tell why",
    2032: (
        "ssoCreate needs the account's SSO setting 'Provision User: Prior to Sign-In'; "
        "switch it on, or use another action"
    ),
    2035: "This kind of Zoom account cannot add users",
    2036: "The owner of another Zoom account cannot be invited",
    2037: "Zoom does not allow this person to be invited",
    11321: "The e-mail domain is blocked by Zoom's Trust & Safety",
}
_SCOPE_CODES: Final = frozenset({104, 4700, 4711})
_NOT_FOUND_CODES: Final = frozenset({1001, 1010})
_INVITATION_EXPIRED: Final = 1120
_MAX_MESSAGE_LENGTH: Final = 500


class InvalidClientError(ZoomAuthError):
    """Zoom does not know the app by its Client ID and Client Secret, whatever the grant."""


def build_error(
    reply: Reply, *, call: str, scope: str, now: datetime, sent: Mapping[str, Any] | None = None
) -> ZoomError:
    """
    Turn a reply that is not a success into the exception to raise.

    :param reply: the reply
    :param call: method and path, such as ``DELETE /v2/users/{user}``, without anything personal
    :param scope: the granular scope that the call wants
    :param now: the time, with a zone
    :param sent: the fields of the person that were sent (``type`` shows which seat is missing)
    """
    facts: dict[str, Any] = {
        "code": reply.code,
        "status": reply.status,
        "tracking_id": reply.tracking_id,
    }
    if reply.status == 429:
        return _rate_limit_error(reply, call, now, facts)
    if not reply.is_zoom:
        return _protocol_error(reply, call, facts)
    says = _quote_zoom(reply, sent or {})
    if reply.code == 3412 or reply.code in _SEAT_CODES:
        return _license_error(reply.code, sent or {}, says, facts)
    return (
        _error_by_code(reply, call, says, facts, sent or {})
        or _access_error(reply, call, scope, says, facts)
        or _error_by_status(reply, call, says, facts)
    )


def _quote_zoom(reply: Reply, sent: Mapping[str, Any]) -> str:
    message = reply.payload.get("message")
    if not message:
        return ""
    return f' Zoom says: "{sanitize_for_log(_mask_password(message, sent), _MAX_MESSAGE_LENGTH)}"'


def _mask_password(text: object, sent: Mapping[str, Any]) -> str:
    # Zoom is not known to quote a password back; should it, the quote ends here.
    password = str(sent.get("password") or "")
    return str(text).replace(password, "***") if password else str(text)


def _protocol_error(reply: Reply, call: str, facts: dict[str, Any]) -> ZoomError:
    if reply.status >= 500:
        return ZoomUnavailableError(f"{call} was answered by an error page.", **facts)
    if 300 <= reply.status < 400:
        return ZoomProtocolError(
            f"{call} was redirected; redirects are not followed, since they would carry the "
            "token away. Check the connection's host and the proxy.",
            **facts,
        )
    kind = reply.headers.get("Content-Type", "").split(";")[0].strip()
    what = sanitize_for_log(kind, 40) if kind else "a reply without a content type"
    return ZoomProtocolError(
        f"{call} was answered with {what} that is not Zoom's: a proxy or a log-in "
        "page is in between. Check the connection's host and the HTTPS_PROXY and NO_PROXY "
        "variables of the workers.",
        **facts,
    )


def _rate_limit_error(reply: Reply, call: str, now: datetime, facts: dict[str, Any]) -> ZoomError:
    reset = parse_daily_reset(reply, now)
    if reset is not None:
        known = (
            "seems to be reached, although Zoom does not say so: it refuses every one, and other "
            "calls succeed or the plan's number is used up"
            if reply.assumed_daily_limit
            else "is reached"
        )
        return ZoomDailyLimitError(
            f"The Zoom account's daily limit for {call} {known}; it is renewed at "
            f"{reset.isoformat(timespec='seconds')}.{_quote_zoom(reply, {})}",
            reset_at=reset,
            **facts,
        )
    return ZoomRateLimitError(
        f"Zoom kept refusing {call} as too many calls for longer than max_wait. Other apps share "
        "the account's limits: check the connection's plan and rate_share."
        f"{_quote_zoom(reply, {})}",
        retry_at=parse_retry_after(reply.headers, now),
        **facts,
    )


def _license_error(
    code: int | None, sent: Mapping[str, Any], says: str, facts: dict[str, Any]
) -> ZoomError:
    # 3412 is one code for every kind of seat: the requested type shows which one is meant.
    kind = sent.get("type")
    wanted = _SEAT_OF_TYPE.get(kind) if isinstance(kind, int) else None
    seat, text = _SEAT_CODES.get(code or 0, (wanted, ""))
    text = text or f"No {seat or 'suitable'} seat is free"
    return ZoomLicenseError(
        f"{text} in the Zoom account (pending people hold seats too). Buy seats or free some, "
        f"then try again.{says}",
        seat=seat,
        **facts,
    )


def _error_by_code(
    reply: Reply, call: str, says: str, facts: dict[str, Any], sent: Mapping[str, Any]
) -> ZoomError | None:
    code = reply.code
    if code == 300:
        errors = _parse_field_errors(reply, sent)
        text = f"Zoom refused a field.{_format_field_errors(errors)}{says}"
        return ZoomValidationError(text, errors=errors, **facts)
    if code == 1005:
        return ZoomUserExistsError(f"The e-mail address is in use already.{says}", **facts)
    if code == 1009:
        return ZoomForeignAccountError(
            "The address holds an active Zoom account elsewhere, which Zoom does not hand over: "
            f"invite the person from Zoom's web portal, or have them leave that account.{says}",
            **facts,
        )
    if code in _ACCOUNT_SETTING_CODES:
        return ZoomError(f"{_ACCOUNT_SETTING_CODES[code]}.{says}", remedy="human", **facts)
    if code in _NOT_FOUND_CODES or code == _INVITATION_EXPIRED:
        return _not_found_error(code, call, says, facts)
    if code == 4130:
        return ZoomValidationError(f"The group does not exist.{says}", **facts)
    if code == 2300:
        return ZoomProtocolError(
            f"Zoom does not know this endpoint; check the connection's host.{says}", **facts
        )
    return None


def _not_found_error(
    code: int | None, call: str, says: str, facts: dict[str, Any]
) -> ZoomNotFoundError:
    deletes = call.startswith("DELETE")
    if code == _INVITATION_EXPIRED:
        text = (
            "there is nothing to remove" if deletes else "create the user again, which invites them"
        )
        text = f"The user's invitation has expired; {text}.{says}"
        return ZoomNotFoundError(text, remedy="human", **facts)
    which = ": the one to delete, or the one named by transfer_email" if deletes else ""
    return ZoomNotFoundError(f"This Zoom account has no such user{which}.{says}", **facts)


def _access_error(
    reply: Reply, call: str, scope: str, says: str, facts: dict[str, Any]
) -> ZoomAuthError | ZoomPermissionError | None:
    if reply.code in _SCOPE_CODES:
        wanted = _parse_scopes(reply) or scope
        return ZoomPermissionError(
            f"The Zoom app lacks a scope. Add {wanted} to the app (Scopes page), save, and have "
            f"an admin approve it.{says}",
            scope=wanted,
            **facts,
        )
    if reply.code == 200:
        return ZoomPermissionError(
            f"Zoom does not permit {call}.{says} Where these words name no other cause: the role "
            "of the Zoom app's owner may lack a permission (for creating users: User Management > "
            "Users > Edit), which an owner changes under Role Management, or the account's plan "
            "may not include this API.",
            **facts,
        )
    if reply.code == 124 or reply.status == 401:
        return ZoomAuthError(
            "Zoom does not accept the access token, also after a new one was asked for. Check "
            f"that the app is activated and the connection names the right account.{says}",
            **facts,
        )
    if reply.status == 403:
        return ZoomPermissionError(f"Zoom denies this account the use of its API.{says}", **facts)
    return None


def _error_by_status(reply: Reply, call: str, says: str, facts: dict[str, Any]) -> ZoomError:
    if reply.status >= 500:
        return ZoomUnavailableError(f"Zoom failed at {call}.{says}", **facts)
    if reply.status == 404 and reply.code is None:
        # Only Zoom's own word may count as "there is no such person".
        return ZoomProtocolError(
            f"{call} was answered with 404 but no code of Zoom's; check the connection's host.",
            **facts,
        )
    if reply.status == 404:
        return ZoomNotFoundError(f"Zoom found nothing for {call}.{says}", **facts)
    return ZoomError(f"Zoom refused {call}.{says}", **facts)


def _parse_field_errors(reply: Reply, sent: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    listed = reply.payload.get("errors")
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, dict):
            name = sanitize_for_log(item.get("field", "?"), 80)
            text = _mask_password(item.get("message", "refused"), sent)
            found.setdefault(name, []).append(sanitize_for_log(text, 200))
    return found


def _format_field_errors(errors: Mapping[str, list[str]]) -> str:
    return "".join(f" {name}: {' '.join(texts)}" for name, texts in errors.items())


def _parse_scopes(reply: Reply) -> str | None:
    """Read which scopes Zoom names; the names are for the text, the decision is made."""
    found = re.search(r"scopes?:?\s*\[([^\]]{3,300})\]", str(reply.payload.get("message", "")))
    return ", ".join(re.findall(r"[\w:.-]+", found[1])) or None if found else None


_TOKEN_REFUSALS: Final = {
    "invalid_client": "The Client ID or the Client Secret is wrong (look for a trailing blank)",
    "invalid_request": "The Account ID is wrong",
    "unsupported_grant_type": (
        "The app is not a Server-to-Server OAuth app, or it is not activated"
    ),
    "invalid_grant": (
        "The refresh token has been used, replaced or revoked: authorise the app again"
    ),
}


def build_token_error(reply: Reply, *, now: datetime) -> ZoomError:
    """
    Turn the token endpoint's refusal into the exception to raise.

    :param reply: the reply; its ``error`` field decides (RFC 6749), not its ``reason``
    :param now: the time, with a zone
    """
    facts: dict[str, Any] = {
        "code": reply.code,
        "status": reply.status,
        "tracking_id": reply.tracking_id,
    }
    call = "the request for an access token"
    if reply.status == 429:
        return _rate_limit_error(reply, call, now, facts)
    if not reply.is_zoom:
        return _protocol_error(reply, call, facts)
    if reply.status >= 500:
        return ZoomUnavailableError(f"Zoom failed at {call}.{_quote_zoom(reply, {})}", **facts)
    if reply.ok:
        return ZoomProtocolError(
            "The token URL answered without an access token; check the connection's host.", **facts
        )
    error = str(reply.payload.get("error", ""))
    text = _TOKEN_REFUSALS.get(error, "Zoom gives no access token")
    words = reply.payload.get("reason") or reply.payload.get("message")
    says = f' Zoom says: "{sanitize_for_log(words)}"' if words else ""
    kind = InvalidClientError if error == "invalid_client" else ZoomAuthError
    return kind(f"{text}.{says}", **facts)


ErrorScope = Literal["account", "ambiguous", "person"]

ACCOUNT_LEVEL_ERRORS: Final = frozenset(
    {
        *(104, 4700, 4711),  # the app lacks a scope
        124,  # the access token
        2002,  # ssoCreate without single sign-on
        2032,  # ssoCreate without pre-provisioning
        2035,  # a kind of account that cannot add users
        2300,  # no such endpoint: the connection's host is wrong
    }
)
"""Zoom's codes that can mean nothing but the app, the account or the connection."""

AMBIGUOUS_ERRORS: Final = frozenset(
    {
        200,  # the role of the app's owner, but also one address outside the managed domains
        403,  # "denied for this account", but proxies and firewalls use it too
        2016,  # no permission, "contact support": for an action, or for a user
    }
)
"""Zoom's codes that have causes of both kinds."""


def error_scope(error: ZoomError) -> ErrorScope:
    """
    Return whether an error of one user's call would meet all users alike.

    :param error: what the call came to
    :return: ``account``: certainly; ``ambiguous``: judge by the users after it; ``person``: no
    """
    if error.code in ACCOUNT_LEVEL_ERRORS:
        return "account"
    if isinstance(error, (ZoomAuthError, ZoomDailyLimitError, ZoomStoppedError)):
        return "account"
    if error.code in AMBIGUOUS_ERRORS or error.status == 403:
        return "ambiguous"
    unclear = (ZoomPermissionError, ZoomProtocolError, ZoomRateLimitError, ZoomUnavailableError)
    return "ambiguous" if isinstance(error, unclear) else "person"
