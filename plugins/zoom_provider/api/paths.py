"""The path of a person, which no id and no address can turn into another one, and its query."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final
from urllib.parse import quote

from zoom_provider.exceptions import ZoomValidationError

_NOBODY: Final = frozenset({"", ".", "..", "me", "email", "features", "summary", "vanity_name"})
"""What leads from ``/users/`` to another URL, or to whoever owns the token."""

_TRANSFERS: Final = tuple(
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


def path_of(user: str) -> str:
    """
    Put an id or an e-mail address into a path, so that it stays one segment of it.

    :raises ZoomValidationError: it names nobody
    """
    # Somebody pending has no id in Zoom's lists, so that None comes easily.
    text = str(user or "").strip()
    if text.lower() in _NOBODY:
        raise ZoomValidationError(
            "user must be an id or an e-mail address", errors={"user": ["is neither"]}
        )
    try:
        return f"/users/{quote(text, safe='')}"
    except UnicodeEncodeError:
        raise ZoomValidationError(
            "user holds a character that no address has", errors={"user": ["is not a text"]}
        ) from None


def template_of(path: str) -> str:
    """Return a path below ``/users`` without the user: fit for a log line."""
    _, _, named, *rest = [*path.split("/"), ""]
    if named in ("", *_NOBODY):
        return path
    return "/".join(["/users/{user}", *rest]).rstrip("/")


def transfer_params(transfer: Mapping[str, str | bool]) -> dict[str, str]:
    """
    Build the query that says which data of a deleted user go to which other user.

    :raises ZoomValidationError: Zoom has no parameter of that name
    """
    for name in transfer:
        if name not in _TRANSFERS:
            near = get_close_matches(name, _TRANSFERS, n=1) or ["transfer_email"]
            raise ZoomValidationError(
                f"There is no {name}; did you mean {near[0]}?", errors={name: ["is unknown"]}
            )
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in transfer.items()
    }
