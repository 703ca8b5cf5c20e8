"""Update one user: names to ids, decide, apply, read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoom_provider.api.client import ZoomClient
from zoom_provider.exceptions import ZoomError, ZoomValidationError
from zoom_provider.provisioning.apply_change import apply_change, changed_fields
from zoom_provider.provisioning.decide import decide_update
from zoom_provider.provisioning.names import Names
from zoom_provider.provisioning.report import Outcome


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """
    What became of an update.

    :param outcome: ``updated``, ``unchanged`` or ``pending``
    :param user: the user as Zoom shows them afterwards
    :param changed: what changed: ``{field: {"old", "new"}}``, personal fields without values
    """

    outcome: Outcome
    user: Mapping[str, Any]
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)


def update_user(
    client: ZoomClient, user: str, wanted: Mapping[str, Any], names: Names | None = None
) -> UpdateResult:
    """
    Write what differs of a user, each field by its call; a pending user is written nothing.

    :param user: id or e-mail address
    :param wanted: as :meth:`~zoom_provider.models.user_update.UserChanges.given` returns them
    :param names: the account's groups and roles, where many updates share them
    :raises ZoomNotAppliedError: Zoom said yes and did not
    :raises ZoomError: also for an inactive user, who must be activated first
    """
    _check_domain(client, wanted)
    found = client.get_user(user)
    if found.get("status") == "pending":
        return UpdateResult(Outcome.PENDING, found)
    change = decide_update((names or Names(client)).with_ids(wanted, found), found)
    if change.outcome is Outcome.NEEDS_HUMAN:
        raise ZoomError(
            f"Nothing was sent: {change.reason} (ZoomSetUserStatusOperator), since Zoom drops "
            "what is written to inactive users.",
            email=found.get("email"),
            remedy="human",
        )
    if not change.calls:
        return UpdateResult(change.outcome, found)
    return UpdateResult(change.outcome, apply_change(client, found, change), changed_fields(change))


def _check_domain(client: ZoomClient, wanted: Mapping[str, Any]) -> None:
    """Refuse a new address outside the domains that the connection allows."""
    allowed, email = client.settings.allowed_domains, wanted.get("email")
    if email and allowed and email.rpartition("@")[2].lower() not in allowed:
        text = f"is outside the connection's allowed_domains ({', '.join(sorted(allowed))})"
        raise ZoomValidationError(f"fields.email {text}.", errors={"fields.email": [text]})
