"""The plans and licences that a person can be given at creation, with Zoom's values for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from zoom_provider.models import rules
from zoom_provider.models.rules import FieldErrors, require, rule_validator

#: The values of ``feature.zoom_one_type``: the plans of Zoom Workplace and Zoom One, each a power
#: of two.  The three largest appear rounded in Zoom's published reference.
ZOOM_ONE_TYPES: Final = frozenset(
    1 << bit
    for bit in (
        *(4, 5, 6, 7, 25, 27, 28, 29, 30, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42),
        *(54, 56, 57, 59),
    )
)
#: The values of ``plan_united_type``, which Zoom wants as strings.
PLAN_UNITED_TYPES: Final = frozenset(str(1 << bit) for bit in range(18))
#: The values of ``license_info_list[].license_option``, by ``license_type``.
LICENSE_OPTIONS: Final = {
    "MEETING": frozenset({2}),
    "ZOOM_WORKPLACE_BUNDLE": frozenset({4, 8}) | ZOOM_ONE_TYPES,
}
# What JavaScript makes of them, and so what is copied from that reference.
_ROUNDED_VALUES = {
    72057594037927940: 1 << 56,
    144115188075855870: 1 << 57,
    576460752303423500: 1 << 59,
}


def max_length_validator(most: int) -> Callable[[object], object]:
    """Make the test for a list's length, before anything looks at what may be a million items."""

    def test(value: object) -> object:
        if value is not None and not isinstance(value, list | tuple):
            raise FieldErrors("must be a list")
        if value is not None and len(value) > most:
            raise FieldErrors(
                f"must not have more than {most} {'entry' if most == 1 else 'entries'}"
            )
        return value

    return test


def parse_option(value: object, allowed: frozenset[int], what: str) -> int:
    """Read one of the numbers that Zoom has for a plan or licence."""
    number = rules.parse_whole_number(require(value))
    if number is None:
        raise FieldErrors("must be a whole number")
    if number in allowed:
        return number
    if (meant := _ROUNDED_VALUES.get(number)) in allowed:
        raise FieldErrors(f"is rounded, as in Zoom's published reference: write {meant}")
    raise FieldErrors(f"is not a value of Zoom's {what}")


def _parse_zoom_one_type(value: object) -> int | None:
    return None if value is None else parse_option(value, ZOOM_ONE_TYPES, "zoom_one_type")


def parse_united_plan(value: object) -> str | None:
    """Read one of :data:`PLAN_UNITED_TYPES`, also from a number."""
    if value is None:
        return None
    number = rules.parse_whole_number(value)
    if number is None or str(number) not in PLAN_UNITED_TYPES:
        raise FieldErrors('must be one of Zoom\'s values, the powers of two from "1" to "131072"')
    return str(number)


def _parse_license_type(value: object) -> str:
    if isinstance(require(value), str) and value in LICENSE_OPTIONS:
        return str(value)
    raise FieldErrors(f"must be {' or '.join(LICENSE_OPTIONS)}")


#: An identifier that Zoom gave out.
Id = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True),
    AfterValidator(rule_validator(rules.id_errors)),
    BeforeValidator(require),
]


class RequestModel(BaseModel):
    """What all parts of a request have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Feature(RequestModel):
    """
    What the person is given besides meetings.

    :param zoom_phone: whether Zoom Phone is on
    :param zoom_one_type: the plan, one of :data:`ZOOM_ONE_TYPES`
    """

    zoom_phone: StrictBool | None = None
    zoom_one_type: Annotated[int | None, BeforeValidator(_parse_zoom_one_type)] = None


class LicenseInfo(RequestModel):
    """
    A licence out of one of several subscriptions of the account.

    :param license_type: ``MEETING`` or ``ZOOM_WORKPLACE_BUNDLE``
    :param license_option: one of :data:`LICENSE_OPTIONS` of that type
    :param subscription_id: the subscription, as ``SUBREF-xxxxxx-xxxxxx``
    """

    license_type: Annotated[str, BeforeValidator(_parse_license_type)]
    license_option: int
    subscription_id: Id

    @field_validator("license_option", mode="plain")
    @classmethod
    def _fits_license_type(cls, value: object, info: ValidationInfo) -> int:
        """Refuse what the type does not come with; of an unknown type, nothing is said."""
        license_type = info.data.get("license_type")
        if license_type is None:
            return parse_option(
                value, frozenset().union(*LICENSE_OPTIONS.values()), "license_option"
            )
        return parse_option(
            value, LICENSE_OPTIONS[license_type], f"license_option for {license_type}"
        )
