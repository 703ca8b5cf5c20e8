"""The asset of Zoom's people is what Airflow would make of its address, and costs nothing."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Asset

from tests.support import AIRFLOW
from zoom_provider.assets import ZOOM_USERS


def test_zoom_users_equals_the_asset_of_its_uri() -> None:
    same = Asset("zoom://account/users")

    assert ZOOM_USERS.uri == same.uri == "zoom://account/users"
    # DAG files may write the address themselves: Airflow must take both for one.
    assert same == ZOOM_USERS
    if AIRFLOW != (3, 1):  # its assets have no hash
        assert hash(same) == hash(ZOOM_USERS)
