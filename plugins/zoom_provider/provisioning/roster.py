"""Rows of any source in, people to create and rejects out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from zoom_provider.api.replies import printable
from zoom_provider.api.user_info import CreateRequest
from zoom_provider.exceptions import ZoomValidationError


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row of the input.

    :param number: its place, from 1
    :param email: the address, for people; may not be one
    :param request: what to ask of Zoom; None for a row that is no person to create
    :param error: why it is none
    :param first: the number of the row that this one repeats
    """

    number: int
    email: str
    request: CreateRequest | None = None
    error: ZoomValidationError | None = None
    first: int | None = None


def read(users: Iterable[object], check: Callable[[object], CreateRequest]) -> Iterator[Row]:
    """
    Turn rows into people, each e-mail address once: the first row wins.

    :param users: ``user_info`` objects
    :param check: makes the request, or raises ZoomValidationError
    """
    seen: dict[str, int] = {}
    for number, user_info in enumerate(users, start=1):
        try:
            request = check(user_info)
        except ZoomValidationError as error:
            yield Row(number, _email_of(user_info), error=error)
            continue
        first = seen.setdefault(request.email.lower(), number)
        if first == number:
            yield Row(number, request.email, request)
        else:
            yield Row(number, request.email, first=first)


def _email_of(user_info: Any) -> str:
    email = user_info.get("email") if isinstance(user_info, dict) else None
    return printable(email, 128) if isinstance(email, str) else ""
