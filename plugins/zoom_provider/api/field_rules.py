"""Zoom's rules for single fields of a person: a value in, what is wrong with it out."""

from __future__ import annotations

import re
import unicodedata

from pydantic_core import SchemaValidator, core_schema

from zoom_provider.api.field_names import visible

EMAIL_LENGTH = 128

# Legal only inside quotes (RFC 5321), where no real address has them; but typical of
# "Jane <jane@example.com>" and of several addresses in one cell.
_NOT_IN_EMAIL = frozenset('()<>[]:;,\\"')

# Line breaks and other controls, and the marks that reverse the order of the text around them.
# Joiners, wide blanks and the like stay: names in Persian, Hindi or Japanese need them.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

# The standard library cannot tell scripts, the engine behind pydantic can.  Planes 2 and 3 are
# named besides, since Unicode reserves them for ideographs that the engine may not know yet.
_HAN = r"\p{Han}\x{20000}-\x{3FFFF}"


def _at_most_han(count: int) -> SchemaValidator:
    """Build the test for a text with no more than so many Han characters."""
    pattern = rf"^(?:[^{_HAN}]*[{_HAN}]){{0,{count}}}[^{_HAN}]*$"
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


_HAN_TESTS = {count: _at_most_han(count) for count in (5, 10)}


def email_faults(email: str) -> list[str]:
    """
    List what keeps a text from being an e-mail address.

    Letters of any script are let through (RFC 6531): Zoom's reference does not rule them out, and
    whom an account may invite is for ``allowed_domains`` to say.  So are all the signs that a
    mailbox may have, ``/``, ``%``, ``#`` and ``+`` among them.  What cannot be seen is refused, it
    comes from copying and hides where the mail goes.

    :param email: the address without blanks around it
    """
    if not email:
        return ["is required: the e-mail address of the person"]
    # What does not even look like an address may be a password that strayed into its column.
    start = email if len(email) <= 64 else f"{email[:64]}..."
    shown = f"{start!r} " if _looks_like_one(email) else ""
    faults = []
    if len(email) > EMAIL_LENGTH:
        faults.append(f"{shown}has more than {EMAIL_LENGTH} characters")
    if " " in email or not email.isprintable():
        faults.append(f"{shown}holds a blank, a control character or an invisible one")
    if not _NOT_IN_EMAIL.isdisjoint(email):
        faults.append(
            f"{shown}must be one bare address without brackets, commas, quotes and the like"
        )
    if email.count("@") != 1:
        return [*faults, f"{shown}must have exactly one @"]
    mailbox, _, domain = email.partition("@")
    if not mailbox:
        faults.append(f"{shown}has nothing before the @")
    elif mailbox[0] == "." or mailbox[-1] == "." or ".." in mailbox:
        faults.append(f"{shown}has a dot at an end of the part before the @, or two in a row")
    if not faults and not _is_domain(domain):
        faults.append(f"{shown}must have a domain such as example.com after the @")
    return faults


def _looks_like_one(email: str) -> bool:
    """Tell whether a text has the shape of an address, if a faulty one."""
    _, at, domain = email.rpartition("@")
    return at != "" and "." in domain


def _is_domain(text: str) -> bool:
    """Tell whether a text could be an internet domain with at least two labels."""
    labels = text.split(".")
    return len(labels) > 1 and not labels[-1].isdigit() and all(map(_is_label, labels))


def _is_label(label: str) -> bool:
    """Tell whether a text could be one label of a domain, in any script."""
    if not 0 < len(label) < 64 or label[0] == "-" or label[-1] == "-":
        return False
    letters = label.replace("-", "")
    return letters.isalnum() or all(
        char.isalnum() or unicodedata.category(char)[0] == "M" for char in letters
    )


def name_faults(name: str, length: int, han: int) -> list[str]:
    """
    List what Zoom has against a name.  The name itself is not repeated: names are not logged.

    :param name: the name without blanks around it
    :param length: how many characters Zoom allows
    :param han: how many of them may be Chinese characters, 5 or 10
    """
    faults = []
    if len(name) > length:
        faults.append(f"must not have more than {length} characters")
    if not name.isascii() and not _HAN_TESTS[han].isinstance_python(name):
        faults.append(f"must not have more than {han} Chinese characters")
    if _CONTROL.search(name):
        faults.append("must not hold control characters")
    return faults


def id_faults(text: str) -> list[str]:
    """List what keeps a text from being an identifier of Zoom's."""
    if not text:
        return ["must not be empty"]
    return ["must not hold control characters"] if _CONTROL.search(text) else []


def whole_number(value: object) -> int | None:
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


def shown_type(value: object) -> str:
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
    return kind(value)


def kind(value: object) -> str:
    """Name the kind of a value in JSON's words, or else Python's."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return visible(type(value).__name__)
