"""Zoom's lists of people, page by page, with a guard against those that never end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

from zoom_provider.exceptions import ZoomError, ZoomProtocolError, ZoomValidationError

log = logging.getLogger(__name__)

UserStatus = Literal["active", "inactive", "pending"]

PAGE_SIZE: Final = 300
"""The largest page that all editions of Zoom's reference allow."""
_SMALL_PAGE: Final = 30
"""Zoom's own page size where none is asked for."""

Fetch = Callable[[Mapping[str, str]], dict[str, Any]]
"""Gets one page by the parameters of ``GET /users``, or raises."""


def pages(fetch: Fetch, status: UserStatus) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """
    Yield the people of a status by pages, each with the number of people that Zoom announces.

    A list that ends early is logged: Zoom may leave people out without an error.

    :raises ZoomProtocolError: the pages do not end
    """
    params = {"status": status, "page_size": str(PAGE_SIZE)}
    seen: set[str] = set()
    size = listed = 0
    while True:
        page = _next(fetch, params)
        rows = page.get("users")
        if not isinstance(rows, list):
            raise ZoomProtocolError(
                f"Zoom's list of {status} people holds no people; check the connection's host."
            )
        announced = page.get("total_records")
        total = announced if isinstance(announced, int) else 0
        listed += len(rows)
        yield rows, total
        token = str(page.get("next_page_token") or "")
        if not token:
            if listed < total:
                log.warning(
                    "Zoom announced %d %s users and listed %d: %d are missing from this list. Read "
                    "it again; if it stays so, ask Zoom's support.",
                    total,
                    status,
                    listed,
                    total - listed,
                )
            return
        # People may join while we read, but never twice as many as Zoom announced; and its
        # pages may be shorter than we ask for.
        size = size or max(len(rows), _SMALL_PAGE)
        most = 10 + 2 * total // size
        if token in seen or len(seen) >= most:
            raise ZoomProtocolError(
                f"Zoom's list of {status} people does not end: page {len(seen) + 1} still "
                "names a next one. Read it again; if it stays so, ask Zoom's support."
            )
        seen.add(token)
        params = params | {"next_page_token": token}


def _next(fetch: Fetch, params: Mapping[str, str]) -> dict[str, Any]:
    try:
        return fetch(params)
    except ZoomValidationError as error:
        if "next_page_token" not in params:
            raise
        raise ZoomError(
            "Zoom does not go on with its list of people: a page's token lives for 15 "
            "minutes. Read the list again, without long pauses.",
            code=error.code,
            status=error.status,
            tracking_id=error.tracking_id,
            remedy="retry",
        ) from None
