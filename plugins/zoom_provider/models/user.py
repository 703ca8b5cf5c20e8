"""
What Zoom takes to create a person, ``action`` and ``user_info``, and Zoom's rules for them.

:func:`parse_create_request` turns input into a request that Zoom accepts, or reports everything
that is wrong with it at once.  The rules are those of Zoom's reference for ``POST /users``; where
it is silent, values that may be right pass, since Zoom has the last word.

Four readings hold for all fields: ``null`` in an optional field means "not given"; text is
stripped of surrounding blanks, except in a password; a name of blanks only is not given; a whole
number may come as a string of digits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
)

from zoom_provider.models import rules
from zoom_provider.models.licenses import (
    Feature,
    Id,
    LicenseInfo,
    RequestModel,
    max_length_validator,
    parse_united_plan,
)
from zoom_provider.models.rules import (
    CURRENT_TYPES,
    FieldErrors,
    UserType,
    parse_user_type,
    require,
    rule_validator,
)
from zoom_provider.models.validation import (
    build_validation_error,
    errors_by_field,
    nearest_name,
)


class Action(StrEnum):
    """How a person is created.  Zoom distinguishes capitals from small letters."""

    create = "create"
    """Zoom mails a confirmation link; the person is pending until they use it."""
    autoCreate = "autoCreate"
    """Active at once, logs in by e-mail and password; for accounts with a managed domain."""
    custCreate = "custCreate"
    """An API user without password and log-in; for ISV partners."""
    ssoCreate = "ssoCreate"
    """Active at once, logs in by SSO; for accounts with pre-provisioning."""


_MUST_BE_OBJECT = "must be an object, that is, Zoom's field names with their values"


def _require_text(value: object) -> object:
    if value is None or isinstance(value, str | SecretStr):
        return value
    raise FieldErrors("must be a string")


def _validate_password(password: SecretStr | None) -> SecretStr | None:
    if password is not None:
        rule_validator(rules.password_errors)(password.get_secret_value())
    return password


_Name = Annotated[
    str | None,
    StringConstraints(strict=True, strip_whitespace=True),
    AfterValidator(rules.name_validator(64, 5)),
]
_DisplayName = Annotated[
    str | None,
    StringConstraints(strict=True, strip_whitespace=True),
    AfterValidator(rules.name_validator(128, 10)),
]
_Email = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True),
    AfterValidator(rule_validator(rules.email_errors)),
    BeforeValidator(require),
]
# Not strict: that would refuse plain strings.
_Password = Annotated[
    SecretStr | None, AfterValidator(_validate_password), BeforeValidator(_require_text)
]


class UserInfo(RequestModel):
    """
    A person as Zoom's reference describes ``user_info`` at creation.

    Neither names nor the password show in its ``repr``.

    :param email: at most 128 characters
    :param type: 1, 2 or 4; 3 and 99 have left Zoom's list
    :param first_name: at most 64 characters, at most 5 of them Chinese
    :param last_name: at most 64 characters, at most 5 of them Chinese
    :param display_name: at most 128 characters, at most 10 of them Chinese
    :param password: for ``autoCreate`` only, see :func:`zoom_provider.models.rules.password_errors`
    :param division_ids: at most one
    :param feature: Zoom Phone and the Zoom Workplace plan
    :param plan_united_type: one of :data:`zoom_provider.models.licenses.PLAN_UNITED_TYPES`
    :param license_info_list: at most two; for accounts with several subscriptions
    """

    email: _Email
    type: Annotated[UserType, BeforeValidator(parse_user_type)]
    first_name: _Name = Field(default=None, repr=False)
    last_name: _Name = Field(default=None, repr=False)
    display_name: _DisplayName = Field(default=None, repr=False)
    password: _Password = Field(default=None, repr=False)
    division_ids: Annotated[tuple[Id, ...] | None, BeforeValidator(max_length_validator(1))] = None
    feature: Feature | None = None
    plan_united_type: Annotated[str | None, BeforeValidator(parse_united_plan)] = None
    license_info_list: Annotated[
        tuple[LicenseInfo, ...] | None, BeforeValidator(max_length_validator(2))
    ] = None

    def given_fields(self) -> dict[str, Any]:
        """Give the fields that were given, ready for JSON, without the password."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"password"})


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """
    A person that can be sent to Zoom.

    :param action: how they are created
    :param user_info: who they are
    :param warnings: what Zoom may stumble over, one sentence each
    """

    action: Action
    user_info: UserInfo
    warnings: tuple[str, ...] = ()

    email: str = field(init=False, compare=False)
    """The address, as it is sent."""

    def __post_init__(self) -> None:
        """Read the address once: each line about the user names it."""
        object.__setattr__(self, "email", self.user_info.email)

    def body(self) -> dict[str, Any]:
        """
        Write the body of ``POST /users``: what was given and nothing else.

        This is the one place where the password is in clear.
        """
        user_info = self.user_info.given_fields()
        if self.user_info.password is not None:
            user_info["password"] = self.user_info.password.get_secret_value()
        return {"action": self.action.value, "user_info": user_info}


def parse_create_request(action: object, user_info: object) -> CreateRequest:
    """
    Hold an action and a person against Zoom's rules.

    :param action: one of :class:`Action`
    :param user_info: a mapping of Zoom's field names to values
    :raises ZoomValidationError: with everything that is wrong, by field
    """
    errors: dict[str, list[str]] = {}
    chosen = _parse_action(action, errors)
    person: UserInfo | None = None
    found: dict[str, list[str]] = {}
    try:
        person = UserInfo.model_validate(user_info)
    except ValidationError as error:
        found = errors_by_field(error, _known_fields)
        if not isinstance(user_info, Mapping):
            found = {"user_info": [f"{_MUST_BE_OBJECT}, not {rules.json_type_name(user_info)}"]}
    # Raised further down, outside the handler: pydantic's error holds the input, password and all.
    user_type, has_password = _peek(person, user_info)
    if chosen is not None:
        for field, text in _action_errors(chosen, user_type, has_password):
            errors.setdefault(field, []).append(text)
    for field, texts in found.items():
        errors.setdefault(field, []).extend(texts)
    if chosen is None or person is None or errors:
        raise build_validation_error(errors)
    return CreateRequest(chosen, person, tuple(_warnings(chosen, person.type)))


def _parse_action(value: object, errors: dict[str, list[str]]) -> Action | None:
    """Read an action; one that is merely misspelt counts as meant, so all faults are reported."""
    text = value.strip() if isinstance(value, str) else ""
    if text in Action.__members__:
        return Action(text)
    wanted = f"{', '.join(list(Action)[:-1])} or {list(Action)[-1]}"
    if value is None or (isinstance(value, str) and not text):
        errors["action"] = [f"is required: {wanted}"]
        return None
    by_case = {name.lower(): Action(name) for name in Action}
    meant = by_case.get(nearest_name(text[:32].lower(), by_case) or "")
    if meant is None:
        errors["action"] = [f"must be {wanted}"]
    elif text.lower() == meant.lower():
        errors["action"] = [f"must be written {meant}: capitals matter to Zoom"]
        return meant
    else:
        errors["action"] = [f"must be {wanted} (did you mean {meant}?)"]
    return None


def _peek(person: UserInfo | None, raw: object) -> tuple[int | None, bool]:
    """Return the type and whether there is a password, as far as a faulty user shows them."""
    if person is not None:
        return person.type, person.password is not None
    if not isinstance(raw, Mapping):
        return None, False
    return rules.parse_whole_number(raw.get("type")), raw.get("password") is not None


def _action_errors(
    action: Action, user_type: int | None, has_password: bool
) -> Iterator[tuple[str, str]]:
    """Find what does not go together with an action."""
    if has_password and action is not Action.autoCreate:
        yield (
            "user_info.password",
            f"is used by Zoom with autoCreate only and would be dropped with {action}: leave it "
            "out or choose autoCreate",
        )
    if user_type == UserType.NONE and action is not Action.ssoCreate:
        yield "user_info.type", f"99 (None) goes with ssoCreate only, otherwise {CURRENT_TYPES}"


def _warnings(action: Action, user_type: UserType) -> Iterator[str]:
    """Say what is let through although Zoom may stumble over it."""
    if user_type is UserType.ON_PREM:
        yield "user_info.type 3 (On-prem) has left Zoom's reference; Zoom may refuse it"
    if user_type is UserType.NONE:
        yield "user_info.type 99 (None) is struck out in Zoom's reference; Zoom may refuse it"
    if action is Action.custCreate and user_type is not UserType.LICENSED:
        yield f"user_info.type {user_type.value} with custCreate: Zoom's partner guide asks for 2"


def _known_fields(place: Sequence[int | str]) -> Collection[str]:
    """Name the fields that Zoom takes at a place in ``user_info``."""
    match tuple(place):
        case ():
            return UserInfo.model_fields
        case ("feature",):
            return Feature.model_fields
        case ("license_info_list", int()):
            return LicenseInfo.model_fields
        case _:
            return ()
