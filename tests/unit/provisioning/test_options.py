"""The parameters of a bulk run by type: also as texts that templates rendered."""

from __future__ import annotations

from typing import Any

import pytest

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.provisioning.options import parse_create_options, parse_options

NONES: list[Any] = [None, "", " ", "None", "none", "null"]


def parse(**given: Any) -> Any:
    return parse_options(**({"users": []} if "roster" not in given else {}) | given)


def refused(**given: Any) -> dict[str, list[str]]:
    with pytest.raises(ZoomValidationError) as raised:
        parse(**given)
    for name in raised.value.errors:
        assert name in str(raised.value)
    assert raised.value.remedy == "fail"
    return raised.value.errors


@pytest.mark.parametrize("name", ["dry_run", "deferrable"])
@pytest.mark.parametrize(
    ("given", "value"),
    [
        *((text, True) for text in (True, "True", "true", " TRUE\n", "1")),
        *((text, False) for text in (False, "False", "false", "0")),
    ],
)
def test_a_boolean_is_read_from_what_a_template_renders(name: str, given: Any, value: bool) -> None:
    assert getattr(parse(**{name: given}), name) is value


@pytest.mark.parametrize("name", ["dry_run", "deferrable", "seats.else_basic"])
@pytest.mark.parametrize(
    "given", [None, "", "None", 1, 0, 1.0, "yes", "no", "on", "perhaps", "2", [], {}]
)
def test_other_values_are_refused_as_booleans(name: str, given: Any) -> None:
    options = {"seats": {"else_basic": given}} if "." in name else {name: given}
    assert refused(**options) == {name: ["must be True or False"]}


@pytest.mark.parametrize("name", ["max_creates", "seats.licensed", "seats.basic"])
@pytest.mark.parametrize(
    ("given", "value"),
    [(0, 0), (5, 5), ("5", 5), (" 5 ", 5), ("0", 0), *((none, None) for none in NONES)],
)
def test_a_count_is_a_whole_number_or_nothing(name: str, given: Any, value: int | None) -> None:
    outer, _, inner = name.partition(".")
    options = parse(**{outer: {inner: given} if inner else given})
    found = getattr(getattr(options, outer), inner) if inner else getattr(options, outer)
    assert found == value


@pytest.mark.parametrize("name", ["max_creates", "seats.licensed", "seats.basic"])
@pytest.mark.parametrize(
    "given",
    [-1, "-1", True, False, "True", 2.5, 5.0, "5.0", "1e3", "five", "5 people", "\u0665", [], [5]],
)
def test_other_values_are_refused_as_counts(name: str, given: Any) -> None:
    outer, _, inner = name.partition(".")
    errors = refused(**{outer: {inner: given} if inner else given})
    assert list(errors) == [name]
    assert "a whole number, 0 or more" in errors[name][0]


@pytest.mark.parametrize(
    ("given", "value"),
    [
        *((0, 0), (3, 3), ("3", 3), ("0", 0), (1, 1), ("1", 1)),
        *((0.0, 0.0), (0.05, 0.05), ("0.05", 0.05), (" .5", 0.5), (1.0, 1.0), ("1.0", 1.0)),
        *((none, None) for none in NONES),
    ],
)
def test_max_failures_with_a_point_is_a_share_and_without_one_a_count(
    given: Any, value: float | None
) -> None:
    found = parse(max_failures=given).max_failures
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "given",
    [
        *(-1, "-1", -0.5, "-0.5", 1.5, "1.5", "2.0", float("nan"), float("inf"), "nan", "inf"),
        *(True, False, "True", "5%", "0,05", "1e-2", "a.b", [], {}, [3]),
    ],
)
def test_max_failures_is_neither_a_negative_nor_more_than_all(given: Any) -> None:
    assert list(refused(max_failures=given)) == ["max_failures"]


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ((0, 2), (0, 2)),
        ([1, 2], (1, 2)),
        ((0, 1), (0, 1)),
        ("(0, 4)", (0, 4)),
        ("[3, 4]", (3, 4)),
        (" 3,4 ", (3, 4)),
        (("0", "4"), (0, 4)),
        *((none, None) for none in NONES),
    ],
)
def test_a_shard_is_a_part_and_how_many_there_are(given: Any, value: Any) -> None:
    assert parse(shard=given).shard == value


@pytest.mark.parametrize(
    "given",
    [
        *("0/2", "0", "(0)", "(0, 1, 2)", "(2, 2)", "(-1, 2)", "(0, 0)", "(a, b)", "(0.0, 2)"),
        *(5, True, {"i": 0}, {"i": 0, "n": 2}, [0], [0, 1, 2], (2, 2), (3, 2), (-1, 2), (0, 0)),
        *((True, 2), (0, True), (0.0, 2), (None, 2), (0, None), ("", "")),
    ],
)
def test_other_values_are_refused_as_shards(given: Any) -> None:
    assert refused(shard=given) == {"shard": ["must be (i, n), two whole numbers with 0 <= i < n"]}


@pytest.mark.parametrize(
    ("name", "words"),
    [("if_exists", ("fail", "skip", "update")), ("on_error", ("continue", "stop"))],
)
def test_unknown_words_are_refused(name: str, words: tuple[str, ...]) -> None:
    for word in words:
        assert getattr(parse(**{name: f" {word}\n"}), name) == word
    for wrong in (None, "", "None", "Skip", "perhaps", 5, True, [words[0]]):
        errors = refused(**{name: wrong})
        assert list(errors) == [name]
        for word in words:
            assert word in errors[name][0]


@pytest.mark.parametrize("given", NONES)
def test_empty_seats_are_none(given: Any) -> None:
    assert parse(seats=given).seats is None


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ([], ["seats"]),
        ("licensed=5", ["seats"]),
        (5, ["seats"]),
        (True, ["seats"]),
        ({"licenced": 5}, ["seats.licenced"]),
        ({"licensed": -1, "basic": 1.5}, ["seats.licensed", "seats.basic"]),
        ({5: 1}, ["seats.5"]),
    ],
)
def test_invalid_seats_are_refused_by_field(given: Any, fields: list[str]) -> None:
    assert list(refused(seats=given)) == fields


def test_seats_are_read_as_given() -> None:
    found = parse(seats={"licensed": "0", "basic": 5, "else_basic": "true"}).seats
    assert (found.licensed, found.basic, found.else_basic) == (0, 5, True)
    assert parse(seats={}).seats.licensed is None


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"users": None}, ["users"]),
        ({"users": [], "roster": "x.csv"}, ["users"]),
        ({"users": None, "roster": ""}, ["roster"]),
        ({"users": None, "roster": " "}, ["roster"]),
        ({"users": None, "roster": 5}, ["roster"]),
        ({"mapping": "email"}, ["mapping"]),
        ({"mapping": {"email": "email"}}, ["mapping.type"]),
        ({"key": ""}, ["key"]),
        ({"key": 5}, ["key"]),
        ({"key": "password"}, ["key"]),
        ({"key": "PIN", "mapping": {"email": "e", "type": 1, "password": "PIN"}}, ["key"]),
        (
            {"key": "P", "mapping": {"email": "e", "type": 1, "password": {"column": "P"}}},
            ["key"],
        ),
        ({"source": 5}, ["source"]),
    ],
)
def test_invalid_sources_are_refused(given: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(ZoomValidationError) as raised:
        parse_options(**({"users": []} | given))
    assert list(raised.value.errors) == fields


def test_all_faults_come_at_once_and_quote_no_value() -> None:
    secret = "Tr0ub4dor-and-3"
    names = ("dry_run", "max_creates", "max_failures", "shard", "on_error")
    with pytest.raises(ZoomValidationError) as raised:
        parse(**dict.fromkeys(names, secret))
    assert set(raised.value.errors) == set(names)
    assert secret not in str(raised.value)
    assert secret not in repr(raised.value.errors)
    assert raised.value.__cause__ is None


def test_the_defaults_are_those_that_the_operator_documents() -> None:
    found = parse()
    assert (found.action, found.if_exists, found.on_error) == ("create", "skip", "continue")
    assert (found.max_failures, found.max_creates, found.seats, found.shard) == (None,) * 4
    assert (found.dry_run, found.deferrable) == (False, False)
    one = parse_create_options()
    assert (one.if_exists, one.deferrable) == ("fail", False)


def test_the_options_of_a_single_creation_are_validated_alike() -> None:
    found = parse_create_options(if_exists=" update ", deferrable="True")
    assert (found.if_exists, found.deferrable) == ("update", True)
    with pytest.raises(ZoomValidationError) as raised:
        parse_create_options(if_exists="ignore", deferrable=1)
    assert list(raised.value.errors) == ["if_exists", "deferrable"]
