# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that tells what its pages asked for and what they were refused."""

import json

from selenium import webdriver
from selenium.common import exceptions
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.by import By

from .paths import BUILD
from .wait import wait_for

# Chromium's own sandbox does not start as root; it loads nothing but the pages under test.
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,1600")
# By itself it asks for updates and the like, which is none of a page's doing.
QUIET = ("--disable-background-networking", "--disable-component-update", "--no-first-run", "--no-proxy-server")

# A page that is still moving.
NOT_YET = (
    exceptions.StaleElementReferenceException,
    exceptions.ElementNotInteractableException,
    exceptions.ElementClickInterceptedException,
)


class Browser:
    def __init__(self, directory):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in (*OPTIONS, *QUIET, f"--user-data-dir={directory}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        self.driver = webdriver.Chrome(service=Driver("/usr/bin/chromedriver"), options=options)
        self.events = []
        self.messages = []

    def open(self, url):
        self.driver.get(url)

    def find(self, selector):
        """The first element shown that the CSS selector names, as soon as there is one."""
        return self._once_shown(selector, lambda element: element)

    def click(self, selector):
        def scroll_and_click(element):
            self.run("arguments[0].scrollIntoView({block: 'center'})", element)
            element.click()

        self._once_shown(selector, scroll_and_click)

    def write(self, selector, text):
        element = self.find(selector)
        element.clear()
        element.send_keys(text)

    def text(self, selector="body"):
        return self._once_shown(selector, lambda element: element.text)

    def _once_shown(self, selector, act):
        """What act(element) gives; again where the page has put another element in its place."""

        def attempt():
            try:
                for element in self.driver.find_elements(By.CSS_SELECTOR, selector):
                    if element.is_displayed():
                        return [act(element)]
            except NOT_YET:
                pass
            return None

        return wait_for(attempt, 30, f"{selector} on the page")[0]

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def requests(self):
        """(addresses asked for, those of them that the page's own policy stopped)"""
        self.events += [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked, stopped = {}, set()
        for event in self.events:
            parameters = event["params"]
            if event["method"] == "Network.requestWillBeSent":
                asked[parameters["requestId"]] = parameters["request"]["url"]
            elif event["method"] == "Network.loadingFailed" and parameters.get("blockedReason") == "csp":
                stopped.add(parameters["requestId"])
        return set(asked.values()), {url for name, url in asked.items() if name in stopped}

    def console(self):
        """What the pages' console says: script errors and breaches of the content policy. Chromium's
        own first page has one too."""
        self.messages += [entry["message"] for entry in self.driver.get_log("browser")]
        return [message for message in self.messages if not message.startswith("chrome://")]

    def screenshot(self, name):
        """Kept beside the test results."""
        target = BUILD / "test-results" / f"{name}.png"
        target.parent.mkdir(exist_ok=True)
        assert self.driver.save_screenshot(str(target))

    def close(self):
        self.driver.quit()
