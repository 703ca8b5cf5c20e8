"""
What an error concerns: the whole account, one user, or perhaps both. Data, and one function.

A bulk run stops at once for what concerns the account, goes on after what concerns one user, and
stops for what is ambiguous only after several users in a row fared alike. Zoom's code decides; its
texts play no part.
"""

from __future__ import annotations

from typing import Final, Literal

from zoom_provider.exceptions import (
    ZoomAuthError,
    ZoomDailyLimitError,
    ZoomError,
    ZoomPermissionError,
    ZoomProtocolError,
    ZoomRateLimitError,
    ZoomStoppedError,
    ZoomUnavailableError,
)

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
