"""Rows of any source in, people to create and rejects out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.user import CreateRequest
from zoom_provider.models.validation import sanitize_for_log

Check = Callable[[object], CreateRequest]
"""Makes the request of a ``user_info`` object, or raises ZoomValidationError."""


class Record(NamedTuple):
    """
    What a source holds in one row.

    :param number: its place: from 1 in a list, as a spreadsheet or an editor counts in a file
    :param value: a ``user_info``, what a mapping makes one of, or why it is neither
    :param key: what its source knows it by, such as an employee number
    """

    number: int
    value: object
    key: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row of the input.

    :param number: its place in the source
    :param email: the address, for people; may not be one
    :param request: what to ask of Zoom; None for a row that is no person to create
    :param error: why it is none
    :param first: the number of the row that this one repeats
    :param key: what its source knows it by
    :param not_due: why its first day does not fall into the run
    """

    number: int
    email: str
    request: CreateRequest | None = None
    error: ZoomValidationError | None = None
    first: int | None = None
    key: str = ""
    not_due: str | None = None

    @property
    def address(self) -> str:
        """What a person is recognised by in every try, wherever the row stands."""
        return self.email.lower()


@dataclass(frozen=True, slots=True)
class Listed:
    """
    A row as it is recognised by another try.

    :param row: its number in the source
    :param key: what its source knows it by
    :param email: as given; empty for none
    :param departed: whether it is owed from an earlier roster and not in this one
    :param not_due: whether its first day does not fall into the run
    """

    row: int
    key: str
    email: str
    departed: bool = False
    not_due: bool = False

    @property
    def address(self) -> str:
        """What a person is recognised by in every try, wherever the row stands."""
        return self.email.lower()


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """
    A row that is no user, whatever else Zoom's rules say of it.

    :param errors: why, by field
    :param user_info: the fields that could be read; None where none can be distinguished
    """

    errors: dict[str, list[str]]
    user_info: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class NotDue:
    """
    A row whose first day does not fall into the run.

    :param reason: why not
    :param user_info: what the row holds, valid or not
    """

    reason: str
    user_info: object = None


def read(
    records: Iterable[Record], check: Check, *, shard: tuple[int, int] | None = None
) -> Iterator[Row]:
    """
    Turn records into rows, each e-mail address once: the first row wins.

    :param records: numbered ``user_info`` objects
    :param shard: ``(i, n)``: only the rows whose address falls to part i of n; a row without an
        address falls to part 0
    """
    seen: dict[str, int] = {}
    for number, user_info, key in records:
        email = _email_of(user_info)
        if shard is not None and not in_shard(email, *shard):
            continue
        if isinstance(user_info, NotDue):
            # It takes no address: a later row of the same person may be due.
            yield Row(number, sanitize_for_log(email, 128), key=key, not_due=user_info.reason)
            continue
        try:
            if isinstance(user_info, InvalidRow):
                raise _all_faults(user_info, check)
            request = check(user_info)
        except ZoomValidationError as error:
            yield Row(number, sanitize_for_log(email, 128), error=error, key=key)
            continue
        first = seen.setdefault(request.email.lower(), number)
        if first == number:
            yield Row(number, request.email, request, key=key)
        else:
            yield Row(number, request.email, first=first, key=key)


def listed(records: Iterable[Record], *, shard: tuple[int, int] | None = None) -> Iterator[Listed]:
    """Yield number, key and address of the rows that :func:`read` would give."""
    for number, user_info, key in records:
        email = _email_of(user_info)
        if shard is None or in_shard(email, *shard):
            yield Listed(number, key, email, not_due=isinstance(user_info, NotDue))


def from_list(users: Iterable[object]) -> Iterator[Record]:
    """Give the items of a list their numbers, from 1."""
    return (Record(number, user) for number, user in enumerate(users, start=1))


def _all_faults(row: InvalidRow, check: Check) -> ZoomValidationError:
    """Add what Zoom's rules say of the other fields, so that HR corrects a row once."""
    errors = dict(row.errors)
    if row.user_info is not None:
        try:
            check(row.user_info)
        except ZoomValidationError as error:
            for field_name, texts in error.errors.items():
                errors.setdefault(field_name, list(texts))
    listed = "; ".join(f"{name} {text}" for name, texts in errors.items() for text in texts)
    return ZoomValidationError(listed, errors=errors)


def _email_of(user_info: Any) -> str:
    if isinstance(user_info, NotDue):
        user_info = user_info.user_info
    if isinstance(user_info, InvalidRow):
        user_info = user_info.user_info
    email = user_info.get("email") if isinstance(user_info, Mapping) else None
    return email.strip() if isinstance(email, str) else ""


def in_shard(email: str, part: int, parts: int) -> bool:
    """Say whether an address falls to part i of n; an empty one falls to the first."""
    digest = hashlib.sha256(email.lower().encode("utf-8", "replace")).digest()
    return (int.from_bytes(digest) if email else 0) % parts == part
