"""Add many users to a group, thirty a call, and find out which of them Zoom left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomNotAppliedError

_BATCH: Final = 30
"""Users that Zoom takes in one call."""


def add_to_group(client: ZoomClient, group: str, users: Sequence[str]) -> None:
    """
    Add users to a group; one who is a member already stays one.

    :param group: the group's id
    :param users: ids or e-mail addresses
    :raises ZoomNotAppliedError: Zoom answered with success and left users out
    """
    unique = list(dict.fromkeys(users))
    left_out: list[str] = []
    for start in range(0, len(unique), _BATCH):
        batch = unique[start : start + _BATCH]
        if len(client.add_group_members(group, batch)) < len(batch):
            # Zoom answers 201 also for members, and for users that it ignores.
            left_out += [
                user for user in batch if group not in client.get_user(user).get("group_ids", ())
            ]
    if left_out:
        raise ZoomNotAppliedError(
            f"Zoom answered with success and did not add {', '.join(left_out[:10])} to the group "
            f"({len(left_out)} of {len(unique)}): pending users join no group before they have "
            "accepted.",
            fields={user: {"old": None, "wanted": group, "found": None} for user in left_out},
        )
