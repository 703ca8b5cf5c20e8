"""What a person sees and does in Airflow's pages, in a real browser with a real Airflow."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from selenium.webdriver import Keys

from devstack.airflow import Airflow
from devstack.stack import EXISTING, FOREIGN, SAMPLE
from tests.integration.browser import Browser
from tests.support import connection, emails
from zoom_provider.get_provider_info import FORM_FIELDS, STANDARD_FIELDS
from zoom_provider.simulator.server import Simulator

pytestmark = pytest.mark.slow

DIALOG = "[role=dialog]"
FIRST_DAY = "2026-03-02"
ZOE = {"email": "zoe@example.com", "type": 2, "first_name": "Zoë", "last_name": "Kravčík"}


def open_form(browser: Browser, airflow: Airflow) -> None:
    """Come to the form of a new Zoom connection."""
    browser.driver.get(f"{airflow.url}/connections")
    browser.click("button", "Add Connection")
    browser.fill("Connection ID", "zoom_default")
    browser.field("Connection Type").send_keys("Zoom")
    browser.one("[role=option]", "Zoom")
    browser.field("Connection Type").send_keys(Keys.ENTER)


def save(browser: Browser) -> None:
    browser.click(f"{DIALOG} button", "Save")
    browser.wait("the form's end", lambda: not browser.all(DIALOG))


def press_test(browser: Browser, title: str) -> str:
    browser.click("button[aria-label='Test Connection']")
    return browser.notice(title)


def test_the_form_shows_every_field(airflow: Airflow, browser: Browser) -> None:
    open_form(browser, airflow)
    standard = {field.label: field for field in STANDARD_FIELDS if field.label}
    browser.field("Client ID")
    assert {*browser.labels(browser.one(DIALOG))} == {
        *("Connection ID", "Connection Type", "Description"),
        *standard,
    }
    shown = {label: browser.field(label).get_attribute("placeholder") for label in standard}
    assert shown == {label: field.placeholder for label, field in standard.items()}
    assert browser.field("Client Secret").get_attribute("type") == "password"

    browser.click("button", "Extra Fields")
    browser.field("Account ID")
    labels = [field.label for field in FORM_FIELDS]
    assert [label for label in browser.labels(browser.one(DIALOG)) if label in labels] == labels
    for field in FORM_FIELDS:
        text, element = browser.group(field.label).text, browser.field(field.label)
        assert field.description in " ".join(text.split())
        assert (element.get_attribute("type") == "password") is field.secret
        if field.choices:
            assert str(field.default) in text.splitlines()
            assert browser.options(field.label) == list(field.choices)
            element.send_keys(Keys.TAB)
        elif field.default is not None:
            assert element.get_attribute("value") == str(field.default)


def test_a_connection_from_the_form_creates_a_person(
    airflow: Airflow, browser: Browser, zoom: Simulator
) -> None:
    airflow.disconnect()
    browser.resize(1200, 840)
    open_form(browser, airflow)
    host, _, port = zoom.url.rpartition(":")
    browser.fill("API address", host)
    browser.fill("Port", port)
    browser.fill("Client ID", zoom.settings.client_id)
    browser.fill("Client Secret", "not-the-secret")
    browser.click("button", "Extra Fields")
    browser.fill("Account ID", zoom.settings.account_id)
    browser.choose("Plan", "business")
    browser.picture("connection-form")
    save(browser)

    said = press_test(browser, "Test Connection Failed")
    assert "The Client ID or the Client Secret is wrong" in said
    assert "not-the-secret" not in browser.driver.page_source

    browser.click("button[aria-label='Edit Connection']")
    browser.fill("Client Secret", zoom.settings.client_secret)
    save(browser)
    assert press_test(browser, "Test Connection Successful").startswith("Connected to Zoom")
    stored = airflow.rest("GET", "connections/zoom_default")
    extra = json.loads(stored["extra"])
    assert (extra["account_id"], extra["plan"]) == (zoom.settings.account_id, "business")

    run = airflow.trigger("zoom_create_user", {"user_info": ZOE})
    assert airflow.wait_for_run("zoom_create_user", run) == "success"
    [person] = zoom.people()
    assert {name: person[name] for name in ZOE} == ZOE
    assert person["status"] == "pending"


def test_a_run_says_who_got_what(
    airflow: Airflow, browser: Browser, zoom: Simulator, tmp_path: Path
) -> None:
    zoom.configure(foreign_accounts={FOREIGN: "free"})
    zoom.seed(EXISTING)
    airflow.connect(connection(zoom))
    # As if HR had dropped it long ago: what has just changed may still be written.
    os.utime(shutil.copy(SAMPLE, tmp_path), (0, 0))
    airflow.rest("POST", "variables", {"key": "zoom_hr_folder", "value": str(tmp_path)})
    run = airflow.trigger("zoom_onboarding_csv", {"from": FIRST_DAY, "to": FIRST_DAY})
    assert airflow.wait_for_run("zoom_onboarding_csv", run) == "success"

    browser.resize(1200, 700)
    browser.driver.get(f"{airflow.url}/dags/zoom_onboarding_csv/runs/{run}/tasks/summarize")
    browser.wait("the summary", lambda: "In all: 37 invited" in browser.one("body").text)
    summary = browser.one("body").text
    # The page has the lines that are on the screen only.
    assert "existing         sofia.garcia@example.com" in summary
    assert "foreign_account  liam.murphy@example.net" in summary
    browser.picture("onboarding-run")

    browser.driver.get(zoom.url)
    assert "sofia.garcia@example.com" in browser.one("table").text
    assert len(browser.all("tbody tr")) == len(emails(zoom)) == 38
    browser.picture("local-zoom")
