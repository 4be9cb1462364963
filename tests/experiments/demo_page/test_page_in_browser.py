"""The page as a person uses it, in Chromium: files, sliders, brush, errors, a narrow screen, several at once."""

import re
from pathlib import Path
from typing import Any

import pytest

from experiments.demo_page.sample_faces import sample
from tests.helpers.demo_page_at_work import PageAtWork
from tests.helpers.demo_page_visits import IN_A_BROWSER, expected, give, opened, tab, took
from tests.helpers.hostile_images import moving, png_of

pytestmark = IN_A_BROWSER
TABS = ("Compare", "Occlude", "Map", "Gallery")


def test_two_files_are_compared_and_every_picture_has_words(page: Any, served: PageAtWork) -> None:
    for which, path in enumerate(sample(served.folder, "One in a mask")):
        give(page, which, path)
        page.wait_for_timeout(500)
    page.locator("#comparison .verdict").first.wait_for()
    assert expected(served, "One in a mask") in page.locator("#comparison").inner_text()
    words = page.locator("img").evaluate_all("all => all.map(one => one.alt)")
    assert len(words) >= 4
    assert all(words)


def test_the_slider_moves_by_keyboard_and_what_is_red_follows(page: Any) -> None:
    took(page, "One in sunglasses")
    caption = page.locator("#comparison figcaption").nth(1)
    assert "above 50%" in caption.inner_text()
    page.locator("#comparison figure").first.wait_for()
    page.get_by_role("slider", name=re.compile("probability", re.I)).first.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("above 55%").first.wait_for()


def test_a_moved_occluder_changes_the_score_against_the_clean_face(page: Any) -> None:
    took(page, "One person twice")
    tab(page, "Occlude")
    said = page.locator("#occluded .verdict").first
    said.wait_for()
    before = said.inner_text()
    page.get_by_role("slider", name=re.compile("Down")).focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("text => document.querySelector('#occluded .verdict')?.innerText !== text", arg=before)
    assert page.locator("#occluded img").count() == 3


def test_what_is_painted_lowers_the_score(page: Any) -> None:
    took(page, "One person twice")
    tab(page, "Occlude")
    page.get_by_role("button", name="Paint it yourself").click()
    page.get_by_role("button", name="Take the first face").click()
    page.get_by_text("the score follows").wait_for()
    canvas = page.locator("#editor canvas").first
    canvas.wait_for()
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)  # the brush is ready when its canvas has been drawn
    box = canvas.bounding_box()
    # the face lies in the middle of the canvas; a stroke that begins beside it is none
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    across = [(-80, -10), (80, -10), (-80, 20), (80, 20)]
    places = [(middle[0] + x, middle[1] + y) for x, y in across]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()
    page.locator("#painted .verdict").first.wait_for()
    page.wait_for_function("!/score 1\\.000/.test(document.querySelector('#painted').innerText)")
    score = re.search(r"score (0\.\d+)", page.locator("#painted").inner_text())
    assert score is not None
    assert float(score[1]) < 0.999


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("paper.jpg", b"%PDF-1.7\n", "got a PDF document"),
        ("moving.gif", moving("GIF"), "got a GIF"),
        ("bomb.png", png_of(60_000, 60_000), "megapixels"),
        ("empty.png", b"", "got 0 bytes"),
    ],
)
def test_a_bad_file_is_a_line_on_the_page_and_the_next_good_one_is_compared(
    page: Any, served: PageAtWork, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    took(page, "Two people")
    page.get_by_role("button", name="Remove Image").first.click()
    give(page, 0, path)
    alert = page.locator("#comparison [role=alert]")
    page.wait_for_function("text => document.querySelector('#comparison')?.innerText.includes(text)", arg=said)
    assert "\n" not in alert.inner_text().strip()
    took(page, "One person twice")
    page.get_by_text(expected(served, "One person twice")).first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_narrow_screen_nothing_is_wider_than_it(browser: Any, served: PageAtWork, scheme: str) -> None:
    page = opened(browser, served, 390, color_scheme=scheme)
    took(page, "One in sunglasses")
    for name in TABS:
        if not page.get_by_role("tab", name=name).is_visible():  # behind the menu of what has no room
            continue
        tab(page, name)
        page.wait_for_timeout(500)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    page.context.close()


def test_pointing_at_a_map_says_position_and_value(page: Any) -> None:
    took(page, "One person twice")
    tab(page, "Map")
    page.get_by_role("button", name="Map it").click()
    page.locator("#map .cell").first.wait_for(state="attached")
    cell = page.locator("#map .cell").nth(20)
    assert not cell.locator("text").is_visible()
    cell.locator("rect").hover()
    assert cell.locator("text").is_visible()
    assert re.fullmatch(r"row \d+, column \d+: -?\d\.\d{3}", cell.locator("text").text_content())


def test_a_folder_is_enrolled_and_searched_and_others_are_refused(page: Any, served: PageAtWork) -> None:
    took(page, "One in sunglasses")
    tab(page, "Gallery")
    page.get_by_role("button", name="Search").click()
    page.locator("#gallery").get_by_text("enrol one first").wait_for()
    page.get_by_role("button", name="Enrol").click()
    page.locator("#gallery").get_by_text("faces are enrolled").wait_for()
    page.get_by_role("button", name="Search").click()
    page.locator("#gallery").get_by_text("Compared once more").wait_for()
    assert page.locator("#gallery img").count() == 10
    assert "1. person-04-1.png: 1.000" in page.locator("#gallery").inner_text()
    page.locator("#gallery figcaption").first.evaluate("one => { one.textContent = 'long'.repeat(40) }")
    assert page.locator("#gallery figcaption").first.evaluate("one => one.scrollWidth <= one.clientWidth")
    page.get_by_role("combobox", name="Folder").fill("/etc")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Enrol").click()
    page.locator("#gallery").get_by_text("Expected a folder below one of those").wait_for()


def test_a_model_without_thresholds_says_so_until_they_are_measured(page: Any) -> None:
    took(page, "One person twice")
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="other").click()
    page.get_by_text("not measured yet").first.wait_for()
    measure = page.get_by_role("button", name=re.compile("Measure"))
    measure.click()
    page.get_by_text("impostor pairs").first.wait_for()
    measure.wait_for(state="hidden")
    page.reload()
    page.get_by_role("tab", name="Compare").wait_for()
    assert not measure.is_visible()  # of the first model, which is measured, too


def test_tabs_and_buttons_are_reached_by_keyboard_alone(page: Any) -> None:
    page.get_by_role("button", name="Two people").focus()
    page.keyboard.press("Enter")
    page.locator("#comparison .verdict").first.wait_for()
    page.get_by_role("tab", name="Compare").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement !== document.body")


def test_the_camera_s_picture_is_compared(browser: Any, served: PageAtWork) -> None:
    page = opened(browser, served, permissions=["camera"])
    took(page, "Two people")
    page.get_by_role("button", name="Remove Image").first.click()
    page.get_by_text("Now the other photograph").wait_for()
    page.get_by_role("button", name="Capture from camera").first.click()
    page.get_by_text("Click to Access Webcam").first.click()
    page.wait_for_function("[...document.querySelectorAll('video')].some(one => one.videoWidth > 0 && !one.paused)")
    page.get_by_role("button", name="capture photo").first.click()
    page.locator("#comparison .verdict").first.wait_for()
    page.context.close()


def test_paint_stays_on_the_face_that_was_taken(page: Any, served: PageAtWork) -> None:
    took(page, "One person twice")
    tab(page, "Occlude")
    page.get_by_role("button", name="Paint it yourself").click()
    page.get_by_role("button", name="Take the first face").click()
    page.get_by_text("the score follows").wait_for()
    page.get_by_role("radio", name="1 in 10", exact=True).last.check()
    page.locator("#painted img").first.wait_for()
    first = page.locator("#painted img").first.get_attribute("src")
    page.get_by_role("button", name="Two people").click()
    page.locator("#occluded img").first.wait_for()
    page.get_by_role("radio", name="1 in 1,000", exact=True).last.check()
    page.wait_for_timeout(1_000)
    assert page.locator("#painted img").first.get_attribute("src") == first
