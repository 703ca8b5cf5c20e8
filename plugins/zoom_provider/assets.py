"""The assets whose events say that something changed in Zoom."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Asset

ZOOM_USERS = Asset("zoom://account/users")
"""
The people of the Zoom account.

As an outlet of one of the operators it gets an event when the task has succeeded; its ``extra`` is
``{"outcomes": {outcome: count}}``, for many people also ``"report"``, the path of their report.
"""
