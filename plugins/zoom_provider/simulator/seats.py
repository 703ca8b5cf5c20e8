"""The seats of the account: how many there are, and whether one is left."""

from __future__ import annotations

from typing import Literal

from zoom_provider.simulator.errors import ApiError
from zoom_provider.simulator.person import Person
from zoom_provider.simulator.settings import SimulatorSettings
from zoom_provider.simulator.world import World

Purpose = Literal["create", "convert", "activate"]
_WORDED_TWICE = {
    ("basic", "create"): "basic_full",
    ("basic", "convert"): "basic_convert",
    ("basic", "activate"): "basic_activate",
    ("licensed", "create"): "licensed_full",
    ("licensed", "convert"): "licensed_convert",
    ("licensed", "activate"): "licensed_convert",
}
_FEATURES = {"webinar": "Webinar", "large_meeting": "Large Meeting"}


def limit(settings: SimulatorSettings, seat: str) -> int | None:
    """Return how many seats of a kind the account has; None for any number."""
    if seat.startswith("plan "):
        return settings.plan_seats.get(seat.removeprefix("plan "))
    number: int | None = getattr(settings.seats, seat)
    return number


def check_seats(world: World, before: Person | None, after: Person, purpose: Purpose) -> None:
    """
    Insist on a seat of each kind that a person needs and does not hold yet.

    :raises ApiError: where none is left
    """
    held = before.seats if before else frozenset()
    for seat in sorted(after.seats - held):
        maximum = limit(world.settings, seat)
        if maximum is not None and world.people.seats[seat] >= maximum:
            back = before is not None and bool(before.plan) and not after.plan
            raise _full(world.settings, seat, maximum, purpose, gives_plan_back=back)


def _full(
    settings: SimulatorSettings, seat: str, maximum: int, purpose: Purpose, *, gives_plan_back: bool
) -> ApiError:
    if seat in _FEATURES:
        return ApiError("feature_full", maximum=maximum, feature=_FEATURES[seat])
    if seat == "zoom_phone":
        return ApiError("zoom_phone_full")
    if seat == "zoom_one" or seat.startswith("plan "):
        return ApiError("zoom_one_full")
    if seat == "unassigned":
        cause = "unassigned_activate" if purpose == "activate" else "unassigned_full"
        return ApiError(cause, maximum=maximum)
    if gives_plan_back:
        return ApiError("zoom_one_off")
    return ApiError(f"{_WORDED_TWICE[seat, purpose]}_{settings.seat_codes}", maximum=maximum)
