"""The paths that pages and docstrings recommend, in a run that has no logical date."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow import __version__
from airflow.providers.common.compat.sdk import DAG, BaseOperator

from tests.readme import PAGES, PROJECT, text_of
from tests.support import run_dag

PATH = re.compile(r"(?:[\w.:/@-]|\{\{[^{}]*\}\})+\.(?:csv|jsonl|ndjson)\b")
SOURCES = [*PROJECT.glob("plugins/**/*.py"), *PROJECT.glob("dags/*.py")]
TEXTS = [*map(text_of, PAGES), *(path.read_text(encoding="utf-8") for path in SOURCES)]
TEMPLATES = sorted({found for text in TEXTS for found in PATH.findall(text) if "{{" in found})
# Airflow 2 has no runs without one, and another name for it.
AIRFLOW_3 = __version__.startswith("3")
NONE: dict[str, Any] = {"logical_date": None} if AIRFLOW_3 else {}
MARCH = {"logical_date" if AIRFLOW_3 else "execution_date": datetime(2026, 3, 2, tzinfo=UTC)}
# [scheduler] allowed_run_id_pattern lets these through, and no slash.
ODD = "manual__2026-03-02T05:00:00+00:00~a::b..c"


class Render(BaseOperator):
    """Returns what a path is rendered to."""

    template_fields = ("path",)

    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path

    def execute(self, context: Any) -> str:
        """Return the path."""
        return self.path


def rendered(**options: Any) -> dict[str, str]:
    """Run a DAG with a task for each template; return what they were rendered to."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with DAG("paths", schedule="@daily", start_date=start, params={"file": "hr.csv"}) as dag:
        for number, template in enumerate(TEMPLATES):
            Render(task_id=f"path{number}", path=template)
    run = run_dag(dag, **options)
    assert str(run.state) == "success"
    names = [f"path{number}" for number in range(len(TEMPLATES))]
    found = [run.get_task_instance(name).xcom_pull(task_ids=name) for name in names]
    return dict(zip(TEMPLATES, found, strict=True))


def test_the_paths_are_found() -> None:
    assert len(TEMPLATES) >= 5
    assert [t for t in TEMPLATES if "run_id" in t and t.startswith("s3://")]
    assert [t for t in TEMPLATES if "data_interval_end" in t]


@pytest.mark.parametrize("options", [NONE, MARCH])
def test_each_path_holds_for_each_way_to_start_a_run(
    airflow_db: Path, options: dict[str, Any]
) -> None:
    for template, path in rendered(**options).items():
        assert re.fullmatch(r"(\w+://)?[\w.@/+-]+", path), template
        assert path.count("/") == re.sub(r"\{\{.*?\}\}", "", template).count("/"), template
        assert not re.search(r"None|/\.\w+$", path), template


@pytest.mark.parametrize("template", [t for t in TEMPLATES if "run_id" in t])
def test_whatever_its_id_each_run_has_a_file_of_its_own(template: str) -> None:
    task = Render(task_id="one", path="")
    context: Any = {"dag": DAG("paths", schedule=None), "ti": None}
    paths = [task.render_template(template, context | {"run_id": run}) for run in (ODD, "other")]
    assert paths[0] != paths[1]
    assert paths[0].partition("://")[2].count(":") == 0
