"""Lists page by page: a list is fixed in its members when its first page was asked for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from zoom_provider.simulator.errors import ApiError, invalid

PAGE_TOKEN_LIFE = 15 * 60


@dataclass(frozen=True, slots=True)
class _Page:
    keys: tuple[str, ...]
    start: int
    query: tuple[str, ...]
    expires: float


@dataclass(frozen=True, slots=True)
class Slice:
    """
    One page.

    :param total: how many the whole list has
    :param following: the token of the next page, or ``""``
    """

    keys: tuple[str, ...]
    total: int
    size: int
    number: int
    following: str

    def header(self) -> dict[str, int | str]:
        """Return what Zoom says about a page beside its rows."""
        return {
            "page_count": -(-self.total // self.size),
            "page_number": self.number,
            "page_size": self.size,
            "total_records": self.total,
            "next_page_token": self.following,
        }


class Pager:
    """Every page that a token still leads to."""

    def __init__(self) -> None:
        self._pages: dict[str, _Page] = {}

    def page(
        self,
        query: Mapping[str, str],
        keys: Callable[[], Iterable[str]],
        *,
        kind: tuple[str, ...],
        now: float,
        longest: int,
        granted: int | None = None,
    ) -> Slice:
        """
        Return one page of a list.

        :param query: the call's; ``page_size``, ``next_page_token`` and ``page_number`` count
        :param kind: what else a token belongs to
        :param longest: a larger ``page_size`` is refused
        :param granted: a page is never longer than this, whatever was asked for
        :raises ApiError: for a wrong size, or a token that is unknown, old or from another query
        """
        size = _read_number(query, "page_size", "30", longest)
        number = _read_number(query, "page_number", "1", 99_999)
        token = query.get("next_page_token", "")
        wanted = (query.get("page_size", "30"), *kind)
        size = min(size, granted or size)
        if token:
            page = self._pages.get(token)
            number = page.start // size + 1 if page else 1
        else:
            page = _Page(tuple(keys()), (number - 1) * size, wanted, float("inf"))
        if page is None or page.query != wanted or page.expires < now:
            raise ApiError("page_token")
        return self._slice(page, size, number, now)

    def _slice(self, page: _Page, size: int, number: int, now: float) -> Slice:
        stop = page.start + size
        following = ""
        if stop < len(page.keys):
            self._forget_old_pages(now)
            following = secrets.token_urlsafe(24)
            self._pages[following] = replace(page, start=stop, expires=now + PAGE_TOKEN_LIFE)
        return Slice(page.keys[page.start : stop], len(page.keys), size, number, following)

    def _forget_old_pages(self, now: float) -> None:
        # Pages were made in order of time, so the old ones are in front.
        while self._pages:
            oldest = next(iter(self._pages))
            if self._pages[oldest].expires >= now:
                break
            del self._pages[oldest]


def _read_number(query: Mapping[str, str], name: str, default: str, greatest: int) -> int:
    text = query.get(name, default)
    number = int(text) if text.isdecimal() and len(text) < 6 else 0
    if not 1 <= number <= greatest:
        raise invalid(name)
    return number
