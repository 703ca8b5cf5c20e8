"""Zoom's calls, each a function of the world and the call; it runs in one go, under the lock."""

from __future__ import annotations

from zoom_provider.simulator.calls import Call
from zoom_provider.simulator.operations import (
    departures,
    groups,
    licenses,
    roles,
    status,
    updates,
    users,
)
from zoom_provider.simulator.operations.common import Operation, Operations

__all__ = ["OPERATIONS", "Operation", "find_operation"]

# A star stands for one path segment; fixed words are looked up first.
OPERATIONS: Operations = {
    **users.OPERATIONS,
    **updates.OPERATIONS,
    **status.OPERATIONS,
    **departures.OPERATIONS,
    **groups.OPERATIONS,
    **roles.OPERATIONS,
    **licenses.OPERATIONS,
}


def find_operation(call: Call) -> Operation | None:
    """Find what a call asks for."""
    version, *rest = call.segments
    if version != "v2" or not all(rest):
        return None
    for pattern in _patterns(rest):
        operation = OPERATIONS.get((call.method, *pattern))
        if operation is not None:
            return operation
    return None


def _patterns(rest: list[str]) -> list[tuple[str, ...]]:
    """Return the shapes that a path may have, the most exact one first."""
    starred = [(*rest[:1], "*", *rest[2:])] if len(rest) > 1 else []
    member = [(rest[0], "*", rest[2], "*")] if len(rest) == 4 else []
    return [tuple(rest), *starred, *member]
