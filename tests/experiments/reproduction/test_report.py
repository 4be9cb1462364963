"""The page of a reproduction says what its runs say, needs nothing else and is the same each time."""

import base64
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import pytest
from scipy.stats import ttest_1samp

from experiments.reproduction.paper import Paper
from experiments.reproduction.report import write_report
from experiments.reproduction.row_run import RowRun
from tests.helpers.markup import Element, Page
from tests.helpers.reproductions import done, run_of, small_paper, three_seeds

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

Write = Callable[..., Element]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a report and return its page."""

    def report(runs: Sequence[RowRun], *, scale: str = "demo", paper: Paper | None = None) -> Element:
        path = tmp_path / "new" / "report.html"
        write_report(paper or small_paper(), runs, path, scale=scale, command="make reproduce")
        assert [file.name for file in path.parent.iterdir()] == ["report.html"]
        return Page(path.read_text()).root

    return report


def section(page: Element, name: str) -> Element:
    (found,) = [element for element in page.all("section") if element.attributes.get("id") == name]
    return found


def rows(table: Element) -> dict[str, list[str]]:
    (body,) = table.all("tbody")
    return {row.all("th")[0].text: [cell.text for cell in row.all("td")] for row in body.all("tr")}


def heads(page: Element) -> dict[str, str]:
    (described,) = page.all("dl")
    return {name.text: value.text for name, value in zip(described.all("dt"), described.all("dd"), strict=True)}


def interval(values: list[float], t: float) -> str:
    return f"{fmean(values):.1f} ± {t * stdev(values) / math.sqrt(len(values)):.1f}"


def test_cells_are_means_with_students_interval_beside_the_papers(write: Write) -> None:
    found = rows(section(write(three_seeds()), "tables").all("table")[0])
    assert found["Baseline"] == [interval([10, 20, 30], 4.30265), "", "–"]
    assert found["SOIDN"] == ["30.0 ± 0.0n = 2", "92.5", "80.00 ± 0.00n = 2"]  # the third seed has failed


def test_what_is_not_there_is_said_across_the_row(write: Write) -> None:
    runs = [run for run in three_seeds() if run.row != "soidn" or run.status == "failed"]
    (table,) = section(write(runs), "tables").all("table")
    assert rows(table)["SOIDN"] == ["failed: ValueError: <script>alert(1)</script>"]
    assert rows(table)["Later"] == ["not run"]
    assert [cell.attributes["colspan"] for cell in table.all("td") if "colspan" in cell.attributes] == ["3", "3"]


def test_differences_are_of_the_seeds_that_both_rows_have(write: Write) -> None:
    found = rows(section(write(three_seeds()), "comparisons").all("table")[0])
    difference, iou, *budget = found["SOIDN − Baseline"]
    assert difference == "+" + interval([20, 10], 12.7062)
    assert iou == "–"
    assert budget == ["2", "90 s / 60 s", "1.50", "2 / 2"]


@pytest.mark.parametrize(("shift", "strong"), [(0.2, ["+20.0 ± 0.2"]), (0.0, []), (-0.2, ["−20.0 ± 0.2"])])
def test_a_difference_is_bold_if_its_interval_excludes_zero(write: Write, shift: float, strong: list[str]) -> None:
    noise = (0.001, 0.0, -0.001)
    runs = [
        run
        for seed in range(3)
        for run in (done("soidn", seed, 0.5 + shift + noise[seed]), done("baseline", seed, 0.5))
    ]
    (table,) = section(write(runs), "comparisons").all("table")
    assert [cell.text for cell in table.all("strong")] == strong


def three_pairs() -> tuple[Paper, list[RowRun]]:
    """Return a paper that compares three pairs, one of them not run, and four seeds of the two others."""
    small = small_paper()
    rows = {**small.rows, "third": replace(small.rows["soidn"], name="Third")}
    pairs = [("soidn", "baseline"), ("third", "baseline"), ("later", "baseline")]
    paper = replace(small, rows=rows, comparisons=[replace(small.comparisons[0], pairs=pairs)])
    gains = {"baseline": (0.0, 0.0, 0.0, 0.0), "soidn": (0.10, 0.13, 0.11, 0.12), "third": (0.05, 0.01, 0.02, 0.04)}
    return paper, [done(row, seed, 0.5 + gain) for row, found in gains.items() for seed, gain in enumerate(found)]


def test_several_differences_have_p_values_that_allow_for_their_number(write: Write) -> None:
    paper, runs = three_pairs()
    compared = section(write(runs, paper=paper), "comparisons")
    found = [cells[0] for cells in rows(compared.all("table")[0]).values()]
    plain = [ttest_1samp(gains, 0).pvalue for gains in ((10, 13, 11, 12), (5, 1, 2, 4))]
    assert found[0].endswith(f"p = {2 * plain[0]:.3f}")  # of two that were tested, the smaller
    assert found[1].endswith(f"p = {plain[1]:.3f}")
    assert "Holm’s correction for all pairs" in compared.text


def test_one_seed_has_no_interval_and_tells_nothing(write: Write) -> None:
    page = write([done("baseline", 0, 0.25), done("soidn", 0, 0.75, iou=0.8)])
    assert rows(section(page, "tables").all("table")[0])["SOIDN"] == ["75.0", "92.5", "80.00"]
    compared = section(page, "comparisons")
    assert rows(compared.all("table")[0])["SOIDN − Baseline"][0] == "+50.0"
    assert not compared.all("table")[0].all("strong")
    assert "one seed cannot tell a difference from chance" in compared.text
    assert "one seed cannot tell a difference from chance" in section(page, "tables").text


def test_the_head_says_how_far_it_is_and_what_failed(write: Write) -> None:
    page = write(three_seeds())
    (header,) = page.all("header")
    assert heads(page)["runs"] == "5 of 9 done, 1 failed"
    assert heads(page)["seeds"] == "0, 1, 2"
    assert heads(page)["training time"] == "6.0 min in all"  # 3 · 60 s + 2 · 90 s
    listed = [item.text for item in header.all("li")]
    assert listed == ["SOIDN, seed 2: ValueError: <script>alert(1)</script>", "Later, seeds 0, 1, 2"]
    assert "error" in str(header.all("li")[0].all("span")[0].attributes["class"])


def test_mixed_origins_are_said_and_counted(write: Write) -> None:
    runs = [
        done("baseline", 0, 0.1),
        done("baseline", 1, 0.1),
        replace(done("soidn", 0, 0.1), commit="def5678+", hardware="GPU"),
    ]
    page = write(runs)
    assert heads(page)["commit"].startswith("mixed: abc1234 (2 runs); def5678+ (1 run).")
    assert heads(page)["hardware"].startswith("mixed: 2 cores (2 runs); GPU (1 run).")
    assert heads(page)["versions"] == "torch 2"
    assert "+: files had been changed" in page.all("header")[0].text
    assert "not asked for: Later" in page.all("header")[0].text


def test_only_a_demo_says_that_its_figures_are_not_the_papers(write: Write) -> None:
    assert "These figures are not the paper’s" in write(three_seeds()).all("header")[0].text
    assert "not the paper’s" not in write(three_seeds(), scale="paper").all("header")[0].text


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("a.html", "b.html")]
    for path in pages:
        write_report(small_paper(), three_seeds(), path, scale="demo", command="make")
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_nothing_is_loaded_and_nothing_runs(write: Write) -> None:
    page = write(three_seeds())
    assert not [tag for tag in ("script", "link", "iframe", "object", "embed", "video", "source") if page.all(tag)]
    assert page.all("img")
    assert all(str(image.attributes["src"]).startswith("data:image/") for image in page.all("img"))
    (style,) = page.all("style")
    assert not re.search(r"url\(|@import|https?:", style.text)
    assert {str(link.attributes["href"])[:1] for link in page.all("nav")[0].all("a")} == {"#"}


def test_links_of_the_contents_lead_somewhere_and_identifiers_are_unique(write: Write) -> None:
    page = write(three_seeds())
    everything = [page, *(element for tag in ("section", "h2", "h3", "div") for element in page.all(tag))]
    names = [element.attributes["id"] for element in everything if "id" in element.attributes]
    assert len(set(names)) == len(names)
    assert {str(link.attributes["href"])[1:] for link in page.all("nav")[0].all("a")} <= set(names)


def test_every_text_of_others_is_escaped(write: Write) -> None:
    bad = "<script>x</script>&amp;"
    declared = small_paper()
    named = replace(
        declared,
        title=bad,
        source=bad,
        note=bad,
        rows={**declared.rows, "soidn": replace(declared.rows["soidn"], name=bad, changes={bad: bad})},
    )
    runs = [*three_seeds(), replace(done("soidn", 5, 0.5), command=bad, folder=bad, hardware=bad, commit=bad)]
    page = write(runs, paper=named)
    assert not page.all("script")
    assert page.all("h1")[0].text == page.all("title")[0].text == bad
    assert bad in [name for table in page.all("table") for name in rows(table)]


def test_a_source_is_a_link_only_where_it_is_a_web_address(write: Write) -> None:
    def links(source: str) -> list[str | None]:
        page = write(three_seeds(), paper=replace(small_paper(), source=source))
        return [link.attributes["href"] for link in page.all("header")[0].all("a")]

    assert links("https://example.org/paper") == ["https://example.org/paper"]
    assert links("10.1000/182") == links("javascript:alert(1)") == []


def test_pictures_are_the_first_seeds_that_has_any(write: Write, tmp_path: Path) -> None:
    for name in ("soidn/1/figures/s1.png", "soidn/1/figures/s2.png", "soidn/1/figures/t.png", "soidn/2/figures/s1.png"):
        (tmp_path / "runs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "runs" / name).write_bytes(PNG)
    runs = [replace(run, folder=str(tmp_path / run.folder)) for run in three_seeds()]
    shown = section(write(runs), "figures").all("figure")
    assert [figure.all("figcaption")[0].text for figure in shown] == ["SOIDN, seed 1"] * 2 + [
        "Baseline: no run has figures/s*.png"
    ]
    (first, second) = [image.attributes for figure in shown for image in figure.all("img")]
    assert first["src"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert (first["alt"], second["alt"]) == ("Figure 8: SOIDN, s1", "Figure 8: SOIDN, s2")


def test_a_picture_of_an_evaluation_is_of_the_report_s_protocols_and_says_which(write: Write, tmp_path: Path) -> None:
    places = {}
    for name in ("ar-1", "ar-2", "lfw-3"):  # AR's files have changed since the first
        place = tmp_path / "evaluation" / name / "model" / name.partition("-")[0]
        place.mkdir(parents=True)
        (place / "roc.png").write_bytes(PNG + name.encode())
        places[name] = str(tmp_path / "evaluation" / name)
    figure = replace(small_paper().figures[0], rows=["soidn"], file="${evaluation}/*/*/roc.png")
    asked = {"ar": places["ar-2"], "lfw": places["lfw-3"]}
    run = replace(done("soidn", 0, 0.5), evaluations=asked)
    page = write([run], paper=replace(small_paper(), figures=[figure]))
    shown = section(page, "figures").all("figure")
    assert [one.all("figcaption")[0].text for one in shown] == ["SOIDN, seed 0, ar", "SOIDN, seed 0, lfw"]
    sources = [base64.b64decode(str(one.all("img")[0].attributes["src"]).partition("base64,")[2]) for one in shown]
    assert sources == [PNG + b"ar-2", PNG + b"lfw-3"]
    assert heads(page)["evaluated by"] == "ar-2 (1 run), lfw-3 (1 run)"


def test_pictures_of_a_failed_run_are_not_shown(write: Write, tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/s.png").write_bytes(PNG)
    failed = run_of("soidn", 0, "failed", folder=str(tmp_path), error="x")
    assert not section(write([failed]), "figures").all("img")


def test_columns_say_what_they_are_measured_on_and_are_of_that_alone(write: Write) -> None:
    runs = [done("baseline", 0, 0.2), done("soidn", 0, 0.3), done("soidn", 1, 0.3)]
    table = section(write(runs), "tables").all("table")[0]
    assert [head.text for head in table.all("thead")[0].all("th")][1:3] == [
        "scarfunseen identities",
        "mean IoUunseen identities",
    ]
    runs[1] = replace(runs[1], measures={**runs[1].measures, "ar/scarf/rank1": 0.9})
    page = write(runs)
    for part in ("tables", "comparisons"):
        assert section(page, part).all("table")[0].all("thead")[0].all("th")[1].text == "scarfar"
    found = rows(section(page, "tables").all("table")[0])
    assert found["SOIDN"][0] == "90.0n = 1"
    assert found["Baseline"][0] == "–"
    assert rows(section(page, "comparisons").all("table")[0])["SOIDN − Baseline"][0] == "–"


def test_an_evaluation_that_failed_is_told_beside_the_training_s_figures(write: Write) -> None:
    page = write([replace(done("soidn", 0, 0.3), unevaluated={"ar": "Expected AR, got <b>"})])
    assert "SOIDN, seed 0, evaluation by ar: Expected AR, got <b>" in page.all("header")[0].text
    assert rows(section(page, "tables").all("table")[0])["SOIDN"][0] == "30.0"


def test_plots_are_pictures_with_what_they_show_in_words(write: Write) -> None:
    page = write(three_seeds())
    (forest,) = section(page, "comparisons").all("img")  # only one of two columns has differences
    assert forest.attributes["alt"] == "Differences in scarf: SOIDN − Baseline +15.0 ± 63.5"
    axes = [image.attributes["alt"] for image in section(page, "curves").all("img")]
    ends = "Baseline from 0.1 to 0.2; SOIDN from 0.15 to 0.3"
    assert axes == [f"val/accuracy against epochs: {ends}", f"val/accuracy against training time: {ends}"]
    drawn = [base64.b64decode(str(image.attributes["src"]).partition("base64,")[2]) for image in page.all("img")]
    assert all(b"<svg" in svg and b"<dc:date>" not in svg for svg in drawn)


def test_a_page_before_the_first_run_is_a_page(write: Write) -> None:
    page = write([run_of(row) for row in small_paper().rows])
    assert heads(page)["runs"] == "0 of 3 done"
    assert {tuple(cells) for cells in rows(section(page, "tables").all("table")[0]).values()} == {("not run",)}
    assert not page.all("img")
    assert "No finished run has logged val/accuracy" in section(page, "curves").text


def test_runs_say_what_was_run(write: Write) -> None:
    listed = section(write(three_seeds()), "runs")
    assert "soidn, changed:" in listed.text
    assert "model.segmentation_weight: 0.5 epochs × 1.5" in listed.text
    assert [command.text for command in listed.all("details")[1].all("pre")] == [
        f"train soidn {seed}" for seed in range(3)
    ]
    assert rows(listed.all("table")[1])["2"] == ["failed", "–", "–", "runs/soidn/2"]
