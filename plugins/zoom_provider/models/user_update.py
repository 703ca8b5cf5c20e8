"""
What an existing user can be given, and Zoom's rules for it.

:class:`UserUpdate` holds the fields of ``PATCH /users/{userId}``; :class:`UserChanges` adds what
has calls of its own: e-mail address, groups and role. Where Zoom's reference is silent, what could
be right is let through, since Zoom has the last word: lists of time zones and languages stay open.

Three readings hold for all fields: a value sets; ``null``, or blanks only, clears; and a field
that is absent is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    ValidationError,
)

from zoom_provider.models import rules
from zoom_provider.models.licenses import Id, LicenseInfo, RequestModel, max_length_validator
from zoom_provider.models.profile import (
    STRIPPED,
    TYPES_TEXT,
    CustomAttribute,
    PhoneNumber,
    UpdateFeature,
    about_errors,
    blank_is_none,
    clearable,
    host_key_errors,
    is_blank,
    linkedin_errors,
    not_clearable,
    number_parser,
    parse_optional_plan,
    parse_optional_zoom_one,
    parse_type,
    text_rule,
)
from zoom_provider.models.rules import FieldErrors, rule_validator
from zoom_provider.models.update_hints import update_field_hint
from zoom_provider.models.validation import (
    build_validation_error,
    errors_by_field,
)

_MOST_GROUPS: Final = 100
_OBJECT: Final = "must be an object, that is, field names with their values"
_BLANK_IS_NONE: Final = BeforeValidator(blank_is_none)

_Text = Annotated[str | None, STRIPPED, clearable(text_rule())]
_Name = Annotated[str | None, STRIPPED, clearable(partial(rules.name_errors, length=64, han=5))]
_DisplayName = Annotated[
    str | None, STRIPPED, clearable(partial(rules.name_errors, length=128, han=10))
]


class UserUpdate(RequestModel):
    """
    The fields of ``PATCH /users/{userId}``; a given field that is None is to be cleared.

    What is personal does not show in its ``repr``.
    """

    first_name: _Name = Field(default=None, repr=False)
    last_name: _Name = Field(default=None, repr=False)
    display_name: _DisplayName = Field(default=None, repr=False)
    type: Annotated[
        int | None, BeforeValidator(parse_type), not_clearable(f"write {TYPES_TEXT}")
    ] = None
    plan_united_type: Annotated[str | None, BeforeValidator(parse_optional_plan)] = None
    zoom_one_type: Annotated[int | None, BeforeValidator(parse_optional_zoom_one)] = None
    license_info_list: Annotated[
        tuple[LicenseInfo, ...] | None, BeforeValidator(max_length_validator(2)), _BLANK_IS_NONE
    ] = None
    feature: Annotated[
        UpdateFeature | None, not_clearable("write {'zoom_phone': false} to take Zoom Phone away")
    ] = None
    dept: _Text = None
    job_title: Annotated[str | None, STRIPPED, clearable(text_rule(128))] = None
    company: Annotated[str | None, STRIPPED, clearable(text_rule(255))] = None
    location: Annotated[str | None, STRIPPED, clearable(text_rule(256))] = None
    cost_center: _Text = None
    manager: Annotated[str | None, STRIPPED, clearable(rules.email_errors)] = None
    language: _Text = None
    timezone: _Text = None
    phone_numbers: Annotated[
        tuple[PhoneNumber, ...] | None, BeforeValidator(max_length_validator(3)), _BLANK_IS_NONE
    ] = Field(default=None, repr=False)
    phone_number: _Text = Field(default=None, repr=False)
    phone_country: _Text = None
    custom_attributes: Annotated[
        tuple[CustomAttribute, ...] | None, BeforeValidator(max_length_validator(5)), _BLANK_IS_NONE
    ] = Field(default=None, repr=False)
    division_ids: Annotated[
        tuple[Id, ...] | None, BeforeValidator(max_length_validator(1)), _BLANK_IS_NONE
    ] = None
    group_id: Annotated[str | None, STRIPPED, not_clearable("write groups")] = None
    pronouns: _Text = Field(default=None, repr=False)
    pronouns_option: Annotated[
        int | None,
        number_parser(1, 3, "must be 1 (ask), 2 (always show) or 3 (never show)"),
        not_clearable("write 3 to show none"),
    ] = None
    pmi: Annotated[
        int | None,
        number_parser(10**9, 10**10 - 1, "must have 10 digits"),
        not_clearable("every user has one"),
    ] = Field(default=None, repr=False)
    use_pmi: Annotated[StrictBool | None, not_clearable("write true or false")] = None
    vanity_name: _Text = Field(default=None, repr=False)
    host_key: Annotated[
        str | None,
        STRIPPED,
        clearable(host_key_errors),
        not_clearable("write another one of 6 to 10 digits"),
        BeforeValidator(lambda value: str(value) if type(value) is int else value),
    ] = Field(default=None, repr=False)
    about_me: Annotated[str | None, STRIPPED, clearable(about_errors)] = Field(
        default=None, repr=False
    )
    linkedin_url: Annotated[str | None, STRIPPED, clearable(linkedin_errors)] = Field(
        default=None, repr=False
    )
    cms_user_id: _Text = None

    def given(self) -> dict[str, Any]:
        """Return the fields that were given, ready for JSON; None where one is to be cleared."""
        return self.model_dump(mode="json", include=self.model_fields_set)


class GroupChanges(RequestModel):
    """
    Which groups a user joins and leaves; each by its id or its name.

    :param add: they are members of these afterwards
    :param remove: they are members of none of these afterwards
    """

    add: Annotated[tuple[Id, ...], BeforeValidator(max_length_validator(_MOST_GROUPS))] = ()
    remove: Annotated[tuple[Id, ...], BeforeValidator(max_length_validator(_MOST_GROUPS))] = ()


def _parse_groups(value: object) -> object:
    """Read a bare list as groups to join."""
    if is_blank(value):
        return None
    if isinstance(value, str):
        raise FieldErrors("must be a list of groups, or {'add': [...], 'remove': [...]}")
    return {"add": value} if isinstance(value, list | tuple) else value


def _reject_contradiction(groups: GroupChanges | None) -> GroupChanges | None:
    both = sorted({*groups.add} & {*groups.remove}) if groups else []
    if both:
        raise FieldErrors(f"names {both[0]!r} in add and in remove")
    return groups


class UserChanges(UserUpdate):
    """
    All that an update can write: PATCH's fields, and what has a call of its own.

    :param email: the new address
    :param groups: groups to join and leave; None leaves all
    :param role: the id or the name of a role; None makes the user a Member
    """

    email: Annotated[
        str | None,
        STRIPPED,
        AfterValidator(lambda text: rule_validator(rules.email_errors)(text)),
        not_clearable("a user without an address is removed with ZoomDeleteUserOperator"),
    ] = None
    groups: Annotated[
        GroupChanges | None, BeforeValidator(_parse_groups), AfterValidator(_reject_contradiction)
    ] = None
    role: Annotated[
        str | None,
        STRIPPED,
        clearable(text_rule()),
        BeforeValidator(lambda value: str(value) if type(value) is int else value),
    ] = None


_Model = TypeVar("_Model", bound=UserUpdate)

LICENSE_FIELDS: Final = (
    "type",
    "plan_united_type",
    "zoom_one_type",
    "license_info_list",
    "feature",
)
"""What a deactivation takes away, and an activation does not give back by itself."""


def validate_changes(fields: object) -> UserChanges:
    """
    Hold an update's fields against Zoom's rules.

    :param fields: a mapping of field names to values
    :raises ZoomValidationError: with everything that is wrong, by field
    """
    return _validate(UserChanges, fields, "fields")


def validate_license(fields: object) -> UserUpdate:
    """
    Hold the licences to give back after an activation against Zoom's rules.

    :param fields: a mapping of some of :data:`LICENSE_FIELDS` to values
    :raises ZoomValidationError: with everything that is wrong, by field
    """
    errors = {
        f"license.{name}": [f"is no licence: it takes {', '.join(LICENSE_FIELDS)}"]
        for name in (fields if isinstance(fields, Mapping) else ())
        if name in UserChanges.model_fields and name not in LICENSE_FIELDS
    }
    if errors:
        raise build_validation_error(errors)
    return _validate(UserUpdate, fields, "license")


def _validate(model: type[_Model], fields: object, root: str) -> _Model:
    errors: dict[str, list[str]]
    try:
        changes = model.model_validate(fields)
    except ValidationError as error:
        errors = errors_by_field(error, _known(model), root=root, hint=update_field_hint)
        if not isinstance(fields, Mapping):
            errors = {root: [f"{_OBJECT}, not {rules.json_type_name(fields)}"]}
    else:
        errors = {f"{root}.{name}": texts for name, texts in _conflicts(changes).items()}
        if not errors:
            return changes
    # Raised outside the handler: pydantic's error holds the input.
    raise build_validation_error(errors)


def _conflicts(changes: UserUpdate) -> dict[str, list[str]]:
    """Find what does not go together."""
    given = changes.model_fields_set
    pair = {"phone_number", "phone_country"}
    if len(given & pair) == 1:
        [missing] = pair - given
        return {missing: ["is required: Zoom takes phone_number and phone_country together"]}
    if given >= {"phone_numbers", "phone_number"}:
        return {"phone_number": ["is the older form of phone_numbers: leave it out"]}
    return {}


def _known(
    model: type[UserUpdate],
) -> Callable[[Sequence[int | str]], Collection[str]]:
    """Build what names the fields that a model takes at a place."""
    parts: dict[str, type[RequestModel]] = {
        "feature": UpdateFeature,
        "license_info_list": LicenseInfo,
        "phone_numbers": PhoneNumber,
        "custom_attributes": CustomAttribute,
        "groups": GroupChanges,
    }

    def known(place: Sequence[int | str]) -> Collection[str]:
        match tuple(place):
            case ():
                return model.model_fields
            case (str() as name,) | (str() as name, int()) if name in parts:
                return parts[name].model_fields
            case _:
                return ()

    return known
