"""The path of a person, which no id and no address can turn into another one."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from zoom_provider.exceptions import ZoomValidationError

_NOBODY: Final = frozenset({"", ".", "..", "me", "email", "features", "summary", "vanity_name"})
"""What leads from ``/users/`` to another URL, or to whoever owns the token."""


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
