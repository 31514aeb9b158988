"""The data dictionary opens without a network, asks for nothing, fits a phone, and finds variables."""

from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from tests.integration.browser.conftest import Seen

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tk.data_dictionary(tk.open_study("simulated"), tmp_path_factory.mktemp("out") / "page.html")


def opened(chromium: Any, path: Path, **options: Any) -> tuple[Any, Seen]:
    seen = Seen()
    page = seen.watch(chromium.new_context(offline=True, **options).new_page())
    page.goto(path.as_uri())
    return page, seen


def test_nothing_is_asked_for_and_nothing_goes_wrong(chromium: Any, dictionary: Path) -> None:
    page, seen = opened(chromium, dictionary)
    assert [dictionary.as_uri()] == seen.requests
    assert [] == seen.errors
    assert page.locator("figure.spread svg rect").count() > 20


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_not_wider_than_the_screen(chromium: Any, dictionary: Path, width: int) -> None:
    page, _ = opened(chromium, dictionary, viewport={"width": width, "height": 900})
    assert width >= page.evaluate("document.documentElement.scrollWidth")


def test_words_find_variables(chromium: Any, dictionary: Path) -> None:
    page, _ = opened(chromium, dictionary)
    everyone = page.locator("article:visible").count()
    page.locator("#find").fill("hba1c category")
    assert page.locator("article:visible").count() in range(1, everyone)
    assert page.locator("#variable-hba1c_group").is_visible()
    assert not page.locator("#variable-sex").is_visible()
    page.locator("#find").fill("")
    assert everyone == page.locator("article:visible").count()
