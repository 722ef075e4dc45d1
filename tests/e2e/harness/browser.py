# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that tells what it asked for and what its pages were refused."""

import json

from selenium import webdriver
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.by import By

from .paths import BUILD
from .wait import wait_for

# A page that can be written to disk only by root's browser: Chromium's own sandbox does not start
# as root. It loads nothing but the page under test.
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,1600")
# Of its own accord it asks for updates and the like; none of that is the page's doing.
QUIET = ("--disable-background-networking", "--disable-component-update", "--no-first-run", "--no-proxy-server")


class Browser:
    def __init__(self, directory):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in (*OPTIONS, *QUIET, f"--user-data-dir={directory}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        self.driver = webdriver.Chrome(service=Driver("/usr/bin/chromedriver"), options=options)
        self.requested = []
        self.complaints = []

    def open(self, url):
        self.driver.get(url)

    def find(self, selector, within=None, what=None):
        """The first shown element that the CSS selector names, as soon as there is one."""
        root = within or self.driver

        def shown():
            return next((one for one in root.find_elements(By.CSS_SELECTOR, selector) if one.is_displayed()), None)

        return wait_for(shown, 20, what or selector)

    def click(self, selector, within=None):
        element = self.find(selector, within)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def text(self, selector="body"):
        return self.find(selector).text

    def requests(self):
        """Every address that any page of this browser asked for."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
        return self.requested

    def console(self):
        """What the pages' console says: script errors and breaches of the content policy."""
        self.complaints += [entry["message"] for entry in self.driver.get_log("browser")]
        return self.complaints

    def screenshot(self, name):
        """Kept beside the test results."""
        target = BUILD / "test-results" / f"{name}.png"
        target.parent.mkdir(exist_ok=True)
        assert self.driver.save_screenshot(str(target))

    def close(self):
        self.driver.quit()
