"""The daily cap on creates is recognized without a header, and a crowded second is not."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.api.fakes import Clock
from tests.unit.api.newcomer import GET, NEW, POST, create, there
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.daily_quota import CREATES_PER_DAY, DailyQuota, Streak
from zoom_provider.api.rate_limit import LimitedCall, RateLimits
from zoom_provider.api.response import Reply
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.exceptions import ZoomDailyLimitError, ZoomError, ZoomRateLimitError
from zoom_provider.simulator.limits import too_many
from zoom_provider.simulator.server import Simulator

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
CREATED = Reply(201, {}, {"id": "a"})
FOUND = Reply(200, {}, {"id": "a", "email": "a@example.com"})
ABSENT = Reply(404, {}, {"code": 1001, "message": "User does not exist."})
REFUSED = Reply(429, {}, {"code": 429, "message": "No."})
QPS = Reply(429, {"X-RateLimit-Type": "QPS"}, {"code": 429, "message": "No."})
PAST = Reply(429, {"X-RateLimit-Type": "Daily-limit", "Retry-After": "2026-03-10T00:00:00Z"})


@pytest.mark.parametrize(
    ("streak", "daily"),
    [
        (Streak(8, {"a", "b", "c"}, 30.0, 4), True),
        (Streak(7, {"a", "b", "c"}, 30.0, 4), False),
        (Streak(8, {"a", "b"}, 30.0, 4), False),
        (Streak(8, {"a", "b", "c"}, 29.9, 4), False),
        (Streak(8, {"a", "b", "c"}, 30.0, 3), False),
        (Streak(8, {"a", "b"}, 60.0, 4), True),
        (Streak(8, {"a", "b"}, 59.9, 4), False),
        (Streak(500, {"a"}, 900.0, 50), False),
        (Streak(500, {"a", "b", "c"}, 300.0, 0), False),
        (Streak(), False),
    ],
)
def test_what_means_a_daily_limit(streak: Streak, daily: bool) -> None:
    assert streak.means_daily_limit() is daily


class Account:
    """Replies of a Zoom account by the clock, given to a quota as a client gives them."""

    def __init__(self, clock: Clock, plan: Any = "pro") -> None:
        self.clock = clock
        self.quota = DailyQuota(plan, clock)
        self.now = NOON
        self.probes = 0
        self.probe: Callable[[], Reply | None] = lambda: ABSENT

    def create(self, reply: Reply, email: str = "a@example.com", after: float = 1.0) -> bool:
        """Return whether the reply is taken for a daily limit's."""
        self.clock.travel(after)

        def probe() -> Reply | None:
            self.probes += 1
            return self.probe()

        return self.quota.classify(
            reply, email=email, now=self.now, probe=probe
        ).assumed_daily_limit

    def refuse(self, seconds: int, users: int = 5, reply: Reply = REFUSED) -> list[bool]:
        return [self.create(reply, f"p{n % users}@example.com") for n in range(seconds)]


@pytest.fixture
def account(clock: Clock) -> Account:
    return Account(clock)


@pytest.mark.parametrize("reply", [REFUSED, PAST], ids=["bare", "a time that is over"])
def test_creates_refused_while_other_calls_pass_are_the_daily_limit(
    account: Account, reply: Reply
) -> None:
    verdicts = account.refuse(60, reply=reply)
    assert verdicts.index(True) in range(30, 36)
    assert all(verdicts[verdicts.index(True) :])
    assert account.probes <= 16  # none more, once it is known


def test_two_users_creates_need_a_minute(account: Account) -> None:
    verdicts = account.refuse(100, users=2)
    assert verdicts.index(True) in range(59, 64)


def test_one_users_create_may_be_on_its_way_from_another_worker(account: Account) -> None:
    assert not any(account.refuse(900, users=1))
    # The second user after such a time is proof.
    assert account.create(REFUSED, "q@example.com")


def test_a_short_time_of_refusals_makes_no_other_call(account: Account) -> None:
    account.refuse(5)
    assert account.probes == 0


@pytest.mark.parametrize(
    "probe",
    [REFUSED, QPS, None, Reply(503), Reply(400, {}, {"code": 4711, "message": "No."})],
    ids=["refused too", "refused by the second", "lost", "outage", "no scope"],
)
def test_without_other_calls_that_pass_nothing_is_concluded(
    account: Account, probe: Reply | None
) -> None:
    account.probe = lambda: probe
    assert not any(account.refuse(600))


def test_a_create_that_passes_begins_the_evidence_again(account: Account) -> None:
    for _ in range(30):
        assert not any(account.refuse(29))
        assert not account.create(CREATED, "ok@example.com")


def test_a_refusal_by_the_second_begins_the_evidence_again(account: Account) -> None:
    for _ in range(30):
        assert not any(account.refuse(29))
        assert not account.create(QPS)


def test_users_whose_reply_was_lost_are_no_evidence(account: Account) -> None:
    """Zoom works on their first create still, and refuses a second one meanwhile."""
    for number in range(5):
        account.quota.note_lost_reply(f"P{number}@example.com")
    assert not any(account.refuse(120))


def test_users_whose_create_ended_in_an_outage_are_no_evidence(account: Account) -> None:
    for number in range(5):
        account.create(Reply(504), f"p{number}@example.com")
    assert not any(account.refuse(120))


@pytest.mark.parametrize("plan", ["free", "pro", "business"])
def test_the_plans_cap_is_known_by_our_own_count(clock: Clock, plan: Any) -> None:
    account = Account(clock, plan)
    for _ in range(CREATES_PER_DAY[plan] - 1):
        account.create(CREATED, after=0.02)
    assert not account.create(REFUSED, after=0.02)
    account.create(CREATED, after=0.02)
    assert account.create(REFUSED, after=0.02)
    assert not account.create(QPS, after=0.02)
    # One more that passes: the connection names too small a plan.
    account.create(CREATED, after=0.02)
    assert not account.create(REFUSED, after=0.02)


def test_creates_of_an_earlier_try_count(account: Account) -> None:
    account.quota.add(1_499, NOON)
    assert not account.create(REFUSED)
    account.create(CREATED)
    assert account.create(REFUSED)


def test_a_new_day_is_a_new_quota(account: Account) -> None:
    account.quota.add(1_500, NOON)
    assert account.create(REFUSED)
    account.now += timedelta(hours=12)
    assert not account.create(REFUSED)
    assert account.refuse(60)[-1]
    account.now += timedelta(days=1)
    assert not account.create(REFUSED)


def creates_left(remaining: int, limit: int = 10_000, category: str = "Light") -> Reply:
    headers = {
        "X-RateLimit-Category": category,
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
    }
    return Reply(201, headers, {"id": "a"})


def test_zooms_headers_know_of_other_apps_creates(account: Account) -> None:
    account.create(creates_left(1))
    assert not account.create(REFUSED)
    account.create(creates_left(0))
    assert account.create(REFUSED)


@pytest.mark.parametrize(
    "reply",
    [
        creates_left(0, limit=6_000),  # the free plan's quota on all light calls
        creates_left(0, category="Heavy"),
        Reply(201, {"X-RateLimit-Category": "Light", "X-RateLimit-Limit": "1500"}, {"id": "a"}),
        Reply(201, {"X-RateLimit-Limit": "many", "X-RateLimit-Remaining": "²"}, {"id": "a"}),
    ],
)
def test_headers_of_other_quotas_say_nothing_of_creates(account: Account, reply: Reply) -> None:
    account.create(reply)
    assert not account.create(REFUSED)


@pytest.mark.parametrize("passes", [0.05, 0.1, 0.2, 0.33, 0.5, 0.8])
def test_a_crowded_account_does_not_lose_a_day(clock: Clock, passes: float) -> None:
    """Other apps leave so large a part of the second's limit, and Zoom names no limit."""
    chance = random.Random(7)  # noqa: S311 - the same numbers each time
    account = Account(clock)
    account.probe = lambda: ABSENT if chance.random() < passes else REFUSED
    for number in range(20_000):
        reply = CREATED if chance.random() < passes else REFUSED
        account.now = NOON + timedelta(days=number // 1_000)  # the cap is no matter here
        assert not account.create(reply, f"p{number % 8}@example.com", after=0.5)


# ---- with the local Zoom


@pytest.fixture
def used_up(zoom: Simulator) -> Simulator:
    zoom.configure(create_cap=2, daily_headers=False, limits_enforced=True)
    return zoom


def test_several_users_meet_a_cap_that_zoom_does_not_name(
    used_up: Simulator, client: ZoomClient, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    began = clock.time
    outcomes: list[object] = []
    for number in range(5):
        try:
            outcomes.append(create(client, f"p{number}@example.com")["email"])
        except ZoomError as error:
            outcomes.append(type(error))
    assert outcomes == [
        *("p0@example.com", "p1@example.com"),
        ZoomRateLimitError,
        *([ZoomDailyLimitError] * 2),
    ]
    assert there(used_up) == ["p0@example.com", "p1@example.com"]
    # After the first one's patience, none of the others waits.
    assert clock.time - began < 302
    assert caplog.text.count("taken for the account's daily limit") == 1
    with pytest.raises(ZoomDailyLimitError, match="does not say so") as caught:
        create(client, "p5@example.com")
    assert caught.value.reset_at > datetime.now(UTC)
    assert caught.value.reset_at.hour == 0
    # Other actions are not counted.
    assert create(client, action="autoCreate")["email"] == NEW


def test_a_stuck_create_of_one_user_is_no_daily_limit(zoom: Simulator, client: ZoomClient) -> None:
    zoom.fault("cut_before", on=POST)  # the reply is lost, Zoom may be working on it
    zoom.fault("429", on=POST, limit="concurrency", times=None)
    with pytest.raises(ZoomRateLimitError):
        create(client)
    assert len(zoom.requests(GET)) == 3  # the look-ups after the lost reply


@pytest.mark.parametrize("text", ["1773187200", "2082-01-01T00:00:00Z", "tomorrow"])
def test_a_time_from_outside_that_cannot_be_is_logged(
    zoom: Simulator,
    client: ZoomClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
) -> None:
    def limited(*args: Any, **options: Any) -> Any:
        refusal = too_many(*args, **options)
        refusal.headers["Retry-After"] = text
        return refusal

    monkeypatch.setattr("zoom_provider.simulator.faults.too_many", limited)
    zoom.fault("429", on=POST, limit="daily")
    with pytest.raises(ZoomDailyLimitError) as caught:
        create(client)
    assert caught.value.reset_at - datetime.now(UTC) <= timedelta(days=1)
    assert f"Retry-After: {text}, which is not believed" in caplog.text


def test_a_time_that_has_just_passed_loses_no_day(
    zoom: Simulator, client: ZoomClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(*args: Any, **options: Any) -> Any:
        refusal = too_many(*args, **options)
        refusal.headers["Retry-After"] = datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z")
        return refusal

    monkeypatch.setattr("zoom_provider.simulator.faults.too_many", limited)
    zoom.fault("429", on=POST, limit="creates", times=2)
    assert create(client)["email"] == NEW
    assert 2 <= sum(clock.pauses) < 4


def test_other_light_calls_count_only_while_creates_are_refused(clock: Clock) -> None:
    limits = RateLimits(ZoomSettings(client_id="counts"), clock)
    create_call = LimitedCall(limits, "light", creates="a@example.com")
    for refused, counted in ((False, 0), (True, 1)):
        if refused:
            create_call.note(REFUSED, 0.1)
        LimitedCall(limits, "medium").note(FOUND, 0.1)
        LimitedCall(limits, "light").note(FOUND, 0.1)
        assert limits.quota.streak.let_through == counted
    create_call.note(CREATED, 0.1)
    assert limits.quota.streak == Streak()
