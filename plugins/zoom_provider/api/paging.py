"""Zoom's lists, page by page, with a guard against those that never end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from zoom_provider.exceptions import ZoomError, ZoomProtocolError, ZoomValidationError

log = logging.getLogger(__name__)

PAGE_SIZE: Final = 300
"""The largest page that all editions of Zoom's reference allow."""
_SMALL_PAGE: Final = 30
"""Zoom's own page size where none is asked for."""

Page = tuple[list[dict[str, Any]], int]
"""The entries of a page, and the number of entries that Zoom announces for the whole list."""

FetchPage = Callable[[Mapping[str, str]], dict[str, Any]]
"""Gets one page by the parameters of its query, or raises."""


def read_pages(
    fetch: FetchPage, *, key: str, what: str, params: Mapping[str, str] | None = None
) -> Iterator[Page]:
    """
    Yield a list by pages; a list that ends early is logged, since Zoom may omit entries silently.

    :param key: where a page holds its entries
    :param what: what the list holds, for texts, such as ``active users``
    :param params: of the query, besides those of the paging
    :raises ZoomProtocolError: the pages do not end
    """
    query = {**(params or {}), "page_size": str(PAGE_SIZE)}
    seen: set[str] = set()
    size = listed = 0
    while True:
        page = _fetch_next(fetch, query, what)
        rows = page.get(key)
        if not isinstance(rows, list):
            raise ZoomProtocolError(
                f"Zoom's list of {what} has no field {key}; check the connection's host."
            )
        announced = page.get("total_records")
        total = announced if isinstance(announced, int) else 0
        listed += len(rows)
        yield rows, total
        token = str(page.get("next_page_token") or "")
        if not token:
            if listed < total:
                log.warning(
                    "Zoom announced %d %s and listed %d: %d are missing from this list. Read it "
                    "again; if it stays so, ask Zoom's support.",
                    total,
                    what,
                    listed,
                    total - listed,
                )
            return
        # Entries may be added while we read, but never twice as many as Zoom announced; and its
        # pages may be shorter than we ask for.
        size = size or max(len(rows), _SMALL_PAGE)
        max_pages = 10 + 2 * total // size
        if token in seen or len(seen) >= max_pages:
            raise ZoomProtocolError(
                f"Zoom's list of {what} does not end: page {len(seen) + 1} still names a next "
                "one. Read it again; if it stays so, ask Zoom's support."
            )
        seen.add(token)
        query = query | {"next_page_token": token}


def _fetch_next(fetch: FetchPage, query: Mapping[str, str], what: str) -> dict[str, Any]:
    try:
        return fetch(query)
    except ZoomValidationError as error:
        if "next_page_token" not in query:
            raise
        raise ZoomError(
            f"Zoom refuses the next page of its list of {what}: a page's token lives for 15 "
            "minutes. Read the list again, without long pauses.",
            code=error.code,
            status=error.status,
            tracking_id=error.tracking_id,
            remedy="retry",
        ) from None
