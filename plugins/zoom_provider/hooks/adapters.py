"""Airflow's side of what ``api`` and ``provisioning`` ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast
from urllib.parse import quote

from airflow.providers.common.compat.sdk import ObjectStoragePath, conf

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


def open_text(path: str, mode: str = "w") -> TextIO:
    """
    Open a file of a worker's disk or of an object store for text, with folders made.

    :param path: a path, or a URL that Airflow's ObjectStoragePath knows
    """
    if "://" in path:
        store: Any = ObjectStoragePath(path)
        return cast(TextIO, store.open(mode, encoding="utf-8", newline=""))
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    return cast(TextIO, file.open(mode, encoding="utf-8", newline=""))


def default_report(context: Context) -> str:
    """Name a report under Airflow's base log folder, one for each run, task and map index."""
    ti: Any = context["ti"]
    dag_id, run_id, task_id = (
        # A run's id is free text; a slash in it must not lead elsewhere.
        quote(part, safe="+:@=,").replace("..", "%2E%2E")
        for part in (ti.dag_id, ti.run_id, ti.task_id)
    )
    folder = Path(conf.get("logging", "base_log_folder"))
    return str(folder / "zoom" / dag_id / run_id / f"{task_id}-{ti.map_index}.jsonl")
