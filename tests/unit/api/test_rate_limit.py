"""Calls are spaced below the account's limits, give way when refused, and come back."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from tests.unit.api.fakes import Clock
from zoom_provider.api.rate_limit import (
    PER_SECOND,
    ConcurrencyLimiter,
    Label,
    RateLimiter,
    RateLimits,
)
from zoom_provider.api.settings import Plan, ZoomSettings


def calls(limiter: RateLimiter, clock: Clock, count: int) -> list[float]:
    """Make calls one after the other, and tell when each went out."""
    times = []
    for _ in range(count):
        clock.sleep(limiter.reserve())
        times.append(clock.time)
    return times


def busiest_second(times: list[float]) -> int:
    return max(sum(start <= time < start + 1 for time in times) for start in times)


@pytest.mark.parametrize("plan", ["free", "pro", "business"])
@pytest.mark.parametrize("label", ["light", "medium", "heavy"])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_no_second_sees_more_calls_than_the_share_of_the_limit(
    plan: Plan, label: Label, share: float, clock: Clock
) -> None:
    limiter = RateLimits(ZoomSettings(plan=plan, rate_share=share), clock).by_label[label]
    limit = PER_SECOND[plan][label] * share
    times = calls(limiter, clock, 200)
    assert busiest_second(times) <= max(1, limit)
    # And it makes use of what it may have.
    assert 199 / (times[-1] - times[0]) == pytest.approx(limit * 0.99)


def test_many_threads_keep_to_one_pace(clock: Clock) -> None:
    limiter = RateLimiter(100, clock)
    slots: list[float] = []

    def work() -> None:
        for _ in range(50):
            slots.append(limiter.reserve())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slots) == pytest.approx([i / 99 for i in range(400)])


def test_an_idle_client_does_not_catch_up(clock: Clock) -> None:
    limiter = RateLimiter(10, clock)
    calls(limiter, clock, 5)
    clock.travel(60)
    assert busiest_second(calls(limiter, clock, 30)) <= 10


def test_what_leaves_late_does_not_crowd_what_comes_after_it(clock: Clock) -> None:
    limiter = RateLimiter(10, clock)
    times = []
    for number in range(60):
        clock.sleep(limiter.reserve())
        if number % 7 == 0:
            clock.travel(0.3)  # a thread that woke up late
        while wait := limiter.depart():
            clock.sleep(wait)
        times.append(clock.time)
    assert busiest_second(times) <= 10


def test_a_refusal_pauses_all_calls_and_slows_the_pace(clock: Clock) -> None:
    limiter = RateLimiter(100, clock)
    calls(limiter, clock, 10)
    limiter.on_throttled()
    assert limiter.reserve() == pytest.approx(0.1)
    assert limiter.rate == pytest.approx(98)


def test_so_many_refusals_are_so_many_calls_too_many(clock: Clock) -> None:
    limiter = RateLimiter(100, clock)
    for _ in range(20):
        limiter.on_throttled()
        clock.travel(0.04)
    assert limiter.rate == pytest.approx(79)


def test_a_low_pace_is_slowed_by_a_part_of_it(clock: Clock) -> None:
    limiter = RateLimiter(4, clock)
    limiter.on_throttled()
    assert limiter.rate == pytest.approx(3.96 * 0.85)


def test_refusals_that_go_on_do_not_bring_the_pace_to_a_halt(clock: Clock) -> None:
    limiter = RateLimiter(100, clock)
    for _ in range(200):
        limiter.on_throttled()
        clock.travel(0.1)
    assert limiter.rate == pytest.approx(99 * 0.05)


def test_the_pace_comes_back_ever_faster_and_not_beyond(clock: Clock) -> None:
    limiter = RateLimiter(100, clock)
    for _ in range(50):
        limiter.on_throttled()
    rates = []
    for _ in range(30):
        clock.travel(1.0)
        limiter.reserve()
        rates.append(limiter.rate)
    gains = [after - before for before, after in pairwise([49.0, *rates])]
    assert gains[:20] == pytest.approx([99 * 0.001 * (2 * second + 1) for second in range(20)])
    assert rates[-1] == pytest.approx(99)


def test_a_later_refusal_counts_again(clock: Clock) -> None:
    limiter = RateLimiter(100, clock)
    for _ in range(20):
        limiter.on_throttled()
    clock.travel(10)
    limiter.reserve()
    limiter.on_throttled()
    assert limiter.rate == pytest.approx(79 + 9.9 - 1)


def test_tasks_that_begin_together_begin_with_their_parts(clock: Clock) -> None:
    limiter = RateLimiter(80, clock)
    limiter.divide_rate(4)
    assert limiter.rate == pytest.approx(80 * 0.99 / 4)
    calls(limiter, clock, 20)
    # The others are not heard of: what they leave is taken over.
    clock.travel(60)
    limiter.reserve()
    assert limiter.rate == pytest.approx(80 * 0.99)


def test_a_part_is_never_more_than_what_refusals_left(clock: Clock) -> None:
    limiter = RateLimiter(100, clock)
    for _ in range(90):
        limiter.on_throttled()
    limiter.divide_rate(2)
    assert limiter.rate == pytest.approx(9)


def test_clients_with_the_same_settings_share_a_pace(clock: Clock) -> None:
    one, two = (RateLimits(ZoomSettings(client_id="a"), clock) for _ in range(2))
    other = RateLimits(ZoomSettings(client_id="b"), clock)
    assert one.by_label["light"] is two.by_label["light"]
    assert one.by_label["light"] is one.by_label["light"]
    assert one.by_label["light"] is not one.by_label["medium"]
    assert one.by_label["light"] is not other.by_label["light"]
    assert one.concurrency is two.concurrency
    assert one.concurrency is not other.concurrency


def test_a_gate_lets_in_what_there_is_room_for(clock: Clock) -> None:
    limiter = ConcurrencyLimiter(2, clock)
    inside, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with limiter.slot():
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2
    with limiter.slot(), limiter.slot():
        pass


def test_a_gate_narrows_to_half_of_those_under_way_and_widens_by_the_second(clock: Clock) -> None:
    limiter = ConcurrencyLimiter(100, clock)
    for _ in range(9):
        limiter.acquire()
    limiter.on_throttled()
    assert limiter.limit == 5
    # Of the same crowd.
    limiter.on_throttled()
    assert limiter.limit == 5
    for _ in range(9):
        limiter.release()
    assert limiter.limit == 5
    rooms = []
    for _ in range(3):
        clock.travel(1)
        with limiter.slot():
            pass
        with limiter.slot():
            pass
        rooms.append(limiter.limit)
    assert rooms == [6, 7, 8]


def test_a_gate_never_closes_and_never_opens_beyond_its_width(clock: Clock) -> None:
    limiter = ConcurrencyLimiter(3, clock)
    for _ in range(5):
        clock.travel(2)
        limiter.on_throttled()
    assert limiter.limit == 1
    for _ in range(10):
        clock.travel(2)
        with limiter.slot():
            pass
    assert limiter.limit == 3


def test_a_call_that_fails_leaves_the_gate(clock: Clock) -> None:
    limiter = ConcurrencyLimiter(1, clock)
    for _ in range(3):
        with pytest.raises(OSError, match="cut"), limiter.slot():
            raise OSError("cut")
