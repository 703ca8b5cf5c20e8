"""One person, by button in a real browser and by request, on a real Airflow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests

from dags.zoom_create_user import ACTIONS
from tests.integration.airflow_stack import Airflow
from tests.integration.browser import Browser
from tests.support import connection, emails
from zoom_provider.simulator.server import Simulator

pytestmark = pytest.mark.slow

DAG = "zoom_create_user"
DIALOG = "[role=dialog]"
FOLD = "for (const part of document.querySelectorAll('details[open]')) part.open = false"
BADGES = "[data-testid=state-badge]"
ZOE = {"email": "zoe@example.com", "type": 2, "first_name": "Zoë", "last_name": "Kravčík"}
LEE: dict[str, Any] = {"email": "lee@example.com", "type": 1, "last_name": "欧阳娜娜小姐"}
MARKUP = "<b class=injected>Jo</b><img src=x onerror=alert(1)>"
BOTH = pytest.mark.parametrize("fixture", ["airflow", "airflow_211"], ids=["3.3", "2.11"])


@pytest.fixture(autouse=True)
def connected(airflow: Airflow, zoom: Simulator) -> Iterator[None]:
    """Point zoom_default at the local Zoom, in which single sign-on is off."""
    airflow.connect(connection(zoom))
    zoom.configure(foreign_accounts={"liam@example.net": "paid"})
    yield
    # Also when a test has failed: the next one is not to look through a form that is left open.
    airflow.disconnect()


def request_run(airflow: Airflow, conf: Mapping[str, Any]) -> requests.Response:
    """Ask for a run as the README's curl does."""
    body: dict[str, Any] = {"conf": conf}
    if airflow.api_path == "api/v2":
        body["logical_date"] = None
    url = f"{airflow.url}/{airflow.api_path}/dags/{DAG}/dagRuns"
    return airflow.session.post(url, json=body, timeout=60)


def runs(airflow: Airflow) -> int:
    count: int = airflow.api("GET", f"dags/{DAG}/dagRuns")["total_entries"]
    return count


def log_of(airflow: Airflow, run: str) -> str:
    """Read the task's log through the API."""
    log = f"dags/{DAG}/dagRuns/{run}/taskInstances/create_user/logs/1?full_content=true"
    # JSON from 3.3, plain text from 2.11.
    reply = airflow.session.get(f"{airflow.url}/{airflow.api_path}/{log}", timeout=60)
    return reply.content.decode()


def fill_in(browser: Browser, airflow: Airflow, person: Mapping[str, Any] | None) -> None:
    """Open the form and write who it is."""
    browser.resize(900, 1250)
    browser.driver.get(f"{airflow.url}/dags/{DAG}")
    browser.click("button", "Trigger")
    browser.wait("the form", lambda: '"email"' in browser.one("#element_user_info").text)
    if person is not None:
        text = json.dumps(person, indent=2, ensure_ascii=False)
        browser.paste("#element_user_info .view-lines", text)


def press_trigger(browser: Browser, state: str) -> str:
    """Start the run, wait on its page for its end, open its task; return what is seen there."""
    browser.click(f"{DIALOG} button", "Trigger")
    browser.wait("the run's page", lambda: "/runs/" in browser.driver.current_url)
    browser.wait("the run's end", lambda: {e.text for e in browser.all(BADGES)} == {state}, 90)
    browser.resize(1360, 480)
    browser.click("td a", "create_user")
    return browser.wait("the log", lambda: ended(browser.one("body").text))


def ended(text: str) -> str | None:
    """Give a page's text once the whole log is there."""
    return text if "Post Execute" in text else None


# ---- by button


def test_the_form_explains_each_action(airflow: Airflow, browser: Browser) -> None:
    fill_in(browser, airflow, None)

    text = browser.one(DIALOG).text
    for words in (
        "create: the user receives an e-mail from Zoom with a confirmation link",
        "autoCreate: for Enterprise customers with a managed domain",
        "custCreate: users do not have passwords and cannot log in",
        "ssoCreate: for accounts with the enabled",
        "1 Basic, 2 Licensed, 4 Unassigned without Meetings Basic",
    ):
        assert words in text
    assert browser.options("How the person joins") == list(ACTIONS.values())


def test_a_person_from_the_form_and_what_became_of_them(
    airflow: Airflow, browser: Browser, zoom: Simulator
) -> None:
    fill_in(browser, airflow, ZOE)
    browser.picture("trigger-form")

    seen = press_trigger(browser, "Success")

    [person] = zoom.people()
    assert {name: person[name] for name in ZOE} == ZOE
    assert f"zoe@example.com: invited, status pending, id {person['id']}" in seen
    browser.picture("run-outcome")

    browser.click("a", "Asset Events")
    browser.one("a", "zoom://account/users")


def test_a_failed_run_names_the_field(airflow: Airflow, browser: Browser, zoom: Simulator) -> None:
    fill_in(browser, airflow, LEE)

    seen = press_trigger(browser, "Failed")

    told = "Nothing was sent to Zoom: user_info.last_name: must not have more than 5 Chinese"
    [line] = [line for line in seen.splitlines() if line.removeprefix(" - ").startswith(told)]
    assert LEE["last_name"] not in line
    assert zoom.requests() == []
    # Folded up, for the traceback names folders of this machine.
    browser.driver.execute_script(FOLD)
    browser.wait("an end of tracebacks", lambda: "task_runner.py" not in browser.one("body").text)
    browser.picture("run-failed")


def test_a_form_that_nobody_filled_in_is_nobody(
    airflow: Airflow, browser: Browser, zoom: Simulator
) -> None:
    fill_in(browser, airflow, None)

    assert "user_info.email: is required" in press_trigger(browser, "Failed")
    assert zoom.requests() == []


def test_what_the_schema_forbids_is_no_run_of_the_form_either(
    airflow: Airflow, browser: Browser, zoom: Simulator
) -> None:
    before = runs(airflow)
    fill_in(browser, airflow, {**ZOE, "password": "Correct9Horse"})
    browser.click(f"{DIALOG} button", "Trigger")

    # Airflow says no more here; the text below the field says what is right.
    assert browser.notice("Failed to Trigger Dag") == "Bad Request"
    assert browser.all(DIALOG)
    assert (runs(airflow), zoom.requests()) == (before, [])


def test_markup_is_text_on_every_page(airflow: Airflow, browser: Browser, zoom: Simulator) -> None:
    person = {"email": "jo@example.com", "type": 1, "first_name": MARKUP}
    fill_in(browser, airflow, person)
    press_trigger(browser, "Success")
    task = browser.driver.current_url

    for page in (f"{task}/rendered_templates", zoom.url):
        browser.driver.get(page)
        browser.wait(f"the name on {page}", lambda: MARKUP in browser.one("body").text)
        assert browser.driver.find_elements("css selector", ".injected") == []

    run = airflow.trigger(DAG, {"user_info": {"email": f"{MARKUP}@example.com", "type": 1}})
    assert airflow.state(DAG, run) == "failed"
    browser.driver.get(f"{airflow.url}/dags/{DAG}/runs/{run}/tasks/create_user")
    browser.wait("the log", lambda: MARKUP in browser.one("body").text)
    assert browser.driver.find_elements("css selector", ".injected") == []
    assert emails(zoom) == ["jo@example.com"]


# ---- by request


@BOTH
@pytest.mark.parametrize(
    ("param", "conf"),
    [
        ("action", {"action": "autocreate", "user_info": ZOE}),
        ("if_exists", {"if_exists": "replace", "user_info": ZOE}),
        ("user_info", {"user_info": {**ZOE, "type": 7}}),
        ("user_info", {"user_info": {**ZOE, "password": "Correct9Horse"}}),
        ("user_info", {"user_info": {"email": "zoe@example.com"}}),
    ],
)
def test_what_the_schema_forbids_is_refused_before_a_run_exists(
    fixture: str,
    param: str,
    conf: dict[str, Any],
    zoom: Simulator,
    request: pytest.FixtureRequest,
) -> None:
    airflow: Airflow = request.getfixturevalue(fixture)
    before = runs(airflow)

    reply = request_run(airflow, conf)

    assert reply.status_code == 400
    assert f"Invalid input for param {param}:" in reply.json()["detail"]
    assert (runs(airflow), zoom.requests()) == (before, [])


@BOTH
@pytest.mark.parametrize(
    ("conf", "told"),
    [
        pytest.param(
            {"user_info": LEE}, "user_info.last_name: must not have more than 5", id="name"
        ),
        pytest.param(
            {"user_info": {"email": "liam@example.net", "type": 1}},
            "The address holds an active Zoom account elsewhere",
            id="foreign account",
        ),
        pytest.param(
            {"user_info": ZOE, "action": "ssoCreate"},
            "ssoCreate needs single sign-on, which is not enabled for this Zoom account",
            id="setting",
        ),
    ],
)
def test_what_only_zoom_forbids_is_told_by_the_log(
    fixture: str,
    conf: dict[str, Any],
    told: str,
    zoom: Simulator,
    request: pytest.FixtureRequest,
) -> None:
    airflow: Airflow = request.getfixturevalue(fixture)
    reply = request_run(airflow, conf)
    assert reply.status_code == 200, reply.text
    run = reply.json()["dag_run_id"]

    assert airflow.state(DAG, run) == "failed"

    log = log_of(airflow, run)
    assert told in log
    assert LEE["last_name"] not in log
    assert emails(zoom) == []
