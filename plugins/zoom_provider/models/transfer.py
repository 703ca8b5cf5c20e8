"""What a removed user's data becomes: which of it goes to which other user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, ValidationError

from zoom_provider.models import rules
from zoom_provider.models.licenses import RequestModel, max_length_validator
from zoom_provider.models.profile import STRIPPED, is_blank
from zoom_provider.models.rules import FieldErrors, rule_validator
from zoom_provider.models.validation import build_validation_error, errors_by_field, nearest_name

TRANSFERABLE: Final = (
    *("meeting", "webinar", "recording", "whiteboard", "clipfiles", "notes", "visitors", "docs"),
)


def _parse_what(value: object) -> str:
    if isinstance(value, str) and value.strip().lower() in TRANSFERABLE:
        return value.strip().lower()
    near = nearest_name(value.strip().lower(), TRANSFERABLE) if isinstance(value, str) else None
    hint = f"did you mean {near}?" if near else f"there are {', '.join(TRANSFERABLE)}"
    raise FieldErrors(f"is nothing that Zoom transfers: {hint}")


def _require(value: object) -> object:
    if is_blank(value):
        raise FieldErrors("is required: the address of the user who takes over")
    return value


class Transfer(RequestModel):
    """
    What goes to another user when one is removed.

    :param to: the address of the user who takes over; one for everything
    :param what: some of :data:`TRANSFERABLE`; without any, Zoom hands over Zoom Events only
    """

    to: Annotated[
        str, STRIPPED, AfterValidator(rule_validator(rules.email_errors)), BeforeValidator(_require)
    ]
    what: Annotated[
        tuple[Annotated[str, BeforeValidator(_parse_what)], ...],
        BeforeValidator(max_length_validator(len(TRANSFERABLE))),
    ] = ()

    def params(self) -> dict[str, Any]:
        """Return the parameters of Zoom's call."""
        return {"transfer_email": self.to, **{f"transfer_{what}": True for what in self.what}}


def validate_transfer(transfer: object) -> Transfer | None:
    """
    Hold a transfer against Zoom's rules; None where there is none.

    :param transfer: ``{"to": "lead@example.com", "what": ["meeting", ...]}``
    :raises ZoomValidationError: with everything that is wrong, by field
    """
    if transfer is None:
        return None
    if isinstance(transfer, Mapping):
        try:
            return Transfer.model_validate(transfer)
        except ValidationError as error:
            errors = errors_by_field(
                error,
                lambda place: () if place else Transfer.model_fields,
                root="transfer",
                hint=_hint,
            )
    else:
        errors = {
            "transfer": [
                f"must be an object with to and what, not {rules.json_type_name(transfer)}"
            ]
        }
    # Raised outside the handler: pydantic's error holds the input.
    raise build_validation_error(errors)


def _hint(name: str, known: Any, *, top: bool = True) -> str:
    near = nearest_name(name[:32].lower(), known)
    return f"is not known: did you mean {near}?" if near else "is not known: it takes to and what"
