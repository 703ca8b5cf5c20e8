"""The parameters of a bulk run, checked by type: also where a template made texts of them."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.validation import sanitize_for_log
from zoom_provider.provisioning.columns import as_read
from zoom_provider.provisioning.decide import IfExists
from zoom_provider.provisioning.due import FirstDay
from zoom_provider.provisioning.file_format import FileFormat
from zoom_provider.provisioning.mapping import check_mapping

OnError = Literal["continue", "stop"]

_NONE: Final = ("", "none", "null")
_DELIMITERS: Final = {"": None, "none": None, "\\t": "\t", "tab": "\t", "\t": "\t"}
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}


def _text(value: object) -> object:
    """Strip a text, as a template may leave blanks around what it renders."""
    return value.strip() if isinstance(value, str) else value


def _optional(value: object) -> object:
    """Take what a template renders of nothing for None."""
    text = _text(value)
    return None if isinstance(text, str) and text.lower() in _NONE else text


def _boolean(value: object) -> bool:
    text = _text(value)
    if isinstance(text, bool):
        return text
    found = _BOOLEANS.get(text.lower()) if isinstance(text, str) else None
    if found is None:
        raise ValueError("must be True or False")
    return found


def _count(value: object) -> object:
    value = _optional(value)
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a number of people: a whole number, 0 or more")
    return value


def _count_or_share(value: object) -> object:
    """Read a text with a point as a share, one without as a count, as their literals are."""
    value = _optional(value)
    if isinstance(value, str) and "." in value:
        try:
            value = float(value)
        except ValueError:
            value = "neither"
    if isinstance(value, float):
        if 0 <= value <= 1:
            return value
    elif isinstance(value, (int, str, type(None))):
        try:
            return _count(value)
        except ValueError:
            pass
    raise ValueError("must be a number of people (an integer) or a share (a float up to 1)")


def _shard(value: object) -> object:
    """Read a pair; XCom makes a list of a tuple, a template a text of it."""
    value = _optional(value)
    if value is None:
        return None
    parts: Any = value.strip("()[] ").split(",") if isinstance(value, str) else value
    try:
        part, of = (_count(item) for item in parts)
    except (TypeError, ValueError):
        part = of = None
    if isinstance(part, int) and isinstance(of, int) and part < of:
        return part, of
    raise ValueError("must be (i, n), two whole numbers with 0 <= i < n")


def _encoding(value: object) -> object:
    value = _optional(value)
    if value is None:
        return None
    try:
        "".encode(str(value))
        # Codecs such as base64 are none of text.
        codecs.getincrementaldecoder(str(value))().decode(b"")
    except (LookupError, ValueError, TypeError):
        raise ValueError("must be an encoding that Python knows, such as cp1252") from None
    return value


def _delimiter(value: object) -> object:
    """Read one sign; a tab may be written as a word or as it is in Python."""
    known = str(value).lower()
    if known in _DELIMITERS:
        return _DELIMITERS[known]
    if isinstance(value, str) and len(value) == 1 and value not in '"\r\n ':
        return value
    raise ValueError("must be one sign, such as ';', or a tab")


def _row_number(value: object) -> object:
    try:
        value = _count(value)
    except ValueError:
        value = 0
    if value == 0:
        raise ValueError("must be the number of a row, from 1")
    return value


def _empty_values(value: object) -> object:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple, set, frozenset)):
        value = [None]
    if not all(isinstance(text, str) for text in value):
        raise ValueError("must be a list of texts, such as ['nan', '-']")
    return tuple(sorted(value))


def _one_of(*words: str) -> BeforeValidator:
    def check(value: object) -> object:
        text = _text(value)
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text

    return BeforeValidator(check)


Boolean = Annotated[bool, BeforeValidator(_boolean)]
Count = Annotated[int | None, BeforeValidator(_count)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PurchasedSeats(_Model):
    """
    The seats that an account has bought.

    :param licensed: of type 2
    :param basic: of type 1
    :param else_basic: create users as basic if no licensed seat is left
    """

    licensed: Count = None
    basic: Count = None
    else_basic: Boolean = False


class BulkOptions(_Model):
    """
    The parameters of a bulk run, as :class:`ZoomCreateUsersOperator` documents them.

    Booleans are never numbers. Texts are what templates render: ``"False"`` is False, ``"0.05"`` a
    share, ``"5"`` a count, ``""`` and ``"None"`` are None.
    """

    users: Any = None
    roster: str | None = None
    mapping: Any = None
    key: str | None = None
    source: str | None = None
    action: Any = "create"
    if_exists: Annotated[IfExists, _one_of("fail", "skip", "update")] = "skip"
    on_error: Annotated[OnError, _one_of("continue", "stop")] = "continue"
    max_failures: Annotated[int | float | None, BeforeValidator(_count_or_share)] = None
    max_creates: Count = None
    seats: Annotated[PurchasedSeats | None, BeforeValidator(_optional)] = None
    dry_run: Boolean = False
    deferrable: Boolean = False
    shard: Annotated[tuple[int, int] | None, BeforeValidator(_shard)] = None
    encoding: Annotated[str | None, BeforeValidator(_encoding)] = None
    delimiter: Annotated[str | None, BeforeValidator(_delimiter)] = None
    header_row: Annotated[int | None, BeforeValidator(_row_number)] = None
    sheet: Annotated[str | None, BeforeValidator(_optional)] = None
    empty_values: Annotated[tuple[str, ...], BeforeValidator(_empty_values)] = ()
    first_day: Annotated[FirstDay | None, BeforeValidator(_optional)] = None

    @model_validator(mode="after")
    def _check_together(self) -> BulkOptions:
        if (self.users is None) == (self.roster is None):
            raise ZoomValidationError(
                "give either users or roster", errors={"users": ["or roster, one of the two"]}
            )
        if self.roster is not None and not self.roster.strip():
            raise ZoomValidationError(
                "roster is empty; it must be a path or URL", errors={"roster": ["is empty"]}
            )
        if self.roster is None:
            _refuse_for_users(self)
        check_mapping(self.mapping)
        passwords = password_column(self.mapping)
        _check_key(self.key, passwords)
        if self.first_day is not None and self.first_day.column in ("password", passwords):
            raise ZoomValidationError(
                "first_day must not be the column of the passwords: it goes into the report",
                errors={"first_day.column": ["is the passwords' column"]},
            )
        return self


_OF_FILES: Final = ("encoding", "delimiter", "header_row", "sheet")


def _refuse_for_users(options: BulkOptions) -> None:
    """Refuse parameters that say how to read a file, where none is read."""
    errors = {
        name: ["is for roster, not for users: leave it out"]
        for name in _OF_FILES
        if getattr(options, name) is not None
    }
    if errors:
        listed = "; ".join(f"{name} {texts[0]}" for name, texts in errors.items())
        raise ZoomValidationError(listed, errors=errors)


def file_format(options: BulkOptions) -> FileFormat:
    """Return how the roster is to be read."""
    return FileFormat(**{name: getattr(options, name) for name in _OF_FILES})


class CreateOptions(_Model):
    """The parameters of :class:`ZoomCreateUserOperator` besides the user."""

    if_exists: Annotated[IfExists, _one_of("fail", "skip", "update")] = "fail"
    deferrable: Boolean = False


def parse_options(**given: Any) -> BulkOptions:
    """
    Check the parameters of a bulk run by type, where templates may have made texts of them.

    :raises ZoomValidationError: with all faults by field
    """
    return _parse(BulkOptions, given)


def parse_create_options(**given: Any) -> CreateOptions:
    """
    Check the parameters of a single creation by type, as :func:`parse_options` does.

    :raises ZoomValidationError: with all faults by field
    """
    return _parse(CreateOptions, given)


_M = TypeVar("_M", bound=_Model)


def _parse(model: type[_M], given: Mapping[str, Any]) -> _M:
    try:
        return model(**given)
    except ValidationError as error:
        errors = _errors_by_field(error)
        listed = "; ".join(f"{name} {texts[0]}" for name, texts in errors.items())
        raise ZoomValidationError(listed, errors=errors) from None


_TEXTS: Final = {
    "string_type": "must be a text",
    "string_too_short": "must be the name of a column",
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "model_type": "must be an object such as {'licensed': 10, 'basic': 5}",
}


def _errors_by_field(error: ValidationError) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for details in error.errors(include_url=False, include_input=False):
        field = ".".join(sanitize_for_log(part, 80) for part in details["loc"])
        cause = details.get("ctx", {}).get("error")
        text = str(cause) if cause else _TEXTS.get(details["type"], "is not valid")
        found.setdefault(field, []).append(text)
    return found


def password_column(mapping: Any) -> str | None:
    """Return what a source calls its passwords, which need not look like the word."""
    source = mapping.get("password") if isinstance(mapping, Mapping) else None
    column = source.get("column") if isinstance(source, Mapping) else source
    return column if isinstance(column, str) else None


def _check_key(key: str | None, passwords: str | None) -> None:
    if key == "":
        raise ZoomValidationError(
            "key must be the name of a column", errors={"key": ["is no column's name"]}
        )
    secret = {as_read(name) for name in ("password", passwords) if name is not None}
    if key is not None and as_read(key) in secret:
        raise ZoomValidationError(
            "key must not be the column of the passwords: it goes into the report and the log",
            errors={"key": ["is the passwords' column"]},
        )
