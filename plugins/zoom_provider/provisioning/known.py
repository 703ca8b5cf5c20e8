"""Who is in Zoom already, found by listing or by single look-ups, whichever is cheaper."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from math import ceil
from typing import Any, Final

from zoom_provider.api.client import ZoomClient
from zoom_provider.api.listing import PAGE_SIZE, UserStatus
from zoom_provider.api.pacing import PER_SECOND
from zoom_provider.exceptions import ZoomPermissionError
from zoom_provider.provisioning.creating import Known, look_up
from zoom_provider.provisioning.roster import Row

log = logging.getLogger(__name__)

_STATUSES: Final[tuple[UserStatus, ...]] = ("active", "inactive", "pending")
_FEW: Final = len(_STATUSES)
"""So many people are looked up: to list takes at least as many calls."""


def find_known(client: ZoomClient, rows: Iterable[Row]) -> tuple[Known | None, Iterator[Row]]:
    """
    Choose how to tell whom Zoom has already.

    Listing takes a call for every 300 people of the account, each after the one before; looking
    up takes one for every person of the roster, many at once.

    :param rows: the roster; as much of it is read as the choice needs
    :return: how to tell (None where the app may not list, so that only Zoom's refusals tell), and
        all the rows
    """
    remaining = iter(rows)
    read = list(islice(remaining, _FEW + 1))
    if len(read) <= _FEW:
        return partial(look_up, client), iter(read)
    with ThreadPoolExecutor(len(_STATUSES), thread_name_prefix="zoom") as pool:
        lists = {status: client.pages(status) for status in _STATUSES}
        try:
            first = list(pool.map(next, lists.values()))
        except ZoomPermissionError as error:
            log.warning("Existing people are found by Zoom's refusals alone: %s", error)
            return None, chain(read, remaining)
        worth = _worth(client, [total - len(people) for people, total in first])
        read += islice(remaining, max(0, worth - len(read)))
        if len(read) < worth:
            return partial(look_up, client), iter(read)
        # Of each person only what the outcome needs: an account may have a hundred thousand.
        found: _Found = {}
        for (people, _), status in zip(first, _STATUSES, strict=True):
            _note(found, people, status)
        list(pool.map(partial(_note_all, found), lists.values(), _STATUSES))
    log.info("Zoom has %d people already.", len(found))
    return partial(_found, found), chain(read, remaining)


def _worth(client: ZoomClient, unlisted: list[int]) -> int:
    """Say how many people can be looked up in the time that the rest of the lists takes."""
    limits = PER_SECOND[client.settings.plan]
    pages = [ceil(max(0, people) / PAGE_SIZE) for people in unlisted]
    seconds = max(max(pages) * client.latency, sum(pages) / limits["medium"])
    return int(seconds * limits["light"])


_Found = dict[str, tuple[str | None, UserStatus]]


def _note_all(
    found: _Found, pages: Iterator[tuple[list[dict[str, Any]], int]], status: UserStatus
) -> None:
    for people, _ in pages:
        _note(found, people, status)


def _note(found: _Found, people: list[dict[str, Any]], status: UserStatus) -> None:
    for person in people:
        found[str(person.get("email", "")).lower()] = (person.get("id"), status)


def _found(found: _Found, email: str) -> Mapping[str, Any] | None:
    person = found.get(email.lower())
    return None if person is None else {"email": email, "id": person[0], "status": person[1]}
