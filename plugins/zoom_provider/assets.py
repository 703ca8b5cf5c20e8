"""The assets whose events say that something changed in Zoom."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Asset


def _build_asset(uri: str) -> Asset:
    """
    Make an asset of an address that is in its normal form already.

    To bring it into that form, Airflow asks the assets' modules of all installed providers, which
    costs half a second with Amazon's, at each parse of each DAG file with the asset. A word that
    is no address is left alone; set past the class, the address is, too.
    """
    asset = Asset(uri.partition(":")[0])
    for name in ("name", "uri"):
        if hasattr(asset, name):  # before Airflow 3 there was no name
            object.__setattr__(asset, name, uri)
    return asset


ZOOM_USERS = _build_asset("zoom://account/users")
"""
The people of the Zoom account.

As an outlet of one of the operators it gets an event when the task has succeeded; its ``extra`` is
``{"outcomes": {outcome: count}}``, for many people also ``"report"``, the path of their report.
After a dry run ``outcomes`` is empty and ``"dry_run"`` is True.
"""
