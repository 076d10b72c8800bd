"""The page in headless Chromium: it opens from a file, and what one does with it works.

Screenshots of each size and colour scheme are kept in build/screenshots, to be looked at.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from charlstm.analysis.trace import trace_text
from charlstm.cells.registry import CELLS
from charlstm.export.page import Look, make_page
from tests.conftest import random_model
from tests.export.test_page import HOSTILE

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make browser")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
TEXT = "the quick brown fox\njumps over the lazy dog\n" * 8


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Open a model's page from a file; at the end there must be no error, no message and no request."""
    contexts, problems = [], []

    def note_request(request):
        if not request.url.startswith(("file:", "data:")):
            problems.append(request.url)

    def open_page(model, *, text="", size="desktop", scheme="light", title="tiny", font_size=17, look=None):
        file = tmp_path / "page.html"
        ids = model.vocabulary.encode(text) if text else None
        file.write_text(make_page(model, ids=ids, title=title, font_size=font_size, look=look))
        width, height = SIZES[size]
        is_phone = size == "phone"
        contexts.append(
            browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=is_phone, is_mobile=is_phone
            )
        )
        page = contexts[-1].new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append("a dialog"))
        page.on("request", note_request)
        page.goto(file.as_uri())
        page.wait_for_function("reader && reader.isDone")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def shown_text(page):
    return page.evaluate("reader.characters().join('')")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_from_a_file_without_a_request_or_a_message(open_page, size, scheme):
    page = open_page(random_model(units=40), text=TEXT, size=size, scheme=scheme)
    assert page.title() == "tiny"
    assert page.evaluate("theme()") == scheme
    assert shown_text(page) == TEXT
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= SIZES[size][0]  # nothing sticks out
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"page-{size}-{scheme}.png", full_page=True)


@pytest.mark.parametrize("cell", CELLS)
def test_its_probabilities_are_those_of_numpy(open_page, cell):
    model = random_model(cell=cell)
    ids = np.random.default_rng(0).integers(0, len(model.vocabulary), 500)
    page = open_page(model, text=model.vocabulary.decode(ids))
    found = page.evaluate("reader.trace.map((step) => [...softmax(reader.network.logits(step.hidden))])")
    np.testing.assert_allclose(found, np.exp(trace_text(model, ids).log_probabilities), atol=1e-3)


def test_typing_is_read_along(open_page):
    page = open_page(random_model())
    page.click("#clear")
    page.keyboard.type("fox and")
    page.keyboard.press("Backspace")
    page.keyboard.press("Home")
    page.keyboard.type("a\n")
    page.keyboard.press("Delete")
    assert shown_text(page) == "a\nox an"
    assert page.evaluate("reader.isDone")
    assert page.locator("#text span").count() == 7
    page.keyboard.press("End")
    assert page.locator(".guess").count() == 5
    assert page.inner_text("#guesses p:first-child").endswith("ox an")


def test_characters_that_the_network_does_not_know(open_page):
    page = open_page(random_model())
    page.click("#clear")
    page.keyboard.insert_text("\u00c9t\u00e9 \u65e5\U0001f600!")
    assert shown_text(page) == "ete "
    assert "does not know \u65e5 \U0001f600 !" in page.inner_text("#status")


def test_hovering_shows_the_guesses_there_and_leaving_those_of_the_caret(open_page):
    page = open_page(random_model(), text=TEXT)
    page.hover("#text span >> nth=9")
    page.wait_for_function("place() === 9")
    assert "the quick" in page.inner_text("#guesses p:first-child")
    assert page.locator(".guess.actual").count() == 1
    page.hover("h1")
    page.wait_for_function("look.hover === null")


def test_units_by_key_by_pointer_and_by_number(open_page):
    page = open_page(random_model(units=40), text=TEXT)
    page.fill("#unit", "7")
    page.keyboard.press("Enter")
    assert page.inner_text("#unit-title").lower() == "unit 1:7"
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+ArrowUp")
    assert page.inner_text("#unit-title").lower() == "unit 2:8"
    page.click("#units", position={"x": 3, "y": 3})
    assert page.inner_text("#unit-title").lower() == "unit 2:1"
    page.select_option("#value", "forget_gate")
    assert page.evaluate("look.view") == "unit"
    colours = page.evaluate("view.spans.map((span) => span.style.backgroundColor)")
    assert len(set(colours)) > 5


def test_it_opens_with_what_it_was_written_to_show(open_page):
    look = Look(view="unit", layer=1, unit=6, quantity="cell_state", strips="layer", place=40)
    page = open_page(random_model(units=40), text=TEXT * 4, look=look)
    assert page.inner_text("#unit-title").lower() == "unit 2:7"
    assert page.input_value("#value") == "cell_state"
    assert page.evaluate("[look.view, look.strips, look.place]") == ["unit", "layer", 40]
    assert page.locator("#views [aria-checked=true]").inner_text() == "Unit"


def test_probabilities_stay_on_one_line(open_page):
    model = random_model()
    model.weights["output.kernel"][:] *= 100  # one character has nearly all of it
    page = open_page(model, text=TEXT, size="phone")
    heights = page.evaluate("[...document.querySelectorAll('.guess > span')].map((span) => span.offsetHeight)")
    assert max(heights) < 26
    assert "< 0.01" in page.inner_text("#guesses")


def test_clamping_a_unit_is_seen_in_the_text_and_can_be_released(open_page):
    page = open_page(random_model(), text=TEXT)
    before = page.evaluate("reader.meanSurprise()")
    page.check("#clamp")
    page.wait_for_function("reader.isDone && reader.clamps.length === 1")
    assert page.evaluate("reader.trace.every((step) => step.layers[look.layer].output[look.unit] === 1)")
    assert page.evaluate("reader.meanSurprise()") != before
    page.wait_for_function("document.getElementById('status').textContent.includes('before the clamp')")
    page.click("#clamps button")
    page.wait_for_function("reader.isDone && reader.clamps.length === 0")
    assert page.evaluate("reader.meanSurprise()") == before


def test_it_writes_on_until_it_is_stopped(open_page):
    page = open_page(random_model())
    page.click("#write")
    page.wait_for_function("reader.ids.length > 12")
    page.keyboard.press("Escape")
    count = page.evaluate("reader.ids.length")
    page.wait_for_function("!isWriting")
    page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    assert page.evaluate("reader.ids.length") == count


def test_top_p_leaves_the_likeliest_characters(open_page):
    page = open_page(random_model())
    draw = "(topP, temperature) => Array.from({length: 50}, () => reader.network.sample(hidden, {temperature, topP}))"
    likeliest = page.evaluate(
        f"""() => {{
          const hidden = reader.trace.at(-1).hidden, logits = reader.network.logits(hidden);
          const best = logits.indexOf(Math.max(...logits)), draw = {draw};
          return [draw(0.01, 1), draw(1, 0)].flat().every((id) => id === best) && new Set(draw(1, 1.5)).size > 1;
        }}"""
    )
    assert likeliest


def test_light_and_dark_by_the_switch(open_page):
    page = open_page(random_model(), text=TEXT)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("theme()") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.writing')).display") == "none"


def test_passages_alike_lead_to_their_place(open_page):
    page = open_page(random_model(), text=TEXT)
    page.click("#alike button >> nth=0")
    assert page.evaluate("look.place") != 24
    assert page.locator("#alike button").count() == 5


def test_hostile_texts_stay_text(open_page):
    model = random_model(characters="".join(sorted(set(HOSTILE))))
    page = open_page(model, text=HOSTILE, title=HOSTILE)
    assert page.evaluate("[...document.querySelectorAll('script')].length") == 4 - 1  # the weights are removed
    assert page.inner_text("h1")[:9] == "</script>"
    shown = page.evaluate("view.spans.map((span) => span.textContent)")
    assert len(shown) == len(HOSTILE)
    assert "\u27e8202E\u27e9" in shown
    assert "\u27e80000\u27e9" in shown
    assert "\u25cc\u0301" in shown


def test_touching_a_character_looks_at_it(open_page):
    page = open_page(random_model(), text=TEXT, size="phone")
    page.tap("#text span >> nth=30")
    assert page.evaluate("look.place") == 30
    page.tap("#type")
    assert page.evaluate("document.activeElement.id") == "keys"


def test_attention_is_shown(open_page):
    page = open_page(random_model(attention=6), text=TEXT)
    assert page.locator("#attention span").count() == 6


def test_reach_is_what_leaving_a_character_out_changes(open_page):
    page = open_page(random_model(cell="gru"), text=TEXT)
    page.evaluate("goTo(30); choose({ view: 'reach' })")
    page.wait_for_function("reach.isDone && reach.bits.size === 30")
    bits = page.evaluate("[...reach.bits].sort((a, b) => a[0] - b[0]).map(([, bits]) => bits)")
    assert all(value >= 0 for value in bits)
    assert max(bits) == max(bits[-8:])
    expected = page.evaluate(
        """() => {
          const { network, trace } = reader, seen = softmax(network.logits(trace[29].hidden));
          const without = softmax(network.logits(network.step(null, trace[28].states).hidden));
          return seen.reduce((sum, p, id) => sum + p * Math.log2(p / without[id]), 0);
        }"""
    )
    assert bits[-1] == pytest.approx(expected)
    page.evaluate("goTo(10)")
    page.wait_for_function("reach.isDone && reach.bits.size === 10")


def test_an_older_browser_without_decompression(browser, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(make_page(random_model(), title="old"))
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(file.as_uri())
    page.wait_for_function("reader && reader.isDone")
    page.close()


def test_a_large_text_has_large_views_in_which_the_pointer_finds_its_unit(open_page):
    page = open_page(random_model(units=40), text=TEXT, font_size=34)
    assert page.evaluate("getComputedStyle(document.getElementById('text')).fontSize") == "34px"
    middle = page.evaluate(
        """() => {
          const box = document.getElementById('units').getBoundingClientRect();
          const { columns, rows } = unitGrid(40, widthOf(document.getElementById('units')));
          return [box.left + box.width * 2.5 / columns, box.top + box.height * 0.25 / rows];
        }"""
    )
    page.mouse.click(*middle)
    assert page.evaluate("look.unit") == 2
