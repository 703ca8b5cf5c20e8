"""Free seats: counted before the first creation, and reserved for each one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomLicenseError
from zoom_provider.models.rules import UserType
from zoom_provider.models.user import CreateRequest
from zoom_provider.provisioning.options import PurchasedSeats

_SEAT_BY_TYPE: Final[dict[int, str]] = {UserType.BASIC: "basic", UserType.LICENSED: "licensed"}
_COUNT_FIELDS: Final = {"basic": "basic_users_count", "licensed": "licensed_users_count"}


class Seats:
    """
    The seats that are free; safe for several threads.

    :param free: by kind (``basic``, ``licensed``); a kind that is absent is not counted
    :param else_basic: create users as basic if no licensed seat is left
    """

    def __init__(self, free: Mapping[str, int], *, else_basic: bool = False) -> None:
        self.free = dict(free)
        self._else_basic = else_basic
        self._lock = threading.Lock()

    def reserve(self, request: CreateRequest) -> tuple[CreateRequest, str | None]:
        """
        Reserve a seat; return the request that fits it, and a note if it was changed.

        :raises ZoomLicenseError: no seat is left
        """
        seat = _SEAT_BY_TYPE.get(request.user_info.type)
        with self._lock:
            if self._reserve_kind(seat):
                return request, None
            if (other := self._reserve_basic(request)) is not None:
                return other
        raise ZoomLicenseError(
            f"No {seat} seat is free: those bought (seats) are all in use, by pending people too.",
            seat=seat,
            email=request.email,
        )

    def on_refused(
        self, request: CreateRequest, error: ZoomLicenseError
    ) -> tuple[CreateRequest, str | None] | None:
        """
        Correct the count when Zoom refuses a request that had reserved a seat.

        :return: another request to try, and its note; None where there is none
        """
        seat = _SEAT_BY_TYPE.get(request.user_info.type)
        if error.seat != seat or seat is None:
            self.release(request)
            return None
        with self._lock:
            self.free[seat] = 0
            return self._reserve_basic(request)

    def _reserve_basic(self, request: CreateRequest) -> tuple[CreateRequest, str | None] | None:
        """Reserve a basic seat instead of a licensed one, if ``else_basic`` allows it."""
        if not self._else_basic or request.user_info.type != UserType.LICENSED:
            return None
        if not self._reserve_kind("basic"):
            return None
        user_info = request.user_info.model_copy(update={"type": UserType.BASIC})
        changed = CreateRequest(request.action, user_info, request.warnings)
        return changed, "created as basic, no licensed seat is free"

    def release(self, request: CreateRequest) -> None:
        """Release the seat of a user who was not created."""
        seat = _SEAT_BY_TYPE.get(request.user_info.type)
        with self._lock:
            if seat in self.free:
                self.free[seat] += 1

    def _reserve_kind(self, seat: str | None) -> bool:
        if seat is None or seat not in self.free:
            return True
        if self.free[seat] <= 0:
            return False
        self.free[seat] -= 1
        return True


def count_free_seats(client: ZoomClient, bought: PurchasedSeats) -> Seats:
    """Count what is free of the seats bought; active and pending users hold one each."""
    summary = client.count_users()
    used = {kind: _parse_count(summary.get(name)) for kind, name in _COUNT_FIELDS.items()}
    pending = list(client.list_user_pages("pending"))
    active, inactive = (
        next(client.list_user_pages(status))[1] for status in ("active", "inactive")
    )
    has_pending, has_inactive = _detect_counted_statuses(summary, active, pending[0][1], inactive)
    if not has_pending:
        for people, _ in pending:
            for person in people:
                seat = _SEAT_BY_TYPE.get(person.get("type", 0))
                if seat is not None:
                    used[seat] += 1
    if has_inactive:
        # Zoom takes a deactivated person's licence away, and lists them as basic.
        used["basic"] = max(0, used["basic"] - inactive)
    counted = {"basic": bought.basic, "licensed": bought.licensed}
    free = {kind: number - used[kind] for kind, number in counted.items() if number is not None}
    return Seats(free, else_basic=bought.else_basic)


def _detect_counted_statuses(
    summary: Mapping[str, Any], active: int, pending: int, inactive: int
) -> tuple[bool, bool]:
    """
    Return whether Zoom's summary counts pending and inactive users; its reference leaves it open.

    The lists show it: their totals add up to the summary's. Where more than one sum fits, take the
    one that leaves more seats free, since Zoom itself refuses those that are not.
    """
    people = _parse_count(summary.get("total_users_count")) - _parse_count(
        summary.get("room_users_count")
    )
    return min(
        ((True, True), (True, False), (False, True), (False, False)),
        key=lambda has: abs(people - active - has[0] * pending - has[1] * inactive),
    )


def _parse_count(value: object) -> int:
    return value if isinstance(value, int) else 0
