"""Rows of every source become people or rejects, each address once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoom_provider.models.user import CreateRequest, parse_create_request
from zoom_provider.provisioning.mapper import Mapper
from zoom_provider.provisioning.roster import Record, Row, from_list, read


def creates(user_info: object) -> CreateRequest:
    return parse_create_request("create", user_info)


def said(rows: Iterable[Row]) -> list[Any]:
    """Say of each row who it is, whose duplicate, or which fields are wrong."""
    return [
        (row.number, row.email, sorted(row.error.errors) if row.error else row.first)
        for row in rows
    ]


def test_each_address_once_and_the_first_row_wins() -> None:
    people: list[Any] = [
        {"email": "a@example.com", "type": 1},
        {"email": "A@Example.COM ", "type": 2},
        {"email": "b@example.com"},
        {"email": "b@example.com", "type": 1},
        "a text",
        None,
        ["a@example.com"],
        {"email": 5, "type": 1},
        {},
    ]
    found = list(read(from_list(people), creates))
    assert said(found) == [
        (1, "a@example.com", None),
        (2, "A@Example.COM", 1),
        (3, "b@example.com", ["user_info.type"]),
        (4, "b@example.com", None),
        (5, "", ["user_info"]),
        (6, "", ["user_info"]),
        (7, "", ["user_info"]),
        (8, "", ["user_info.email"]),
        (9, "", ["user_info.email", "user_info.type"]),
    ]
    assert [row.request is not None for row in found] == [
        *[True, False, False, True],
        *[False] * 5,
    ]


def test_a_rejected_rows_address_is_fit_for_one_line() -> None:
    email = "a\n2026-01-01 INFO all well\u2028\ud800\x1b[31m" + "x" * 500
    (row,) = read(from_list([{"email": email, "type": 1}]), creates)
    assert row.error is not None
    assert row.email.isprintable()
    assert len(row.email) <= 129
    row.email.encode("utf-8")
    str(row.error).encode("utf-8")


def mapped(records: Iterable[Record], mapping: dict[str, Any] | None) -> Iterable[Record]:
    return Mapper(mapping).apply(records)


HR = {"Work Email": " Ann@Example.COM ", "Dept": "Sales", "First": "Ann", "Empty": "", "n": 7}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("First", "Ann"),
        ("Empty", None),
        (2, 2),
        (True, True),
        (["a"], ["a"]),
        ({"value": "text"}, "text"),
        ({"column": "First"}, "Ann"),
        ({"column": "Empty", "default": "x"}, "x"),
        ({"column": "Nowhere", "default": "x", "optional": True}, "x"),
        ({"column": "Nowhere", "optional": True}, None),
        ({"column": "Dept", "map": {"Sales": 2}}, 2),
        ({"column": "Dept", "map": {"Law": 2}, "default": 1}, 1),
        ({"column": "Empty", "map": {"Sales": 2}, "default": 1}, 1),
        ({"column": "n"}, 7),
    ],
)
def test_a_mapping_says_where_a_field_comes_from(source: Any, value: Any) -> None:
    ((number, made, _),) = mapped([Record(4, HR)], {"first_name": source, "email": "Work Email"})
    assert number == 4
    expected = {} if value is None else {"first_name": value}
    assert made == {"email": "ann@example.com", **expected}


@pytest.mark.parametrize(
    "source",
    [
        "Nowhere",
        {"column": "Nowhere"},
        {"column": "Nowhere", "default": 1},
        {"column": "Dept", "map": {"Law": 2}},
        {},
    ],
)
def test_what_a_mapping_does_not_find_rejects_the_row_with_its_address(source: Any) -> None:
    records = mapped([Record(4, HR)], {"type": source, "email": "Work Email"})
    (row,) = read(records, creates)
    assert said([row]) == [(4, "ann@example.com", ["user_info.type"])]


def test_without_a_mapping_columns_with_zooms_names_are_taken() -> None:
    record = {"email": "a@example.com", "type": "1", "last_name": " ", "Salary": "1"}
    wanted = {"email": "a@example.com", "type": "1"}
    assert list(mapped([Record(2, record)], None)) == [Record(2, wanted)]


def test_shards_share_a_roster_and_leave_nobody_out() -> None:
    people: list[Any] = [{"email": f"P{n}@example.com", "type": 1} for n in range(50)]
    people += [{"type": 1}, "text", {"email": "p3@example.com", "type": 2}]
    parts = [list(read(from_list(people), creates, shard=(part, 3))) for part in range(3)]
    assert sorted(row.number for part in parts for row in part) == list(range(1, 54))
    assert all(parts)
    for part, rows in enumerate(parts):
        for row in rows:
            digest = hashlib.sha256(row.email.lower().encode()).hexdigest()
            assert part == (int(digest, 16) % 3 if row.email else 0)
    assert [row.first for part in parts for row in part if row.first] == [4]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
PERSON = st.dictionaries(
    st.sampled_from(["email", "type", "first_name", "password", "x"]),
    JSON | st.sampled_from(["a@example.com", "A@example.com", 1, "2"]),
)


@settings(derandomize=True, database=None, deadline=None)
@given(people=st.lists(JSON | PERSON, max_size=6), shard=st.none() | st.just((0, 1)))
def test_every_row_comes_out_once_whatever_it_holds(
    people: list[Any], shard: tuple[int, int] | None
) -> None:
    rows = list(read(from_list(people), creates, shard=shard))
    assert [row.number for row in rows] == list(range(1, len(people) + 1))
    sent = [row.request.email.lower() for row in rows if row.request]
    assert len(sent) == len(set(sent))
    for row in rows:
        assert (row.request is None) is (row.error is not None or row.first is not None)
        row.email.encode("utf-8")
