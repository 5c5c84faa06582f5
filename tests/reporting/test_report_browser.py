"""The page about an estimator, in a real browser."""

import shutil

import pytest
from reported_estimators import CASES, NASTY, UNKNOWN

from mtlearn import report

api = pytest.importorskip("playwright.sync_api")

PHONE, DESK = 390, 1280
# No sandbox for root, and no calls home: requests are to be those of the page.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHECKED = (
    "table",
    "color",
    "seeds",
    "many classes",
    "many tasks",
    "nasty names",
    "labels of images",
    "label sets",
    "many labels",
    "open set",
)


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium")
    assert path is not None, "install Debian's package chromium"
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


class Opened:
    """A page in the browser, with what went on while it loaded."""

    def __init__(self, browser, address, width=DESK, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme
        )
        self.page = context.new_page()
        self.said, self.asked_for = [], []
        self.page.on("console", lambda each: self.said.append(each.text))
        self.page.on("pageerror", lambda each: self.said.append(str(each)))
        self.page.on("dialog", lambda each: self.said.append(each.message))
        self.page.on("request", lambda each: self.asked_for.append(each.url))
        self.page.goto(address)
        self.page.wait_for_load_state("networkidle")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.page.context.close()


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """Return where the pages are."""
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name in CHECKED:
        path = folder / f"{name.replace(' ', '-')}.html"
        more = {"X_unknown": UNKNOWN.get(name)}
        report(*CASES[name](), path=path, n_bootstraps=20, **more)
        found[name] = path.as_uri()
    return found


@pytest.mark.parametrize("name", CHECKED)
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_it_loads_alone_and_without_an_error(browser, addresses, name, width):
    with Opened(browser, addresses[name], width) as opened:
        assert opened.said == []
        own = (addresses[name], "data:")
        assert [each for each in opened.asked_for if not each.startswith(own)] == []
        images = opened.page.evaluate(
            "[...document.images].map(each => each.complete && each.naturalWidth > 0)"
        )
        assert len(images) > 2
        assert all(images)


@pytest.mark.parametrize("name", CHECKED)
def test_a_phone_need_not_scroll_sideways(browser, addresses, name):
    with Opened(browser, addresses[name], PHONE) as opened:
        opened.page.evaluate(
            "document.querySelectorAll('details').forEach(each => each.open = true)"
        )
        width = opened.page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE


def test_names_are_text(browser, addresses):
    with Opened(browser, addresses["nasty names"]) as opened:
        shown = opened.page.inner_text("body")
        for name in NASTY:
            assert name in shown
        assert opened.page.locator("b, script").count() == 0


def test_unknown_samples_have_a_section(browser, addresses):
    with Opened(browser, addresses["open set"]) as opened:
        opened.page.click("nav a[href='#unknown']")
        heading = opened.page.locator("#unknown")
        assert heading.inner_text() == "Unknown samples"
        assert NASTY[1] in opened.page.inner_text("body")
        assert opened.page.locator(".case img").count() > 10
        assert opened.page.locator("b, script").count() == 0


def test_dark_screens_have_a_dark_page(browser, addresses):
    def light_of(scheme):
        with Opened(browser, addresses["table"], scheme=scheme) as opened:
            color = opened.page.evaluate(
                "getComputedStyle(document.body).backgroundColor"
            )
        return sum(int(part) for part in color.strip("rgb()").split(","))

    assert light_of("light") > 3 * 200
    assert light_of("dark") < 3 * 50


def test_links_and_sections_open(browser, addresses):
    with Opened(browser, addresses["many tasks"]) as opened:
        section = opened.page.locator("details.task").first
        assert section.get_attribute("open") is None
        section.locator("summary").click()
        assert section.locator("img").first.is_visible()
        opened.page.click("nav a[href='#training']")
        assert opened.page.url.endswith("#training")


def test_a_notebook_shows_it_in_a_frame(browser, tmp_path):
    page = report(*CASES["table"](), path=None, n_bootstraps=20)
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!DOCTYPE html><p>{page._repr_html_()}", encoding="utf-8")
    with Opened(browser, notebook.as_uri()) as opened:
        frame = opened.page.frame_locator("iframe")
        assert frame.locator("h1").inner_text().startswith("MultiTaskEstimator: kind")
        assert opened.said == []
