"""One create can be followed: few files, and few moves between them."""

from __future__ import annotations

from tests.trace_create import trace_create
from zoom_provider.simulator.server import Simulator

MAX_FILES = 17
MAX_MOVES = 40


def test_one_create_stays_within_few_files_and_moves(zoom: Simulator) -> None:
    steps = trace_create(zoom)
    names = [name for name, _ in steps]
    functions = [function for _, called in steps for function in called]
    assert names[0] == "operators/users.py"
    assert "UserMethods.post_user" in functions  # a way without the create proves nothing
    assert functions.count("Transport.send") == 2  # the create, and the look-up of the status
    assert len(set(names)) <= MAX_FILES, sorted(set(names))
    assert len(steps) - 1 <= MAX_MOVES, names
