"""Zoom's rules for the password of a new user, told without ever repeating the password."""

from __future__ import annotations

import re

MIN_LENGTH, MAX_LENGTH = 8, 32
RUN_LENGTH = 4

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# Zoom's reference counts "a letter (a, b, c..)" and "a number (1, 2, 3...)", so letters and digits
# of other scripts may be in a password but do not meet these.  A letter without further words is
# not listed: whoever has a capital and a small letter has one.
_NEEDED = (
    (re.compile("[0-9]"), "needs a digit (0-9)"),
    (re.compile("[A-Z]"), "needs a capital letter (A-Z)"),
    (re.compile("[a-z]"), "needs a small letter (a-z)"),
)


def password_faults(password: str) -> list[str]:
    """
    List what Zoom's basic requirements have against a password; empty when nothing.

    An account may ask for more (Zoom: Account settings, Security); that only Zoom can tell.

    :param password: the password as it would be sent, blanks included
    """
    faults = []
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        faults.append(f"must have {MIN_LENGTH} to {MAX_LENGTH} characters")
        # Looking further into megabytes helps nobody.
        password = password[: MAX_LENGTH + 1]
    if _CONTROL.search(password):
        faults.append("holds a control character; does it end in a line break?")
    faults += [text for pattern, text in _NEEDED if not pattern.search(password)]
    if len(password) > 1 and len(set(password.lower())) == 1:
        faults.append("must not be one character repeated")
    if has_run(password):
        faults.append(
            f"must not hold a run of {RUN_LENGTH} or more ascending letters or digits "
            "such as 1234 or abcd"
        )
    return faults


def has_run(text: str, length: int = RUN_LENGTH) -> bool:
    """
    Tell whether neighbours of the alphabet or of the digits follow each other in a text.

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
