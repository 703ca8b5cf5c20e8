"""Who is in the account: by listing it or by single look-ups, whichever is cheaper."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from math import ceil
from typing import Any, Final, Literal

from zoom_provider.api.client import ZoomClient
from zoom_provider.api.paging import PAGE_SIZE
from zoom_provider.api.rate_limit import PER_SECOND
from zoom_provider.api.users import UserStatus
from zoom_provider.exceptions import ZoomError, ZoomPermissionError
from zoom_provider.provisioning.create_user import find_user
from zoom_provider.provisioning.roster import Row

log = logging.getLogger(__name__)

_STATUSES: Final[tuple[UserStatus, ...]] = ("active", "inactive", "pending")
_LOOKUP_LIMIT: Final = len(_STATUSES)
"""So many users are looked up: to list takes at least as many calls."""

_UserIndex = dict[str, tuple[str | None, UserStatus]]


@dataclass(frozen=True, slots=True)
class Directory:
    """
    Finds existing users.

    :param client: looks users up
    :param kind: ``listed`` (:meth:`find` makes no call), ``look_up`` (it makes one) or
        ``unknown`` (the app may not read users: only Zoom's refusals show who exists)
    """

    client: ZoomClient
    kind: Literal["listed", "look_up", "unknown"]
    _index: _UserIndex = field(default_factory=dict, repr=False)

    def find(self, email: str) -> Mapping[str, Any] | None:
        """Return a user, at least ``id`` (None if pending) and ``status``; None where absent."""
        if self.kind == "look_up":
            return find_user(self.client, email)
        user = self._index.get(email.lower())
        return None if user is None else {"email": email, "id": user[0], "status": user[1]}


def open_directory(client: ZoomClient, rows: Iterable[Row]) -> tuple[Directory, Iterator[Row]]:
    """
    Choose how to find existing users.

    Listing takes a call for every 300 users of the account, each after the one before; looking
    up takes one for every row of the roster, many at once.

    :param rows: those to be processed; as many are read as the choice needs
    :return: the directory, and all the rows
    """
    remaining = iter(rows)
    read = list(islice(remaining, _LOOKUP_LIMIT + 1))
    if len(read) <= _LOOKUP_LIMIT:
        return Directory(client, "look_up"), iter(read)
    with ThreadPoolExecutor(len(_STATUSES), thread_name_prefix="zoom") as pool:
        try:
            return _choose_directory(client, read, remaining, pool)
        except ZoomError:
            raise
        except BaseException:
            # The task's time is up: the lists, for which the pool waits, end with their next page.
            client.stop.set()
            raise


def _choose_directory(
    client: ZoomClient, read: list[Row], remaining: Iterator[Row], pool: ThreadPoolExecutor
) -> tuple[Directory, Iterator[Row]]:
    lists = {status: client.list_user_pages(status) for status in _STATUSES}
    try:
        first = list(pool.map(next, lists.values()))
    except ZoomPermissionError as error:
        log.warning("Existing users are found by Zoom's refusals alone: %s", error)
        return Directory(client, "unknown"), chain(read, remaining)
    cheap = _count_cheap_lookups(client, [total - len(users) for users, total in first])
    read += islice(remaining, max(0, cheap - len(read)))
    if len(read) < cheap:
        return Directory(client, "look_up"), iter(read)
    # Of each user only what the outcome needs: an account may have a hundred thousand.
    index: _UserIndex = {}
    for (users, _), status in zip(first, _STATUSES, strict=True):
        _index_page(index, users, status)
    list(pool.map(partial(_index_pages, index), lists.values(), _STATUSES))
    log.info("Zoom has %d users already.", len(index))
    return Directory(client, "listed", index), chain(read, remaining)


def _count_cheap_lookups(client: ZoomClient, unlisted: list[int]) -> int:
    """Return how many users can be looked up in the time that the rest of the lists takes."""
    limits = PER_SECOND[client.settings.plan]
    pages = [ceil(max(0, users) / PAGE_SIZE) for users in unlisted]
    seconds = max(max(pages) * client.latency, sum(pages) / limits["medium"])
    return int(seconds * limits["light"])


def _index_pages(
    index: _UserIndex, pages: Iterator[tuple[list[dict[str, Any]], int]], status: UserStatus
) -> None:
    for users, _ in pages:
        _index_page(index, users, status)


def _index_page(index: _UserIndex, users: list[dict[str, Any]], status: UserStatus) -> None:
    for user in users:
        index[str(user.get("email", "")).lower()] = (user.get("id"), status)
