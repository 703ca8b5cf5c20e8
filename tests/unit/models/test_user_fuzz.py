"""Whatever comes as a person: a request that Zoom can be sent, or an error fit for a log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from zoom_provider.exceptions import ZoomValidationError
from zoom_provider.models.licenses import Feature, LicenseInfo
from zoom_provider.models.user import Action, CreateRequest, UserInfo, parse_create_request
from zoom_provider.models.validation import PATCH_ONLY

CANARY = "C4nary-Sings-Loud"

fuzzing = settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

# Halves of surrogate pairs come out of JSON too: "\ud800".
any_text = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    [
        "x" * 100_000,
        "\ud800",
        "\r\n2026-01-01 ERROR forged",
        "\x1b[2J",
        "=HYPERLINK(1)",
        "{{ 1 + 1 }}",
        "../../v2/accounts",
        "%2e%2e%2f",
        "#?&",
        "\N{RIGHT-TO-LEFT OVERRIDE}",
        "1" * 10_000,
    ]
)
leaf = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**4000, -(10**4000), 1, 2, 3, 4, 99, 16, 2**56]),
    st.floats(),
    any_text,
    st.binary(max_size=10),
    st.just(CANARY),
)
fields = st.sampled_from(
    sorted(
        {*UserInfo.model_fields, *Feature.model_fields, *LicenseInfo.model_fields, *PATCH_ONLY}
        | {"department", "pasword"}
    )
)
any_key = fields | any_text | st.none() | st.booleans() | st.integers() | st.tuples(st.integers())
tree = st.recursive(
    leaf, lambda inner: st.lists(inner) | st.dictionaries(any_key, inner, max_size=6), max_leaves=12
)

mailbox = st.text("abZ019+-_/%#?=&'!éл用.", min_size=1, max_size=20) | st.text(
    st.sampled_from("aZ0.+-/%#'\\\"<>,;:@ é\n\x00\u200b\u202e\ud800"), max_size=20
)
email = st.builds("{}@{}".format, mailbox, st.sampled_from(["example.com", "bücher.example", "x"]))
mostly_right = st.fixed_dictionaries(
    {},
    optional={
        "email": email | st.just("jane@example.com") | any_text,
        "type": st.sampled_from([1, 2, "2", 3, 4, 99]) | any_text.filter(lambda t: CANARY not in t),
        "first_name": leaf,
        "last_name": any_text,
        "display_name": any_text,
        "password": st.just(CANARY) | st.just(f"{CANARY}1234") | st.just(f"{CANARY}\n") | st.none(),
        "division_ids": tree | st.lists(any_text, max_size=2),
        "feature": tree | st.dictionaries(any_key, leaf, max_size=3),
        "plan_united_type": leaf,
        "license_info_list": tree
        | st.lists(st.dictionaries(any_key, leaf, max_size=4), max_size=3),
        "dept": tree,
    },
)
right = st.fixed_dictionaries(
    {
        "email": st.sampled_from(["jane@example.com", " o'neil+1@bücher.example "]),
        "type": st.sampled_from([1, 2, "2", 3, 4]),
    },
    optional={
        "first_name": st.sampled_from(["Jane", "小明", " ", None]),
        "last_name": st.text("Do e'-éл王", max_size=5),
        "display_name": st.text(st.characters(categories=["L", "M", "S"]), max_size=10),
        "division_ids": st.lists(st.just("d1"), max_size=1),
        "feature": st.fixed_dictionaries(
            {}, optional={"zoom_phone": st.booleans(), "zoom_one_type": st.sampled_from([16, "32"])}
        ),
        "plan_united_type": st.sampled_from(["1", 131072]),
        "license_info_list": st.just(
            [{"license_type": "MEETING", "license_option": 2, "subscription_id": "SUBREF-a-1"}]
        ),
    },
)


def with_odd_ones(
    part: st.SearchStrategy[dict[Any, Any]], odd: st.SearchStrategy[dict[Any, Any]]
) -> st.SearchStrategy[dict[Any, Any]]:
    return st.builds(lambda one, other: {**one, **other}, part, odd)


person = st.one_of(
    tree,
    mostly_right,
    with_odd_ones(mostly_right, st.dictionaries(any_key, tree, max_size=3)),
    right,
    with_odd_ones(right, st.fixed_dictionaries({}, optional={"password": st.just(CANARY)})),
    with_odd_ones(right, st.dictionaries(fields, leaf, max_size=1)),
)
action = st.sampled_from([*Action, "create", "autoCreate", "SSOCreate", CANARY])


def one_line(text: str) -> bool:
    return text.isprintable() and len(text) < 20_000


def outcome(given_action: Any, user_info: Any) -> CreateRequest | ZoomValidationError:
    """Check a person; there are two outcomes, and whatever else is raised fails the test."""
    try:
        return parse_create_request(given_action, user_info)
    except ZoomValidationError as error:
        return error


def judge(given_action: Any, user_info: Any) -> None:
    found = outcome(given_action, user_info)
    if isinstance(found, ZoomValidationError):
        assert_fit_for_a_log(found)
    else:
        assert_sendable(found)


def assert_fit_for_a_log(error: ZoomValidationError, secret: str = CANARY) -> None:
    texts = [text for texts in error.errors.values() for text in texts]
    assert error.errors
    assert all(error.errors.values())
    assert all(map(one_line, [str(error), *error.errors, *texts]))
    assert secret not in f"{error}{error!r}{error.__dict__}"
    # pydantic's own error holds the input, so it must not hang on.
    assert error.__context__ is None


def assert_sendable(request: CreateRequest) -> None:
    body = request.body()
    # It travels, and it arrives as the same person.
    arrived = json.loads(json.dumps(body, allow_nan=False, ensure_ascii=False).encode())
    assert parse_create_request(arrived["action"], arrived["user_info"]).body() == body
    # An address goes to logs, reports and URLs.
    assert one_line(request.email)
    assert request.email == request.email.strip()
    assert " " not in request.email
    assert request.email.count("@") == 1
    password = body["user_info"].pop("password", None)
    if password is not None:
        assert request.action is Action.autoCreate
        assert password not in f"{request!r}{request}"
        assert body["user_info"] == request.user_info.given_fields()
    assert all(map(one_line, request.warnings))


@fuzzing
@given(action | tree, person)
@example("autoCreate", {"email": "a@example.com", "type": 1, "password": CANARY})
@example("create", {"\ud800": CANARY})
@example({CANARY: [CANARY]}, {"email": CANARY, "type": CANARY})
@example("create", {"type": 10**4000, "email": "\ud800@\udfff.x"})
def test_any_action_and_any_person(given_action: Any, user_info: Any) -> None:
    judge(given_action, user_info)


@fuzzing
@given(email | any_text, st.sampled_from(["create", "autoCreate", "custCreate", "ssoCreate"]))
def test_any_address(address: str, given_action: str) -> None:
    judge(given_action, {"email": address, "type": 2})


@fuzzing
@given(any_text, any_text, any_text)
def test_any_name(first: str, last: str, display: str) -> None:
    names = {"first_name": first, "last_name": last, "display_name": display}
    judge("create", {"email": "jane@example.com", "type": 1, **names})


@fuzzing
@given(any_text | st.text("aA1bB2cC3dD4!é用\n", min_size=6, max_size=34))
def test_any_password(password: str) -> None:
    given_password = f"{CANARY[:6]}{password}"
    found = outcome("autoCreate", {"email": "j@e.co", "type": 1, "password": given_password})
    if isinstance(found, ZoomValidationError):
        assert set(found.errors) == {"user_info.password"}
        assert_fit_for_a_log(found, CANARY[:6])
    else:
        assert found.body()["user_info"]["password"] == given_password
        assert CANARY[:6] not in repr(found)


def nested(depth: int, *, as_list: bool) -> Any:
    inner: Any = CANARY
    for _ in range(depth):
        inner = [inner] if as_list else {"feature": inner}
    return inner


@pytest.mark.parametrize("field", [*UserInfo.model_fields, "unknown"])
@pytest.mark.parametrize("as_list", [True, False])
def test_deep_nesting(field: str, as_list: bool) -> None:
    judge(
        "create", {"email": "jane@example.com", "type": 1, field: nested(50_000, as_list=as_list)}
    )
    judge(nested(50_000, as_list=as_list), nested(50_000, as_list=as_list))


@pytest.mark.parametrize(
    "field", ["license_info_list", "division_ids", "feature", "first_name", "unknown"]
)
def test_great_numbers(field: str) -> None:
    person = {"email": "jane@example.com", "type": 1}
    judge("create", {**person, field: [{"x" * 100: CANARY} for n in range(100_000)]})
    judge("create", {**person, field: {f"field {n}": n for n in range(100_000)}})
