"""The parameters of the operators for one existing user, checked by type."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, get_args

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning.remove_user import RemoveAction
from zoom_provider.provisioning.set_status import StatusAction

_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}
ON_PENDING: Final = ("fail", "skip", "wait")


def parse_user(user: object) -> str:
    """
    Return the id or address of a user.

    :raises ZoomValidationError: it is none; a template of nothing renders to ``None``
    """
    text = user.strip() if isinstance(user, str) else ""
    if text.lower() in ("", "none", "null"):
        raise ZoomValidationError(
            "user must be an id or an e-mail address", errors={"user": ["is neither"]}
        )
    return text


def parse_word(name: str, value: object, words: Collection[str]) -> str:
    """
    Return one of several words.

    :raises ZoomValidationError: it is none of them
    """
    text = value.strip() if isinstance(value, str) else value
    if text not in words:
        wanted = f"must be one of {', '.join(words)}"
        raise ZoomValidationError(f"{name} {wanted}", errors={name: [wanted]})
    return str(text)


def parse_boolean(name: str, value: object) -> bool:
    """
    Return True or False, also of the text that a template renders.

    :raises ZoomValidationError: it is neither
    """
    found = _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise ZoomValidationError(
            f"{name} must be True or False", errors={name: ["must be True or False"]}
        )
    return found


def parse_status_action(value: Any) -> StatusAction:
    """
    Return ``activate`` or ``deactivate``.

    :raises ZoomValidationError: it is neither
    """
    return parse_word("action", value, get_args(StatusAction))  # type: ignore[return-value]  # checked


def parse_remove_action(value: Any) -> RemoveAction:
    """
    Return ``disassociate`` or ``delete``.

    :raises ZoomValidationError: it is neither
    """
    return parse_word("action", value, get_args(RemoveAction))  # type: ignore[return-value]  # checked
