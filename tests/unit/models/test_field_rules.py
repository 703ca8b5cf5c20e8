"""Zoom's rules for e-mail addresses and names, as tables."""

from __future__ import annotations

import pytest

from tests.unit.models.people import faults, jane, sent, short


@pytest.mark.parametrize(
    "email",
    [
        "j@e.co",
        "jane.doe+zoom@sub.example.co.uk",
        "o'neil@example.com",
        "a/b%2F.#?&=@example.com",
        "!#$%&'*+/=?^_`{|}~-@example.com",
        "=1+1@example.com",
        "jürgen@bücher.example",
        "用户@例子.广告",
        "उपयोगकर्ता@उदाहरण.कॉम",
        "jane@xn--bcher-kva.example",
        "jane@1.example",
        "J" * 116 + "@example.com",
    ],
    ids=short,
)
def test_addresses(email: str) -> None:
    assert sent(jane(email=email))["email"] == email


@pytest.mark.parametrize(
    ("email", "text"),
    [
        (None, "is required"),
        ("", "is required"),
        ("   ", "is required"),
        ("jane.example.com", "must have exactly one @"),
        ("jane@@example.com", "'jane@@example.com' must have exactly one @"),
        ("a@example.com, b@example.com", "must have exactly one @"),
        ("a@example.com, b@example.com", "one bare address"),
        ("Jane <jane@example.com>", "one bare address"),
        ('"jane doe"@example.com', "one bare address"),
        ("jane@[127.0.0.1]", "one bare address"),
        ("jane@example.com;", "one bare address"),
        ("jane\\@example.com", "one bare address"),
        ("@example.com", "nothing before the @"),
        (".jane@example.com", "has a dot at an end"),
        ("jane.@example.com", "has a dot at an end"),
        ("../../jane@example.com", "or two in a row"),
        ("ja..ne@example.com", "or two in a row"),
        ("jane doe@example.com", "holds a blank"),
        ("jane@exa mple.com", "holds a blank"),
        ("jane\n@example.com", "'jane\\n@example.com' holds a blank, a control character"),
        ("jane\x00@example.com", "control character"),
        ("jane\N{NO-BREAK SPACE}@example.com", "holds a blank"),
        ("jane\N{ZERO WIDTH SPACE}@example.com", "or an invisible one"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}jane@example.com", "or an invisible one"),
        ("jane@example", "must have a domain such as example.com"),
        ("jane@", "must have a domain"),
        ("jane@.com", "must have a domain"),
        ("jane@example.", "must have a domain"),
        ("jane@example..com", "must have a domain"),
        ("jane@-example.com", "must have a domain"),
        ("jane@example-.com", "must have a domain"),
        ("jane@exa_mple.com", "must have a domain"),
        ("jane@example.com/path", "must have a domain"),
        ("jane@example.com#x", "must have a domain"),
        ("jane@127.0.0.1", "must have a domain"),
        (f"jane@{'x' * 64}.com", "must have a domain"),
        ("J" * 117 + "@example.com", "has more than 128 characters"),
        ("J" * 1_000_000 + "@example.com", "..."),
        ("J" * 1_000_000, "has more than 128 characters"),
        ("jane\ud800@example.com", "half of a surrogate pair"),
        (b"jane@example.com", "must be a string"),
        (5, "must be a string"),
        (True, "must be a string"),
        (["jane@example.com"], "must be a string"),
    ],
    ids=short,
)
def test_addresses_that_are_none(email: object, text: str) -> None:
    said = faults(jane(email=email))["user_info.email"]
    assert any(text in fault for fault in said)
    assert all(len(fault) < 200 for fault in said)


@pytest.mark.parametrize("secret", ["Sesame42!open", "Ses@me42!open", "@Sesame42"])
def test_what_is_no_address_is_not_repeated(secret: str) -> None:
    assert secret not in repr(faults(jane(email=secret)))


HAN_OUTSIDE_THE_BASIC_BLOCK = [
    "\u3005",  # the iteration mark
    "\u3007",  # zero
    "\u3400",  # extension A
    "\uf900",  # compatibility ideographs
    "\U00020000",  # extension B
    "\U0002f800",  # compatibility supplement
    "\U00030000",  # extension G
    "\U00031350",  # extension H
    "\U0002ebf0",  # extension I
    "\U000323b0",  # extension J
]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        *((field, "x" * 64) for field in ("first_name", "last_name")),
        *((field, "欧阳娜娜丽") for field in ("first_name", "last_name")),
        ("first_name", "王Xiaoming小 ming 明子子"),
        ("first_name", "ひらがなカタカナだけのながいなまえ"),
        ("first_name", "한국어이름도길어요"),
        ("last_name", "Żółć-O'Brien y Núñez"),
        ("last_name", "山田\N{IDEOGRAPHIC SPACE}太郎"),
        ("last_name", "می\N{ZERO WIDTH NON-JOINER}خواهم"),
        ("last_name", "{{ 1 + 1 }}"),
        ("display_name", "x" * 128),
        ("display_name", "一二三四五六七八九十"),
        ("display_name", "Dr. 👩🏽‍⚕️"),
    ],
    ids=short,
)
def test_names(field: str, name: str) -> None:
    assert sent(jane(**{field: name}))[field] == name


@pytest.mark.parametrize(
    ("field", "name", "expected"),
    [
        ("first_name", "x" * 65, ["must not have more than 64 characters"]),
        ("last_name", "x" * 65, ["must not have more than 64 characters"]),
        ("display_name", "x" * 129, ["must not have more than 128 characters"]),
        ("first_name", "一二三四五六", ["must not have more than 5 Chinese characters"]),
        ("last_name", "一a二b三c四d五e六", ["must not have more than 5 Chinese characters"]),
        ("display_name", "一" * 11, ["must not have more than 10 Chinese characters"]),
        *(
            ("first_name", "一二三四五" + char, ["must not have more than 5 Chinese characters"])
            for char in HAN_OUTSIDE_THE_BASIC_BLOCK
        ),
        ("first_name", "Ja\x00ne", ["must not hold control characters"]),
        ("first_name", "Ja\nne", ["must not hold control characters"]),
        ("last_name", "Ja\x1b[31mne", ["must not hold control characters"]),
        ("last_name", "Ja\N{LINE SEPARATOR}ne", ["must not hold control characters"]),
        ("display_name", "Ja\N{RIGHT-TO-LEFT OVERRIDE}ne", ["must not hold control characters"]),
        (
            "first_name",
            "一" * 64 + "\x7f",
            [
                "must not have more than 64 characters",
                "must not have more than 5 Chinese characters",
                "must not hold control characters",
            ],
        ),
        (
            "first_name",
            "\udc00",
            ["holds characters that cannot be sent: half of a surrogate pair"],
        ),
        ("first_name", 5, ["must be a string"]),
        ("first_name", False, ["must be a string"]),
        ("last_name", b"Doe", ["must be a string"]),
        ("display_name", ["Jane"], ["must be a string"]),
    ],
    ids=short,
)
def test_names_that_zoom_refuses(field: str, name: object, expected: list[str]) -> None:
    assert faults(jane(**{field: name})) == {f"user_info.{field}": expected}
