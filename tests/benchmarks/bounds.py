"""What the measured ratios may be, and how they are printed."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.running import Run


def say(text: str) -> None:
    """Print at once: a benchmark takes its time."""
    print(text, flush=True)


@dataclass(frozen=True, slots=True)
class Bound:
    """
    A number that was measured, and what it may be.

    :param name: what it is, in words
    """

    name: str
    value: float
    at_least: float = float("-inf")
    at_most: float = float("inf")

    @property
    def holds(self) -> bool:
        """Whether the number is within its bound."""
        return self.at_least <= self.value <= self.at_most

    def __str__(self) -> str:
        wanted = (
            f">= {self.at_least:g}" if self.at_least > float("-inf") else f"<= {self.at_most:g}"
        )
        return f"{'holds ' if self.holds else 'MISSED'}  {self.name}: {self.value:.3f} ({wanted})"


def head(title: str) -> None:
    """Print the head of a table."""
    say(f"\n{title}")
    say(
        f"  {'what':44} {'people':>7} {'people/s':>9} {'s':>8} {'start-up s':>10}"
        f" {'cpu ms each':>11} {'peak MB':>8} {'429s':>5}"
    )


def line(what: str, run: Run) -> None:
    """Print a run as a line of a table."""
    say(
        f"  {what:44} {run.people:7d} {run.rate:9.1f} {run.seconds:8.2f}"
        f" {run.whole - run.seconds:10.1f} {run.cpu_each:11.3f} {run.peak:8.0f}"
        f" {run.rate_limited:5d}"
    )
