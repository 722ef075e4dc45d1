# SPDX-License-Identifier: Apache-2.0
"""The API pages of development mode, in a real browser."""

import contextlib
import re

import pytest
import requests

from harness.browser import Browser
from harness.wait import wait_for

PAGES = ("/api/v1/docs", "/api/v1/redoc")
DOCUMENT = "/api/v1/openapi.json"
# Redoc shows its maker's logo. The page's policy stops it before anything leaves.
LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"


@pytest.fixture
def browser(tmp_path):
    with contextlib.closing(Browser(tmp_path / "profile")) as browser:
        yield browser


def get(service, path, **headers):
    with requests.Session() as session:
        session.trust_env = False
        return session.get(service.url + path, headers=headers, timeout=20)


def loaded_by(page):
    """Addresses that a page's elements name, as a browser resolves them."""
    return ["/api/v1/" + name for name in re.findall(r'(?:src|href)="([^"]+)"', page)]


def assert_nothing_left(browser, service, stopped=frozenset()):
    """Every request went to the service or nowhere."""
    asked, refused = browser.requests()
    assert refused == set(stopped)
    outside = {url for url in asked - refused if not url.startswith((service.url, "data:", "blob:", "chrome:"))}
    assert not outside
    assert any(url.startswith(service.url) for url in asked)


# --- who is served what -------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_pages_load_only_their_own_files(dev_service, path):
    """HTML without inline script; what it loads is served, with the type that nosniff asks for."""
    page = get(dev_service, path)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ") and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page.text)
    types = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
    for file in loaded_by(page.text):
        answer = get(dev_service, file)
        assert answer.status_code == 200, file
        assert answer.headers["Content-Type"].split(";")[0] == types[file.rsplit(".", 1)[1]]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_document_is_served_as_json(dev_service):
    answer = get(dev_service, DOCUMENT)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["openapi"] == "3.1.0"


@pytest.mark.parametrize("path", [*PAGES, DOCUMENT, "/api/v1/docs/swagger-ui-bundle.js"])
def test_outside_development_mode_they_are_unknown_paths(service, bearer, path):
    unknown = "/api/v1/no-such-thing"
    for headers in ({}, dict([bearer])):
        answer, model = get(service, path, **headers), get(service, unknown, **headers)
        assert answer.status_code == model.status_code == (404 if headers else 401)
        assert answer.content == model.content


def test_configuration_switches_them_on(start_service):
    service = start_service(settings={"dev": True})
    assert get(service, "/api/v1/docs").status_code == 200


# --- in a browser -------------------------------------------------------------------------------


ANSWER = ".live-responses-table .response "


def try_out(browser, method, path, **parameters):
    """Sends one operation of Swagger UI's page; (status, body) of the answer that it shows."""
    block = f'.opblock-{method}:has([data-path="{path}"]) '
    browser.click(block + ".opblock-summary-control")
    browser.click(block + ".try-out__btn")
    for name, value in parameters.items():
        browser.write(block + f'[data-param-name="{name}"] input', value)
    browser.click(block + ".execute")
    status = browser.text(block + ANSWER + ".response-col_status")
    return status.split()[0], browser.text(block + ANSWER + ".response-col_description")


def test_swagger_ui(dev_service, browser, docker):
    """Authorize with a pasted token, read and change the real Engine from the page."""
    made = docker.create_container("alpine:3", ["sleep", "1000"], name="seen-in-the-page")
    docker.start(made)
    browser.open(dev_service.url + "/api/v1/docs")
    status, body = try_out(browser, "get", "/api/v1/containers")
    assert (status, "Invalid or missing JWT token" in body) == ("401", True)

    browser.click(".btn.authorize")
    browser.write(".auth-container input", dev_service.token())
    browser.click(".auth-container button[type=submit]")
    browser.click(".auth-container .btn-done")
    browser.click('.opblock-get:has([data-path="/api/v1/containers"]) .execute')
    shown = wait_for(
        lambda: "seen-in-the-page" in browser.text(".opblock-get " + ANSWER + ".response-col_description"),
        what="the container in the page",
    )
    assert shown
    browser.screenshot("swagger-ui")

    status, body = try_out(browser, "post", "/api/v1/containers/{id}/stop", id="seen-in-the-page")
    assert status == "200" and '"success"' in body
    assert not docker.inspect_container("seen-in-the-page")["State"]["Running"]
    # The token is in the page's memory alone.
    assert browser.run("return localStorage.length + sessionStorage.length + document.cookie.length") == 0
    assert_nothing_left(browser, dev_service)
    # The refusal above is what Chromium reports as an error; the pages' own scripts report none.
    assert [line for line in browser.console() if "401 (Unauthorized)" not in line] == []


def test_redoc(dev_service, browser):
    """It shows the operations and finds them, without asking anybody else."""
    browser.open(dev_service.url + "/api/v1/redoc")
    wait_for(lambda: "Run a new container" in browser.text(), 30, "the operations in the page")
    assert "tenstorrent/model:latest" in browser.run("return document.body.textContent")
    browser.screenshot("redoc")
    browser.write("input[aria-label=Search]", "rename")
    wait_for(lambda: "Rename a container" in browser.text('[data-role="search:results"]'), 30, "a search result")
    assert_nothing_left(browser, dev_service, stopped={LOGO})
    assert [line for line in browser.console() if LOGO not in line] == []
