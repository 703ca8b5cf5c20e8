"""The pages in docs/: where their links lead; their commands and examples, run as they stand."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.test_readme import bash, environment
from tests.readme import PAGES, PROJECT, README, block, blocks, text_of
from tests.support import connection, run_dag
from zoom_provider.simulator.server import Simulator

PRODUCTION = "docs/production.md"
CONNECTION = "docs/connection.md"
DOCS = [page for page in PAGES if page != README]
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in PROJECT.glob("tests/**/test_*.py"))
BUCKET = "s3://aws_default@hr"
HR = """\
Employee #,Work Email,First Name
E-1,ann@example.com,Ann
E-2,bob@example.com,Bob
"""


# ---- links and commands of all pages


def anchors(page: Path) -> set[str]:
    """List where in a page a link may lead, as GitHub names its headings."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (PROJECT / page).parent / path if path else PROJECT / page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", DOCS)
def test_every_command_is_run_or_says_why_not(page: str) -> None:
    for b in blocks(page):
        said, _, name = b.mark.partition(": ")
        if said == "run by a test":
            assert re.search(rf"""block\(["']{re.escape(name)}["'],""", TESTS), f"None runs {name}"
        elif b.language == "bash":
            assert re.match(r"not run: needs ", b.mark), b.code


# ---- docs/production.md


def test_the_connection_can_be_tried_from_a_worker(zoom: Simulator) -> None:
    command = block("connections-test", CONNECTION)
    env = environment(AIRFLOW_CONN_ZOOM_DEFAULT=connection(zoom))

    done = bash(command, env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Connection success!" in done.stdout
    assert zoom.requests("GET /v2/users")

    zoom.configure(client_secret="another")
    done = bash(command, env)
    assert done.returncode == 1
    assert "The Client ID or the Client Secret is wrong" in done.stdout + done.stderr


def test_a_pool_of_one_slot(airflow_db: Path) -> None:
    done = bash(f"{block('pool', PRODUCTION)}\nairflow pools get zoom --output json", environment())
    assert done.returncode == 0, done.stdout + done.stderr
    [pool] = json.loads(done.stdout[done.stdout.index("[{") :])
    assert (pool["pool"], pool["slots"]) == ("zoom", "1")


def test_the_connection_in_a_secrets_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    [text] = [b.code for b in blocks(PRODUCTION) if b.language == "json"]
    monkeypatch.setenv("AIRFLOW_CONN_ZOOM_DEFAULT", text)

    from zoom_provider.hooks.zoom import ZoomHook, settings_from_connection

    settings = settings_from_connection(ZoomHook.get_connection("zoom_default"))
    assert (settings.client_id, settings.account_id) == ("CLIENT_ID", "ACCOUNT_ID")
    assert settings.plan == "business"
    assert sorted(settings.allowed_domains) == ["example.com"]


@pytest.mark.parametrize(("dry", "people"), [(True, []), (False, ["ann", "bob"])])
def test_the_first_run_writes_nothing(
    dry: bool, people: list[str], airflow_db: Path, connected: Simulator, tmp_path: Path
) -> None:
    from airflow.sdk import DAG

    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "2026-03-02.csv").write_text(HR, encoding="utf-8")
    code = block("production", PRODUCTION)
    assert (code.count(BUCKET), code.count("dry_run=True")) == (2, 1)
    code = code.replace(BUCKET, str(tmp_path)).replace("dry_run=True", f"dry_run={dry}")
    with DAG("production", schedule="@daily", start_date=datetime(2026, 3, 1, tzinfo=UTC)) as dag:
        exec(code, {})  # noqa: S102 - the page's own

    run = run_dag(dag, logical_date=datetime(2026, 3, 2, tzinfo=UTC))

    assert str(run.state) == "success"
    found = sorted(person["email"].partition("@")[0] for person in connected.people())
    assert found == people
    [report] = tmp_path.glob("zoom/production/*.jsonl")
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    assert sorted(line["key"] for line in lines) == ["E-1", "E-2"]
    reasons = {line["reason"] for line in lines}
    assert reasons == {"dry run, nothing was written" if dry else None}
