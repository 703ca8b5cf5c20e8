"""
Names that ``common-compat`` lacks in the oldest version that this package works with.

Each Airflow release is installed beside the providers of its day. What came to
``airflow.providers.common.compat.sdk`` later than version 1.12 is imported from here, by the hook
and the operators alike, and comes from where Airflow's own pages say.
"""

from __future__ import annotations

try:
    from airflow.sdk.log import mask_secret
except ImportError:
    # Airflow 2 keeps it elsewhere; where mypy runs, with Airflow 3, that module has no types.
    from airflow.utils.log.secrets_masker import mask_secret  # type: ignore[no-redef]

__all__ = ["mask_secret"]
