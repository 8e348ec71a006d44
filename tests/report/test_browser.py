"""The page in a real browser, opened from a file."""

import json
import shutil

import pytest

from codeit_jax.report.command import report

from .browser import browser, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def page(driver, workdir, tmp_path):
    """The page of a run and of its copy, in which one task more is solved, side by side."""
    other = shutil.copytree(workdir, tmp_path / "second_run")
    solutions = json.loads((other / "solutions.json").read_text())
    solutions["odd"] = {
        "program": "x1 = canvas(EIGHT, TWO_BY_TWO)\nO = identity(x1)",
        "found_by": "evolution",
    }
    (other / "solutions.json").write_text(json.dumps(solutions))
    file = report([str(workdir), str(other)])
    driver.get("about:blank")  # or a page of the same name would only be scrolled
    driver.get(f"file://{file}")
    yield driver
    # That canvases are read is these tests' own doing, of which Chromium's renderer tells.
    assert [entry for entry in driver.get_log("browser") if entry["source"] != "rendering"] == []


def until(page, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, 10, poll_frequency=0.02).until(lambda _: condition())


def undrawn(page):
    """The cards that are shown and have no picture yet."""
    return [
        card.get_attribute("data-key")
        for card in shown(page, ".card")
        if not card.find_elements("css selector", "canvas[data-drawn]")
    ]


def css(page, selector):
    from selenium.webdriver.common.by import By

    return page.find_elements(By.CSS_SELECTOR, selector)


def shown(page, selector):
    return [element for element in css(page, selector) if element.is_displayed()]


def press(page, *keys):
    """Presses keys, wherever the focus is."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    for key in keys:
        ActionChains(page).send_keys(getattr(Keys, key, key)).perform()


def drawn(page, selector):
    """Waits until a picture is drawn, and returns the distinct colours in it."""
    until(page, lambda: css(page, f"{selector}[data-drawn]"))
    return page.execute_script(
        "const canvas = document.querySelector(arguments[0]);"
        "const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;"
        "const found = new Set();"
        "for (let i = 0; i < data.length; i += 4) found.add([data[i], data[i + 1], data[i + 2]].join());"
        "return [...found];",
        selector,
    )


def focused(page):
    return page.switch_to.active_element


def test_every_solved_task_is_in_the_gallery_in_arcs_colours(page, workdir):
    solved = json.loads((workdir / "solutions.json").read_text())
    keys = {card.get_attribute("data-key") for card in shown(page, "#solved .card")}
    assert keys == {f"0-{task}" for task in solved} | {f"1-{task}" for task in solved} | {"1-odd"}
    (output,) = css(page, "#solved output")
    assert output.text == "5 of 5"
    css(page, "#solved")[0].location_once_scrolled_into_view  # noqa: B018 - it scrolls
    colours = drawn(page, "[data-key='0-mirror'] canvas")
    assert {"0,0,0", "0,116,217", "255,65,54", "46,204,64"} <= set(colours)
    label = css(page, "[data-key='0-mirror'] canvas")[0].get_attribute("aria-label")
    assert label == "input, 2 by 3: 1 2 0; 3 0 0"


def test_filters_leave_what_fits(page):
    (field,) = css(page, "#solved input")
    field.send_keys("vmirror")
    assert [card.get_attribute("data-key") for card in shown(page, "#solved .card")] == [
        "0-mirror",
        "1-mirror",
    ]
    field.send_keys(" nothing")
    assert not shown(page, "#solved .card")
    assert shown(page, "#solved .empty")
    field.clear()
    field.send_keys(" ")
    by_source = css(page, "#solved select[name=source]")[0]
    by_source.send_keys("evolution")
    assert len(shown(page, "#solved .card")) == 3
    css(page, "#solved select[name=run]")[0].send_keys("second_run")
    assert {card.get_attribute("data-key") for card in shown(page, "#solved .card")} == {"1-turn", "1-odd"}
    assert css(page, "#solved output")[0].text == "2 of 5"


def test_tasks_stand_in_the_order_that_is_chosen(page):
    def order():
        return [card.get_attribute("data-key") for card in shown(page, "#solved .card")]

    assert order() == ["0-mirror", "1-mirror", "1-odd", "0-turn", "1-turn"]
    css(page, "#solved select[name=order]")[0].send_keys("first")
    # When the odd one was first solved is not known.
    assert order() == ["0-turn", "1-turn", "0-mirror", "1-mirror", "1-odd"]
    assert css(page, "#solved h2 .count")[0].text == "3"


def test_a_task_is_opened_and_left_by_keyboard(page):
    press(page, "/")
    assert focused(page).get_attribute("name") == "text"
    page.execute_script("document.querySelector('#solved .card a').focus()")
    press(page, "ARROW_RIGHT", "ARROW_RIGHT")
    assert focused(page).get_attribute("href").endswith("#1-odd")
    press(page, "ARROW_LEFT", "ARROW_LEFT", "ENTER")
    (sheet,) = shown(page, "#sheet")
    assert "mirror" in sheet.text
    assert "How it got shorter" in sheet.text
    assert "in meta-iteration 2: 2 lines, 30 characters, by the policy" in sheet.text
    assert "in meta-iteration 3: 1 line, 14 characters, by the policy (the program above)" in sheet.text
    assert css(page, "#sheet .strip .on")
    press(page, "ARROW_RIGHT", "ARROW_RIGHT", "ARROW_RIGHT")
    assert css(page, "#sheet-title")[0].text == "turn"
    press(page, "3")
    assert css(page, "[aria-selected=true]")[0].text.startswith("test 1")
    press(page, "ESCAPE")
    assert not shown(page, "#sheet")
    assert focused(page).get_attribute("href").endswith("#0-turn")


def test_a_program_is_shown_step_by_step(page):
    page.execute_script("location.hash = '1-odd'")
    assert [line.text for line in shown(page, ".steps code")] == [
        "x1 = canvas(EIGHT, TWO_BY_TWO)",
        "O = identity(x1)",
    ]
    assert set(drawn(page, ".steps li:last-child canvas")) >= {"127,219,255"}


def test_the_wrong_cells_of_a_near_miss_are_marked(page):
    page.execute_script("location.hash = '0-halfway'")
    assert "gives 1 of 2 demonstrations" in css(page, "#sheet")[0].text
    given = "#panel figure:last-child canvas"
    assert "255,255,255" in drawn(page, given)  # the cross, which no colour of ARC's has
    press(page, "1")
    assert "the same" in css(page, "#panel")[0].text


def test_colours_can_be_switched_and_digits_shown(page):
    def back():
        return page.execute_script("return getComputedStyle(document.body).backgroundColor")

    light = back()
    button = css(page, "#theme")[0]
    while button.text.split()[-1] != "dark":
        button.click()
    assert back() != light
    page.execute_script("document.querySelector('#solved').scrollIntoView()")
    before = drawn(page, "[data-key='0-mirror'] canvas")
    css(page, "#digits")[0].click()
    assert css(page, "#digits")[0].get_attribute("aria-pressed") == "true"
    assert len(drawn(page, "[data-key='0-mirror'] canvas")) > len(before)
    button.click()
    assert button.text.split()[-1] == "auto"


def test_a_chart_tells_its_values_by_keyboard(page):
    page.execute_script("document.querySelector('.chart svg').focus()")
    press(page, "ARROW_LEFT")
    (tip,) = shown(page, "#tip")
    assert "meta-iteration 3" in tip.text
    assert "first_run" in tip.text
    press(page, "ESCAPE")
    assert not shown(page, "#tip")


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_is_wider_than_a_phone(page, width):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        page.execute_script("location.hash = '0-mirror'")
        assert page.execute_script("return document.getElementById('sheet').scrollWidth") <= width
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_print_has_every_picture(page):
    never = {"source": "window.requestIdleCallback = () => {};"}
    script = page.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", never)
    try:
        page.refresh()
        assert undrawn(page)
        page.execute_cdp_cmd("Page.printToPDF", {})
        assert undrawn(page) == []
    finally:
        page.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_a_picture_of_the_whole_page_has_every_grid(page):
    assert page.execute_script("return scrollY") == 0
    until(page, lambda: undrawn(page) == [])


def test_a_print_is_light_and_has_the_cards_that_are_asked_for(page):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        page.execute_script("document.documentElement.dataset.theme = 'dark'")
        colour = "return getComputedStyle(document.querySelector('.card .program')).color"
        assert page.execute_script(colour) == "rgb(28, 32, 39)"
        page.execute_script(
            "for (const card of document.querySelectorAll('#solved .card')) card.hidden = true"
        )
        assert len(shown(page, "#solved .card")) == 5
        page.execute_script("location.hash = '0-mirror'")
        assert not shown(page, "#solved .card")
        assert shown(page, "#sheet .steps")
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


_IS_WITHIN_THE_BAR = """
    const link = arguments[0].getBoundingClientRect();
    const bar = document.querySelector("nav").getBoundingClientRect();
    return link.left >= bar.left - 1 && link.right <= bar.right + 1;
"""


@pytest.mark.parametrize("width", [390, 1280])
def test_the_bar_marks_the_section_one_is_at(page, width):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
    try:
        names = [link.get_attribute("hash") for link in css(page, "nav a")]
        for name in (*names, *reversed(names)):
            page.execute_script("location.hash = arguments[0]", name)
            found = f"nav a[href='{name}'][aria-current]"
            until(page, lambda found=found: css(page, found))
            (link,) = css(page, found)
            until(page, lambda link=link: page.execute_script(_IS_WITHIN_THE_BAR, link))
            assert len(css(page, "nav a[aria-current]")) == 1
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
