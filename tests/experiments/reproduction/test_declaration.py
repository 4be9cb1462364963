"""A file of tables means what it says, or is refused in one line with the place of the mistake."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.cli import UserError
from experiments.reproduction.declaration import Declaration, load
from tests.helpers.reproductions import small_declaration


def content(**changes: Any) -> dict[str, Any]:
    column = {"name": "scarf", "measures": ["test/rank1/scarf"]}
    return {
        "title": "A paper",
        "source": "arXiv",
        "rows": {
            "soidn": {"name": "SOIDN", "config": "soidn", "options": {"weights": "${trunk}/last.ckpt"}},
            "trunk": {"name": "Trunk", "config": "trunk", "options": {"epochs": "${epochs}", "to": "${epochs} times"}},
            "other": {"name": "Other", "config": "trunk"},
        },
        "tables": [{"title": "Table 1", "rows": ["trunk", "soidn"], "columns": [column]}],
        "scales": {"demo": {"epochs": 3}, "paper": {"epochs": {"max": [20, 0.5, True]}}},
        **changes,
    }


def read(tmp_path: Path, **changes: Any) -> Declaration:
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


def rows(**options: str) -> dict[str, Any]:
    return {key: {"name": key, "config": "trunk", "options": {"x": value}} for key, value in options.items()}


def test_pairs_columns_and_defaults_are_what_they_are_declared_as(tmp_path: Path) -> None:
    column = {"name": "time", "measures": ["val/loss"], "factor": 1, "digits": 0}
    found = read(tmp_path, comparisons=[{"title": "equal", "pairs": [["soidn", "trunk"]], "columns": [column]}])
    assert found.comparisons[0].pairs == [("soidn", "trunk")]
    assert found.comparisons[0].columns[0].digits == 0
    assert found.tables[0].columns[0].factor == 100
    assert found.seeds == [0, 1, 2]


def test_a_row_is_run_after_what_it_goes_on_from(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.needs("soidn", "demo") == ["trunk"]
    assert found.needs("trunk", "demo") == []
    assert found.with_needs(["soidn"], "demo") == ["trunk", "soidn"]
    assert found.with_needs(["other", "trunk"], "demo") == ["trunk", "other"]  # the file's order


def test_needs_are_followed_through_rows_that_were_not_asked_for(tmp_path: Path) -> None:
    chain = rows(c="${b}/last.ckpt", b="${a}/last.ckpt", a="1", d="1")
    found = read(tmp_path, rows=chain, tables=[])
    assert found.with_needs(["c"], "demo") == ["a", "b", "c"]


@pytest.mark.parametrize(("scale", "value"), [("demo", 3), ("paper", {"max": [20, 0.5, True]})])
def test_a_value_of_the_scale_keeps_its_type(tmp_path: Path, scale: str, value: Any) -> None:
    options = read(tmp_path).resolved("trunk", scale).options
    assert options["epochs"] == value
    assert type(options["epochs"]) is type(value)
    assert options["to"] == f"{value} times"


def test_references_to_rows_stay_for_the_seed_to_fill(tmp_path: Path) -> None:
    assert read(tmp_path).resolved("soidn", "demo").options == {"weights": "${trunk}/last.ckpt"}


def test_an_unknown_row_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    table = {"title": "Table 1", "rows": ["truk"], "columns": []}
    expected = "expected the name of a row, got 'truk'; did you mean 'trunk'?"
    assert refusal(tmp_path, tables=[table]) == f"Table 1: {expected}"
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
    table = {**content()["tables"][0], "published": {"soidn": [92, 98]}}
    expected = "Table 1: published: soidn: expected 1 figures, one for each column, got 2"
    assert refusal(tmp_path, tables=[table]) == expected


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


def test_a_declaration_of_some_rows_has_what_is_whole_without_the_others() -> None:
    whole = small_declaration()
    some = whole.only({"baseline"})
    assert (list(some.rows), some.tables[0].rows, some.tables[0].published) == (["baseline"], ["baseline"], {})
    assert (some.comparisons, some.figures[0].rows, some.curves[0].rows) == ([], ["baseline"], ["baseline"])
    assert whole.only({"later"}).figures == []
    assert whole.only(whole.rows) == whole
