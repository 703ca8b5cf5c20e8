"""Some tests need a real part that a machine may lack: a server, a browser, a specification."""

from __future__ import annotations

import os

import pytest

REQUIRE_ALL = "ZOOM_TEST_REQUIRE_ALL"


def require(part: str, available: object, how: str) -> None:
    """
    Skip the test where a part is absent; fail it instead where everything must be tested.

    Called in a fixture, or at the top of a module whose tests all need the part.

    :param part: what the test needs, as a person calls it: ``PostgreSQL``
    :param available: whether it is there
    :param how: how to have it: ``install postgresql``
    """
    if available:
        return
    reason = f"{part} is not available: {how}"
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(f"{reason} ({REQUIRE_ALL}=1 lets no part be absent)", pytrace=False)
    pytest.skip(reason, allow_module_level=True)
