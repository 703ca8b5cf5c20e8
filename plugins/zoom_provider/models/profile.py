"""The parts of a user's profile, and Zoom's rules for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StringConstraints

from zoom_provider.models import rules
from zoom_provider.models.licenses import (
    ZOOM_ONE_TYPES,
    RequestModel,
    parse_option,
    parse_united_plan,
)
from zoom_provider.models.rules import FieldErrors, rule_validator

NO_UNITED_PLAN: Final = "none"
"""PATCH's word for no Zoom United plan."""
PHONE_LABELS: Final = ("Mobile", "Office", "Home", "Fax")
TYPES_TEXT: Final = "1 (Basic), 2 (Licensed) or 4 (Unassigned without Meetings Basic)"
_TYPES: Final = {"BASIC": 1, "LICENSED": 2, "UNASSIGNED": 4}
_HTML: Final = re.compile(r"https?://|www\.|<[a-z/]", re.IGNORECASE)

STRIPPED: Final = StringConstraints(strict=True, strip_whitespace=True)


def text_rule(length: int | None = None) -> Callable[[str], list[str]]:
    """Build the rule for a text without control characters, of at most ``length`` characters."""

    def rule(text: str) -> list[str]:
        long = length is not None and len(text) > length
        return [
            *([f"must not have more than {length} characters"] if long else []),
            *rules.id_errors(text),
        ]

    return rule


def clearable(rule: Callable[[str], Sequence[str]]) -> AfterValidator:
    """Build the validator of a text that obeys a rule; one of blanks only clears the field."""
    obey = rule_validator(rule)
    return AfterValidator(lambda text: obey(text) if text else None)


def not_clearable(instead: str) -> BeforeValidator:
    """Refuse ``null`` in a field that Zoom cannot clear."""

    def check(value: object) -> object:
        if is_blank(value):
            raise FieldErrors(f"cannot be cleared: {instead}")
        return value

    return BeforeValidator(check)


def is_blank(value: object) -> bool:
    """Say whether a value stands for nothing: null, or blanks only."""
    return value is None or (isinstance(value, str) and not value.strip())


def blank_is_none(value: object) -> object:
    """Read blanks as null."""
    return None if is_blank(value) else value


def parse_type(value: object) -> int:
    """Read the kind of seat: 1, 2 or 4."""
    number = rules.parse_whole_number(value)
    if number in _TYPES.values():
        return int(number or 0)
    word = value.strip().upper() if isinstance(value, str) else ""
    text = f"must be {TYPES_TEXT}, not {rules.describe_type(value)}"
    raise FieldErrors(f"{text} (write {_TYPES[word]})" if word in _TYPES else text)


def parse_optional_plan(value: object) -> str | None:
    """Read a Zoom United plan; PATCH's ``none`` and the ``0`` of other calls are None."""
    word = str(value).strip().lower() if isinstance(value, str | int) else value
    return None if word in (None, "", "0", NO_UNITED_PLAN) else parse_united_plan(value)


def parse_optional_zoom_one(value: object) -> int | None:
    """Read a Zoom Workplace plan; 0 is None."""
    if is_blank(value) or rules.parse_whole_number(value) == 0:
        return None
    return parse_option(value, ZOOM_ONE_TYPES, "zoom_one_type")


def number_parser(lowest: int, highest: int, text: str) -> BeforeValidator:
    """Build the reader of a whole number between two others."""

    def read(value: object) -> int:
        number = rules.parse_whole_number(value)
        if number is None or not lowest <= number <= highest:
            raise FieldErrors(text)
        return number

    return BeforeValidator(read)


def about_errors(text: str) -> list[str]:
    """List what Zoom has against ``about_me``."""
    return [
        *text_rule(150)(text),
        *(["must hold no link and no HTML"] if _HTML.search(text) else []),
    ]


def linkedin_errors(text: str) -> list[str]:
    """List what Zoom has against ``linkedin_url``."""
    return [] if "linkedin.com" in text.lower() else ["must contain linkedin.com"]


def host_key_errors(text: str) -> list[str]:
    """List what Zoom has against ``host_key``."""
    right = text.isascii() and text.isdigit() and 6 <= len(text) <= 10
    return [] if right else ["must have 6 to 10 digits"]


def _number_errors(text: str) -> list[str]:
    return [] if any(map(str.isdigit, text)) else ["must be a phone number"]


def _parse_required(value: object) -> object:
    if is_blank(value):
        raise FieldErrors("is required")
    return str(value) if type(value) is int else value


def _parse_label(value: object) -> object:
    if is_blank(value):
        return None
    by_word = {label.lower(): label for label in PHONE_LABELS}
    label = by_word.get(value.strip().lower()) if isinstance(value, str) else None
    if label is None:
        raise FieldErrors(f"must be one of {', '.join(PHONE_LABELS)}")
    return label


def _pattern_parser(pattern: str, text: str, shape: Callable[[str], str]) -> Callable[..., Any]:
    def read(value: object) -> str | None:
        if is_blank(value):
            return None
        given = str(value).strip() if type(value) in (str, int) else ""
        if not re.fullmatch(pattern, given):
            raise FieldErrors(text)
        return shape(given)

    return read


_parse_code = _pattern_parser(
    r"\+?[0-9]{1,4}", "must be a country's code such as +1", lambda text: f"+{text.lstrip('+')}"
)
_parse_country = _pattern_parser("[A-Za-z]{2}", "must be a country of two letters: US", str.upper)

_Required = Annotated[str, STRIPPED, BeforeValidator(_parse_required)]


class PhoneNumber(RequestModel):
    """
    One of a user's phone numbers.

    :param code: the country's code, ``+1``
    :param country: the country of two letters, ``US``
    :param label: one of :data:`PHONE_LABELS`
    :param number: the number without the country's code
    """

    code: Annotated[str | None, BeforeValidator(_parse_code)] = None
    country: Annotated[str | None, BeforeValidator(_parse_country)] = None
    label: Annotated[str | None, BeforeValidator(_parse_label)] = None
    number: Annotated[
        str,
        STRIPPED,
        BeforeValidator(_parse_required),
        AfterValidator(rule_validator(_number_errors)),
    ] = Field(repr=False)


class CustomAttribute(RequestModel):
    """
    The value of one of the account's own fields.

    :param key: Zoom's id of the field, such as ``cbf_cywdkexrtqc73f97gd4w6g``
    :param name: what the account calls it
    :param value: the value; None clears it
    """

    key: _Required
    name: Annotated[str | None, STRIPPED] = None
    value: Annotated[
        str | None,
        STRIPPED,
        BeforeValidator(lambda value: str(value) if type(value) in (int, float) else value),
    ] = Field(default=None, repr=False)


class UpdateFeature(RequestModel):
    """
    What the user is given besides meetings.

    :param zoom_phone: whether Zoom Phone is on; False takes all numbers and devices away
    """

    zoom_phone: Annotated[StrictBool, not_clearable("write true or false")]
