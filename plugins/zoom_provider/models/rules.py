"""Zoom's rules for single fields of a user: a value in, what is wrong with it out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Final

from pydantic_core import SchemaValidator, core_schema


class FieldErrors(ValueError):
    """All that is wrong with one field; pydantic carries it to the error for the caller."""

    def __init__(self, *texts: str) -> None:
        super().__init__("; ".join(texts))
        self.texts = texts


def rule_validator(rule: Callable[[str], Sequence[str]]) -> Callable[[str], str]:
    """
    Build a validator for pydantic from a rule.

    :param rule: returns everything that is wrong with a text
    """

    def validate(text: str) -> str:
        if errors := rule(text):
            raise FieldErrors(*errors)
        return text

    return validate


def require(value: object) -> object:
    """Refuse ``null`` where something is required."""
    if value is None:
        raise FieldErrors("is required")
    return value


class UserType(IntEnum):
    """The kind of user, that is, of seat."""

    BASIC = 1
    LICENSED = 2
    ON_PREM = 3
    UNASSIGNED = 4
    NONE = 99


CURRENT_TYPES: Final = "1 (Basic), 2 (Licensed) or 4 (Unassigned without Meetings Basic)"
_USER_TYPES: Final[Mapping[int | None, UserType]] = {int(number): number for number in UserType}

EMAIL_LENGTH = 128

# Legal only inside quotes (RFC 5321), where no real address has them; but typical of
# "Jane <jane@example.com>" and of several addresses in one cell.
_FORBIDDEN_IN_EMAIL = frozenset('()<>[]:;,\\"')

# Line breaks and other controls, and the marks that reverse the order of the text around them.
# Joiners, wide blanks and the like stay: names in Persian, Hindi or Japanese need them.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

# The standard library does not know scripts, the engine behind pydantic does.  Planes 2 and 3 are
# named besides, since Unicode reserves them for ideographs that the engine may not know yet.
_HAN = r"\p{Han}\x{20000}-\x{3FFFF}"


def _at_most_han(count: int) -> SchemaValidator:
    """Build the test for a text with no more than so many Han characters."""
    pattern = rf"^(?:[^{_HAN}]*[{_HAN}]){{0,{count}}}[^{_HAN}]*$"
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


_HAN_TESTS = {count: _at_most_han(count) for count in (5, 10)}

MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 8, 32
SEQUENCE_LENGTH = 4

_PASSWORD_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# Zoom's reference counts "a letter (a, b, c..)" and "a number (1, 2, 3...)", so letters and digits
# of other scripts may be in a password but do not meet these.  A letter without further words is
# not listed: a password with a capital and a small letter has one.
_REQUIRED_CHARACTERS = (
    (re.compile("[0-9]"), "needs a digit (0-9)"),
    (re.compile("[A-Z]"), "needs a capital letter (A-Z)"),
    (re.compile("[a-z]"), "needs a small letter (a-z)"),
)


def email_errors(email: str) -> list[str]:
    """
    List what keeps a text from being an e-mail address.

    Letters of any script are let through (RFC 6531): Zoom's reference does not rule them out, and
    ``allowed_domains`` says which users an account may invite.  So are all the signs that a
    mailbox may have, ``/``, ``%``, ``#`` and ``+`` among them.  What cannot be seen is refused, it
    comes from copying and hides where the mail goes.

    :param email: the address without blanks around it
    """
    if not email:
        return ["is required: the e-mail address of the person"]
    # What does not even look like an address may be a password that strayed into its column.
    start = email if len(email) <= 64 else f"{email[:64]}..."
    shown = f"{start!r} " if _looks_like_email(email) else ""
    errors = []
    if len(email) > EMAIL_LENGTH:
        errors.append(f"{shown}has more than {EMAIL_LENGTH} characters")
    if " " in email or not email.isprintable():
        errors.append(f"{shown}holds a blank, a control character or an invisible one")
    if not _FORBIDDEN_IN_EMAIL.isdisjoint(email):
        errors.append(
            f"{shown}must be one bare address without brackets, commas, quotes and the like"
        )
    if email.count("@") != 1:
        return [*errors, f"{shown}must have exactly one @"]
    mailbox, _, domain = email.partition("@")
    if not mailbox:
        errors.append(f"{shown}has nothing before the @")
    elif mailbox[0] == "." or mailbox[-1] == "." or ".." in mailbox:
        errors.append(f"{shown}has a dot at an end of the part before the @, or two in a row")
    if not errors and not _is_domain(domain):
        errors.append(f"{shown}must have a domain such as example.com after the @")
    return errors


def _looks_like_email(email: str) -> bool:
    """Return whether a text has the shape of an address, if a faulty one."""
    _, at, domain = email.rpartition("@")
    return at != "" and "." in domain


def _is_domain(text: str) -> bool:
    """Return whether a text could be an internet domain with at least two labels."""
    labels = text.split(".")
    return len(labels) > 1 and not labels[-1].isdigit() and all(map(_is_label, labels))


def _is_label(label: str) -> bool:
    """Return whether a text could be one label of a domain, in any script."""
    if not 0 < len(label) < 64 or label[0] == "-" or label[-1] == "-":
        return False
    letters = label.replace("-", "")
    return letters.isalnum() or all(
        char.isalnum() or unicodedata.category(char)[0] == "M" for char in letters
    )


def name_validator(length: int, han: int) -> Callable[[str | None], str | None]:
    """Build the validator of names of a given length; a blank one counts as not given."""

    def validate(name: str | None) -> str | None:
        if name and (errors := name_errors(name, length, han)):
            raise FieldErrors(*errors)
        return name or None

    return validate


def name_errors(name: str, length: int, han: int) -> list[str]:
    """
    List what Zoom has against a name.  The name itself is not repeated: names are not logged.

    :param name: the name without blanks around it
    :param length: how many characters Zoom allows
    :param han: how many of them may be Chinese characters, 5 or 10
    """
    errors = []
    if len(name) > length:
        errors.append(f"must not have more than {length} characters")
    if not name.isascii() and not _HAN_TESTS[han].isinstance_python(name):
        errors.append(f"must not have more than {han} Chinese characters")
    if _CONTROL.search(name):
        errors.append("must not hold control characters")
    return errors


def password_errors(password: str) -> list[str]:
    """
    List what Zoom's basic requirements have against a password; empty when nothing.

    An account may ask for more (Zoom: Account settings, Security); which only Zoom knows.

    :param password: the password as it would be sent, blanks included
    """
    errors = []
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        errors.append(f"must have {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters")
        # Looking further into megabytes does not help.
        password = password[: MAX_PASSWORD_LENGTH + 1]
    if _PASSWORD_CONTROL.search(password):
        errors.append("holds a control character; does it end in a line break?")
    errors += [text for pattern, text in _REQUIRED_CHARACTERS if not pattern.search(password)]
    if len(password) > 1 and len(set(password.lower())) == 1:
        errors.append("must not be one character repeated")
    if has_sequence(password):
        errors.append(
            f"must not hold a run of {SEQUENCE_LENGTH} or more ascending letters or digits "
            "such as 1234 or abcd"
        )
    return errors


def has_sequence(text: str, length: int = SEQUENCE_LENGTH) -> bool:
    """
    Return whether neighbours of the alphabet or of the digits follow each other in a text.

    Capitals and small letters count as the same.  Other scripts count by their code points, which
    follow the alphabet: Cyrillic or Arabic-Indic runs are as weak as Latin ones.

    :param text: where to look
    :param length: how many neighbours make a run
    """
    run = 1
    before = ""
    for char in text.lower():
        follows = (
            before != ""
            and ord(char) == ord(before) + 1
            and (char.isdigit() if before.isdigit() else before.isalpha() and char.isalpha())
        )
        run = run + 1 if follows else 1
        if run == length:
            return True
        before = char
    return False


def id_errors(text: str) -> list[str]:
    """List what keeps a text from being an identifier of Zoom's."""
    if not text:
        return ["must not be empty"]
    return ["must not hold control characters"] if _CONTROL.search(text) else []


def parse_whole_number(value: object) -> int | None:
    """
    Read a whole number, also from a string of digits; anything else gives None.

    Booleans are no numbers here, and ``2.0`` is no whole one: both come from data that means
    something else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        digits = value.strip()
        # 20 digits hold every value of Zoom's, and int() is quadratic, then refuses.
        if digits.isascii() and digits.isdigit() and len(digits) <= 20:
            return int(digits)
    return None


def parse_user_type(value: object) -> UserType:
    """Read the kind of seat; Zoom's words for it get a hint."""
    number = parse_whole_number(value)
    if number in _USER_TYPES:
        return _USER_TYPES[number]
    word = value.strip().upper() if isinstance(value, str) else None
    if value is None or word == "":
        raise FieldErrors(f"is required: {CURRENT_TYPES}")
    text = f"must be {CURRENT_TYPES}, not {describe_type(value)}"
    if word and word in UserType.__members__:
        text += f" (write {UserType[word].value})"
    raise FieldErrors(text)


def describe_type(value: object) -> str:
    """
    Show a wrong ``type`` in a message: a word or a number as it is, all else by its kind.

    A text of letters and digits might be a password that strayed into the wrong column.
    """
    if isinstance(value, str):
        mixed = any(map(str.isalpha, value[:16])) and any(map(str.isdigit, value[:16]))
        return "another text" if mixed or len(value) > 16 else repr(value)
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return str(int(value)) if abs(value) < 10**9 else "a larger number"
    if isinstance(value, float):
        return "a number with a decimal point"
    return json_type_name(value)


def json_type_name(value: object) -> str:
    """Name the kind of a value in JSON's words, or else Python's."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return type(value).__name__[:48]
