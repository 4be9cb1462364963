"""A file of tables means what it says, or is refused in one line with the place of the mistake."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.cli import UserError
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_file import load
from tests.helpers.reproductions import small_paper


def content(**changes: Any) -> dict[str, Any]:
    column = {"name": "scarf", "measures": ["test/rank1/scarf"]}
    return {
        "title": "A paper",
        "source": "arXiv",
        "rows": {
            "soidn": {"name": "SOIDN", "system": "soidn", "changes": {"weights": "${trunk}/last.ckpt"}},
            "trunk": {"name": "Trunk", "system": "trunk", "changes": {"epochs": "${epochs}", "to": "${epochs} times"}},
            "other": {"name": "Other", "system": "trunk"},
        },
        "tables": [{"title": "Table 1", "rows": ["trunk", "soidn"], "columns": [column]}],
        "scales": {"demo": {"epochs": 3}, "paper": {"epochs": {"max": [20, 0.5, True]}}},
        **changes,
    }


def read(tmp_path: Path, **changes: Any) -> Paper:
    path = tmp_path / "paper.yaml"
    path.write_text(yaml.safe_dump(content(**changes), sort_keys=False))
    return load(path)


def refusal(tmp_path: Path, **changes: Any) -> str:
    with pytest.raises(UserError) as refused:
        read(tmp_path, **changes)
    message = str(refused.value)
    assert message.startswith(f"{tmp_path / 'paper.yaml'}: ")
    assert "\n" not in message
    return message.removeprefix(f"{tmp_path / 'paper.yaml'}: ")


def rows(**changes: str) -> dict[str, Any]:
    return {key: {"name": key, "system": "trunk", "changes": {"x": value}} for key, value in changes.items()}


def test_pairs_columns_and_defaults_are_what_they_are_declared_as(tmp_path: Path) -> None:
    column = {"name": "time", "measures": ["val/loss"], "factor": 1, "digits": 0}
    found = read(tmp_path, comparisons=[{"title": "equal", "pairs": [["soidn", "trunk"]], "columns": [column]}])
    assert found.comparisons[0].pairs == [("soidn", "trunk")]
    assert found.comparisons[0].columns[0].digits == 0
    assert found.tables[0].columns[0].factor == 100
    assert found.seeds == [0, 1, 2]


def test_a_row_is_run_after_what_it_depends_on(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.depends_on("soidn", "demo") == ["trunk"]
    assert found.depends_on("trunk", "demo") == []
    assert found.with_dependencies(["soidn"], "demo") == ["trunk", "soidn"]
    assert found.with_dependencies(["other", "trunk"], "demo") == ["trunk", "other"]  # the file's order


def test_needs_are_followed_through_rows_that_were_not_asked_for(tmp_path: Path) -> None:
    chain = rows(c="${b}/last.ckpt", b="${a}/last.ckpt", a="1", d="1")
    found = read(tmp_path, rows=chain, tables=[])
    assert found.with_dependencies(["c"], "demo") == ["a", "b", "c"]


@pytest.mark.parametrize(("scale", "value"), [("demo", 3), ("paper", {"max": [20, 0.5, True]})])
def test_a_value_of_the_scale_keeps_its_type(tmp_path: Path, scale: str, value: Any) -> None:
    changes = read(tmp_path).resolved("trunk", scale).changes
    assert changes["epochs"] == value
    assert type(changes["epochs"]) is type(value)
    assert changes["to"] == f"{value} times"


def test_references_to_rows_stay_for_the_seed_to_fill(tmp_path: Path) -> None:
    assert read(tmp_path).resolved("soidn", "demo").changes == {"weights": "${trunk}/last.ckpt"}


def test_an_unknown_row_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    expected = "expected the name of a row, got 'truk'; did you mean 'trunk'?"
    assert refusal(tmp_path, tables=[table(rows=("truk",))]) == f"Table 1: {expected}"
    published = {"title": "Table 1", "rows": [], "columns": [], "published": {"truk": []}}
    assert refusal(tmp_path, tables=[published]) == f"Table 1: {expected}"
    assert refusal(tmp_path, quick=["truk"]) == f"quick: {expected}"
    pair = {"title": "equal", "pairs": [["soidn", "truk"]], "columns": []}
    assert refusal(tmp_path, comparisons=[pair]) == f"equal: {expected}"
    figure = {"title": "Figure 8", "rows": ["truk"], "file": "*.png"}
    assert refusal(tmp_path, figures=[figure]) == f"Figure 8: {expected}"
    curve = {"title": "Loss", "rows": ["truk"], "measure": "val/loss"}
    assert refusal(tmp_path, curves=[curve]) == f"Loss: {expected}"


def test_a_reference_to_nothing_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, rows=rows(a="${epoch}"), tables=[])
    assert (
        message
        == "rows: a: expected the name of a row or a value of the scale demo, got 'epoch'; did you mean 'epochs'?"
    )


def test_an_unknown_key_is_refused_with_its_name(tmp_path: Path) -> None:
    assert "sedes" in refusal(tmp_path, sedes=[0])


def test_a_value_of_another_type_is_refused_with_its_place(tmp_path: Path) -> None:
    assert "seeds" in refusal(tmp_path, seeds=["zero"])


def test_figures_must_be_as_many_as_columns(tmp_path: Path) -> None:
    two = {**content()["tables"][0], "published": {"soidn": [92, 98]}}
    expected = "Table 1: published: soidn: expected 1 figures, one for each column, got 2"
    assert refusal(tmp_path, tables=[two]) == expected


def column(*measures: str, **more: Any) -> dict[str, Any]:
    return {"name": "scarf", "measures": list(measures), **more}


def table(*columns: dict[str, Any], rows: tuple[str, ...] = ("trunk", "soidn"), **more: Any) -> dict[str, Any]:
    return {"title": "Table 1", "rows": list(rows), "columns": list(columns), **more}


@pytest.mark.parametrize(
    ("measure", "nearest"),
    [
        ("test/rank_1/scarf", "test/rank1/scarf"),
        ("test/rank1/scraf", "test/rank1/scarf"),
        ("tets/rank1/scarf", "test/rank1/scarf"),
        ("ar/scarf/rank_1_accuracy", "ar/scarf/rank1"),
        ("ar/scarf/accuracy", "ar/scarf/auc"),  # AR has no folds
        ("lfw/accuracy", "lfw/all/accuracy"),
        ("val/occlusion/10x10/accuracy", None),  # no row makes such maps
        ("generated/scarf/rank1", None),  # no row is evaluated on them
    ],
)
def test_a_measure_that_no_row_can_have_is_refused_with_the_nearest(
    measure: str, nearest: str | None, tmp_path: Path
) -> None:
    pair = {"title": "equal", "pairs": [["soidn", "trunk"]], "columns": [column(measure)]}
    for changes in ({"tables": [table(column(measure))]}, {"comparisons": [pair]}):
        message = refusal(tmp_path, **changes)
        assert f"expected a measure of one of these rows, got {measure!r}" in message
        assert nearest is None or message.endswith(f"; did you mean {nearest!r}?")


def test_a_measure_is_asked_for_of_the_rows_that_can_have_it(tmp_path: Path) -> None:
    iou = column("test/iou/mean")
    assert read(tmp_path, tables=[table(iou)])
    assert "expected a measure of the row, got 'test/iou/mean'" in refusal(
        tmp_path, tables=[table(iou, rows=("trunk",))]
    )
    only = {"os": {"name": "OS", "system": "segmentation"}}
    for name in ("test/rank1/scarf", "ar/scarf/rank1"):  # it makes no embeddings
        assert "expected a measure of the row" in refusal(
            tmp_path, rows=only, tables=[table(column(name), rows=("os",))]
        )


def test_a_row_has_the_measures_of_its_maps_and_others_their_files(tmp_path: Path) -> None:
    row = {"name": "A", "system": "model_a", "maps": {"scoring": {"occluder_sizes": "${sizes}"}}}
    other = {"name": "B", "system": "trunk", "changes": {"file": "${a_scoring}/map.npz"}}
    scales = {"demo": {"sizes": [[10, 12]], "size": "10x12"}, "paper": {"sizes": [[20, 24]], "size": "20x24"}}
    asked = {"rows": {"a": row, "b": other}, "scales": scales}
    wanted = table(column("val/occlusion/${size}/std"), rows=("a",))
    found = read(tmp_path, **asked, tables=[wanted])
    assert found.depends_on("b", "demo") == ["a"]
    measures = [found.at(scale).tables[0].columns[0].measures for scale in ("demo", "paper")]
    assert measures == [["val/occlusion/10x12/std"], ["val/occlusion/20x24/std"]]
    fixed = table(column("val/occlusion/10x12/std"), rows=("a",))
    assert "got 'val/occlusion/10x12/std'; did you mean 'val/occlusion/20x24/std'?" in refusal(
        tmp_path, **asked, tables=[fixed]
    )
    unknown = table(column("val/occlusion/${sise}/std"), rows=("a",))
    assert "a value of the scale demo, got 'sise'; did you mean 'size'?" in refusal(tmp_path, **asked, tables=[unknown])
    nobody = {"a": row, "b": {**other, "changes": {"file": "${a_placing}/map.npz"}}}
    assert "a value of the scale demo, got 'a_placing'; did you mean 'a_scoring'?" in refusal(
        tmp_path, **asked | {"rows": nobody}, tables=[]
    )


def test_a_row_depends_on_what_it_starts_from(tmp_path: Path) -> None:
    rows: dict[str, dict[str, Any]] = {
        "a": {"name": "A", "system": "trunk", "starts_from": "${weights}"},
        "b": {"name": "B", "system": "baseline", "starts_from": "${start}"},
        "c": {"name": "C", "system": "baseline", "starts_from": None},
    }
    found = read(tmp_path, rows=rows, tables=[], scales={"demo": {"start": "a"}, "paper": {"start": "${weights}"}})
    assert [found.depends_on(key, "demo") for key in "abc"] == [[], ["a"], []]
    assert [found.depends_on(key, "paper") for key in "abc"] == [[], [], []]
    assert found.resolved("b", "paper", weights=None).starts_from is None
    assert found.resolved("b", "paper", weights="w.pth").starts_from == "w.pth"
    wrong = {**rows, "b": {**rows["b"], "starts_from": "aa"}}
    assert "rows: b: expected the name of a row" in refusal(tmp_path, rows=wrong, tables=[])


def test_what_somebody_s_own_classes_log_is_not_known_and_not_refused(tmp_path: Path) -> None:
    own = {"name": "Mine", "system": "trunk", "changes": {"trainer.callbacks+": ["mine.Callback"]}}
    assert read(tmp_path, rows={"mine": own}, tables=[table(column("val/my/measure"), rows=("mine",))])
    assert "got 'ar/scraf/rank1'" in refusal(
        tmp_path, rows={"mine": own}, tables=[table(column("ar/scraf/rank1"), rows=("mine",))]
    )


def test_one_column_has_one_measure_of_each_protocol(tmp_path: Path) -> None:
    two = column("val/loss", "test/rank1/scarf")
    expected = "Table 1: scarf: expected one measure of the training, got val/loss and test/rank1/scarf"
    assert refusal(tmp_path, tables=[table(two)]) == expected
    two = column("ar/sunglasses/rank1", "test/rank1/scarf")
    expected = "Table 1: scarf: expected one condition, got ar/sunglasses/rank1 and test/rank1/scarf"
    assert refusal(tmp_path, tables=[table(two)]) == expected
    two = column("ar/scarf/rank1", "ar/scarf/rank5")
    expected = "Table 1: scarf: expected one measure of ar, got ar/scarf/rank1 and ar/scarf/rank5"
    assert refusal(tmp_path, tables=[table(two)]) == expected
    assert read(tmp_path, tables=[table(column("ar/scarf/rank1", "lfw_occ/scarf/accuracy", "test/rank1/scarf"))])


def test_a_curve_and_a_watched_measure_are_of_the_row(tmp_path: Path) -> None:
    curve = {"title": "Loss", "rows": ["trunk"], "measure": "val/segmentation_loss"}
    assert refusal(tmp_path, curves=[curve]).startswith("Loss: expected a measure of the row, got 'val/segmentation")
    watching = {"class_path": "pytorch_lightning.callbacks.ModelCheckpoint", "init_args": {"monitor": "val/acuracy"}}
    row = {"name": "T", "system": "trunk", "changes": {"trainer.callbacks": [watching]}}
    message = refusal(tmp_path, rows={"t": row}, tables=[])
    expected = "expected a measure of the row, got 'val/acuracy'; did you mean 'val/accuracy'?"
    assert message == f"rows: t: ModelCheckpoint: {expected}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"rows": {k: {"name": "SOIDN", "system": "soidn"} for k in "ab"}},
            "rows: expected every name once, got 'SOIDN'",
        ),
        ({"tables": [table(rows=("trunk", "trunk"))]}, "Table 1: expected every row once, got 'trunk' twice"),
        ({"tables": [table(*[column("val/loss")] * 2)]}, "Table 1: expected every column once, got 'scarf' twice"),
        ({"tables": [table(published={"other": []})]}, "Table 1: published: expected the name of a row of the table"),
        ({"tables": [table(column())]}, "measures: List should have at least 1 item"),
        ({"tables": [table(column("val/loss", digits=-1))]}, "digits: Input should be greater than or equal to 0"),
        ({"tables": [table(column("val/loss", factor=0))]}, "factor: Input should be greater than 0"),
        ({"rows": {"a": {"name": "A", "system": "soind"}}}, "a system, got 'soind'; did you mean 'soidn'?"),
        ({"scales": {"demo": {"epochs": 1}, "papre": {"epochs": 1}}}, "a scale, got 'papre'; did you mean 'paper'?"),
        ({"seeds": []}, "seeds: List should have at least 1 item"),
        (
            {"figures": [{"title": "Figure 1", "rows": ["trunk"], "file": "1.png", "drawing": "figure_3"}]},
            "Figure 1: expected the name of a drawing, got 'figure_3'; did you mean 'figure_",
        ),
        (
            {"figures": [{"title": "Figure 6", "rows": ["trunk"], "file": "evaluation/*/roc.png"}]},
            "Figure 6: expected ${evaluation}/… for a picture of an evaluation, got evaluation/*/roc.png",
        ),
        (
            {"figures": [{"title": "Figure 6", "rows": ["trunk"], "file": "${evalation}/*/roc.png"}]},
            "a value of the scale demo, got 'evalation'; did you mean 'evaluation'?",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert message in refusal(tmp_path, **{"tables": [], **changes})


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "paper.yaml"
    path.write_text(
        "title: A\nsource: B\ntables: []\nrows:\n  a: {name: A, system: trunk}\n  a: {name: B, system: soidn}\n"
    )
    with pytest.raises(UserError, match="expected every key once, got 'a' again"):
        load(path)


def test_a_circle_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, rows=rows(a="${b}", b="${a}"), tables=[])
    assert message in {f"rows: expected no circle of rows, got {way}" for way in ("a → b → a", "b → a → b")}


def test_a_file_that_is_no_yaml_or_not_there_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "paper.yaml"
    with pytest.raises(UserError, match=r"paper\.yaml"):
        load(path)
    path.write_text("title: [")
    with pytest.raises(UserError, match=r"paper\.yaml"):
        load(path)


def test_a_paper_of_some_rows_has_what_is_whole_without_the_others() -> None:
    whole = small_paper()
    some = whole.only({"baseline"})
    assert (list(some.rows), some.tables[0].rows, some.tables[0].published) == (["baseline"], ["baseline"], {})
    assert (some.comparisons, some.figures[0].rows, some.curves[0].rows) == ([], ["baseline"], ["baseline"])
    assert whole.only({"later"}).figures == []
    assert whole.only(whole.rows) == whole
