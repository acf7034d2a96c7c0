"""The report as a browser shows it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import leukon
    from leukon.datasets.synthetic import write_fields
    from leukon.report import write_analysis

    folder = tmp_path_factory.mktemp("report")
    write_fields(folder / "smears", ["halogen-y"], 3, 21)
    result = leukon.analyze(folder / "smears" / "images")
    write_analysis(folder / "out", result, title="A smear")
    return folder / "out" / "report.html"


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [1280, 375])
def test_it_fits_the_screen_asks_for_nothing_and_shows_its_pictures(report: Path, width: int) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": 900})
        requests: list[str] = []
        errors: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(report.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("[...document.images].forEach(i => { i.loading = 'eager' })")
        page.evaluate("Promise.all([...document.images].map(i => i.decode()))")  # a broken picture raises
        assert page.evaluate("document.images.length") > 3
        assert page.evaluate("[...document.images].every(i => i.alt)")
        assert "For Research Use Only" in page.inner_text("body")
        browser.close()
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert errors == []
