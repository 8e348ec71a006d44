"""A headless Chromium for tests of the page, where one is installed."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # which Chromium cannot make as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # There may be no network, and nothing here is to look for one.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)


def why_not() -> str:
    """Why there is no browser to test with; "" where there is one."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed"
    if CHROMIUM is None or DRIVER is None:
        return "no Chromium with its chromedriver is installed (Debian: chromium, chromium-driver)"
    return ""


@contextlib.contextmanager
def browser(profile: Path, width: int = 1280, height: int = 900) -> Iterator:
    """Starts a browser with an empty profile in a folder."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    environment = {**os.environ, "HOME": str(profile)}
    driver = webdriver.Chrome(options=options, service=Service(DRIVER, env=environment))
    try:
        yield driver
    finally:
        driver.quit()
