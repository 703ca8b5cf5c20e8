"""Chromium without a window, and what a person does in it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from selenium.common.exceptions import (
    ElementClickInterceptedException,
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.requires import require

T = TypeVar("T")
# A page is rebuilt while it is looked at, and a button moves away while it is pressed.
NOT_YET = (
    ElementClickInterceptedException,
    NoSuchElementException,
    StaleElementReferenceException,
)

ARGUMENTS = (
    "--headless=new",
    # It opens nothing but our own pages, and root may not have a sandbox.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    # Its commands come through a pipe: no socket that may be closed, no port that may be taken.
    "--remote-debugging-pipe",
    # It reaches out to nothing, and does not hold a slow page for a hung one.
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-hang-monitor",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--lang=en-US",
    "--window-size=1280,1000",
)
PATIENCE = 90.0
"""Seconds to wait for what a page is to show; a busy machine is slow, and not wrong."""


class Browser:
    """
    A browser at one page.

    :param pictures: the folder that pictures go to
    """

    def __init__(self, driver: Chrome, pictures: Path) -> None:
        self.driver = driver
        self._pictures = pictures

    def wait(self, what: str, look: Callable[[], T | None]) -> T:
        """Look until there is something to see."""
        waiting = WebDriverWait(self.driver, PATIENCE, 0.1, NOT_YET)
        found = waiting.until(lambda _: look() or False, f"{what} never came")
        assert found is not False
        return found

    def all(self, css: str) -> list[WebElement]:
        """Find what can be seen now."""
        return [found for found in self.driver.find_elements(By.CSS_SELECTOR, css) if seen(found)]

    def one(self, css: str, text: str = "") -> WebElement:
        """Wait for the first of those that can be seen, or the first with this text."""

        def look() -> WebElement | None:
            found = (e for e in self.all(css) if not text or e.text.strip() == text)
            return next(found, None)

        return self.wait(f"{css} {text}", look)

    def click(self, css: str, text: str = "") -> None:
        """Press a button, once it can be pressed."""

        def press() -> bool:
            button = self.one(css, text)
            if not button.is_enabled():
                return False
            button.click()
            return True

        self.wait(f"{css} {text} to press", press)

    def labels(self, part: WebElement) -> list[str]:
        """List the labels of the fields that can be seen in a part of the page."""
        found = part.find_elements(By.CSS_SELECTOR, "label")
        return [label.text.removesuffix("*").strip() for label in found if seen(label)]

    def field(self, label: str) -> WebElement:
        """Find the field that a label belongs to."""
        return self.group(label).find_element(By.CSS_SELECTOR, "input:not([type=hidden]), textarea")

    def group(self, label: str) -> WebElement:
        """Find a label together with its field and what explains it."""

        # Not by the label's "for": Airflow gives some fields another id.
        def look() -> WebElement | None:
            for group in self.all("[data-scope=field][data-part=root]"):
                if label in self.labels(group):
                    return group
            return None

        return self.wait(f"the field {label}", look)

    def fill(self, label: str, text: str) -> None:
        """Write into a field, over what is there."""
        self.field(label).send_keys(Keys.CONTROL, "a")
        self.field(label).send_keys(text)

    def type_keys(self, css: str, text: str) -> None:
        """
        Type a text key by key, as a person does, and see each key arrive before the next.

        Airflow's forms lose keys that come faster than a busy machine draws them.
        """
        field = self.one(css)
        self.click(css)
        for key in text:
            before = field.get_attribute("value")
            ActionChains(self.driver).send_keys(key).perform()

            def arrived(before: str | None = before) -> bool:
                return field.get_attribute("value") != before

            self.wait(f"the key {key!r}", arrived)

    def options(self, label: str) -> list[str]:
        """Open a drop-down; list what there is to choose."""
        self.field(label).send_keys(Keys.ARROW_DOWN)
        found = self.wait(f"the choices of {label}", lambda: self.all("[role=option]"))
        return [option.text for option in found]

    def choose(self, label: str, option: str) -> None:
        """Choose from a drop-down."""
        assert option in self.options(label)
        self.field(label).send_keys(option, Keys.ENTER)

    def notice(self, title: str) -> str:
        """Wait for a notice in the corner of Airflow's page; return what it says."""

        def look() -> str | None:
            for toast in self.all("[data-scope=toast][data-part=root]"):
                head, _, text = toast.text.partition("\n")
                if head == title:
                    return text
            return None

        return self.wait(f"the notice {title!r}", look)

    def resize(self, width: int, height: int) -> None:
        """Look through a window of this size from now on."""
        screen: dict[str, Any] = {"width": width, "height": height}
        screen |= {"deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    def picture(self, name: str) -> None:
        """Keep what is seen, once nothing moves any more."""
        self.driver.execute_script("document.activeElement.blur()")
        seen_last = b""

        def still() -> bytes | None:
            nonlocal seen_last
            before, seen_last = seen_last, self.driver.get_screenshot_as_png()
            return before if before == seen_last else None

        (self._pictures / f"{name}.png").write_bytes(self.wait("a picture at rest", still))


def seen(element: WebElement) -> bool:
    """Tell whether an element can be seen; one that is gone cannot."""
    try:
        return element.is_displayed()
    except StaleElementReferenceException:
        return False


@contextlib.contextmanager
def chromium(home: Path, pictures: Path) -> Iterator[Browser]:
    """
    Run Chromium until the block ends; skip the test where there is none.

    :param home: all that it writes goes there
    """
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    require("Chromium", program and driver, "install Debian's chromium and chromium-driver")
    options = ChromeOptions()
    options.binary_location = program or ""
    for argument in (*ARGUMENTS, f"--user-data-dir={home / 'profile'}"):
        options.add_argument(argument)
    service = ChromeService(
        driver,
        env={**os.environ, "HOME": str(home), "NO_PROXY": "*"},
        # If it ends, this says why.
        log_output=str(home / "chromedriver.log"),
    )
    started = Chrome(options, service)
    try:
        yield Browser(started, pictures)
    finally:
        started.quit()
