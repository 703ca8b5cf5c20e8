"""Zoom's rules for passwords, as a table."""

from __future__ import annotations

import pytest

from tests.unit.models.people import faults, jane, sent, short
from zoom_provider.models.rules import has_sequence, password_errors

SHORT = "must have 8 to 32 characters"
DIGIT = "needs a digit (0-9)"
CAPITAL = "needs a capital letter (A-Z)"
SMALL = "needs a small letter (a-z)"
REPEATED = "must not be one character repeated"
RUN = "must not hold a run of 4 or more ascending letters or digits such as 1234 or abcd"
CONTROL = "holds a control character; does it end in a line break?"


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("if42!LfH@", []),  # the example in Zoom's reference
        ("Sesame42", []),
        ("S" * 15 + "e" * 16 + "4", []),
        ("Sesame4", [SHORT]),
        ("S" * 16 + "e" * 16 + "4", [SHORT]),
        ("", [SHORT, DIGIT, CAPITAL, SMALL]),
        ("sesame42", [CAPITAL]),
        ("SESAME42", [SMALL]),
        ("Sesame!!", [DIGIT]),
        ("83629174", [CAPITAL, SMALL]),
        ("11111111", [CAPITAL, SMALL, REPEATED]),
        ("aaaaaaaa", [DIGIT, CAPITAL, REPEATED]),
        ("Aaaaaaaa", [DIGIT, REPEATED]),
        ("12345678", [CAPITAL, SMALL, RUN]),
        ("abcdefgh", [DIGIT, CAPITAL, RUN]),
        ("Sesame1234", [RUN]),
        ("xX9abcdX", [RUN]),
        ("xX9aBcDX", [RUN]),
        ("WXYz1357", [RUN]),
        ("Sesame6789!", [RUN]),
        ("Sesame123!", []),
        ("Abc1Abc2", []),
        ("Dcba4321", []),  # Zoom speaks of ascending runs only
        ("Ses7890ame", []),  # 9 is not followed by 0
        ("Sesxyzab7", []),
        ("Sesame42\n", [CONTROL]),
        ("Ses\x00ame42", [CONTROL]),
        ("Ünïcödé-ss4", [CAPITAL]),
        ("Ünïcödé-S4", []),
        ("Sesame\N{ARABIC-INDIC DIGIT FOUR}\N{ARABIC-INDIC DIGIT NINE}", [DIGIT]),
        ("Sesame4\u0430\u0431\u0432\u0433", [RUN]),
        ("Sesame4\u0661\u0662\u0663\u0664", [RUN]),
        ("Ses ame 42", []),
    ],
    ids=short,
)
def test_passwords(password: str, expected: list[str]) -> None:
    assert password_errors(password) == expected
    if expected:
        assert faults(jane(password=password), "autoCreate") == {"user_info.password": expected}
    else:
        assert sent(jane(password=password), "autoCreate")["password"] == password


@pytest.mark.parametrize(
    ("text", "length", "found"),
    [("abc", 4, False), ("abcd", 4, True), ("xabcdx", 4, True), ("aBc", 3, True), ("", 1, False)],
)
def test_runs(text: str, length: int, found: bool) -> None:
    assert has_sequence(text, length) is found


def test_a_huge_password_is_refused_without_being_read_to_its_end() -> None:
    said = password_errors("Aa1!" * 10_000_000)
    assert said == [SHORT]


@pytest.mark.parametrize("password", [12345678, True, ["x"], b"Sesame42"])
def test_passwords_that_are_no_text(password: object) -> None:
    assert faults(jane(password=password), "autoCreate") == {
        "user_info.password": ["must be a string"]
    }
