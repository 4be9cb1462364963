"""What is printed of a table is all of it."""

import pytest
from rich.box import SIMPLE_HEAD
from rich.table import Table

from experiments.cli.shown_table import show_table

NUMBERS = [f"{number}.{number}{number}" for number in range(10, 34)]


@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize("width", [40, 80, 400])
def test_no_figure_is_cut_off_however_narrow_the_terminal(
    width: int, collapse: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table("condition", *(["a model"] * len(NUMBERS)), box=SIMPLE_HEAD, collapse_padding=collapse)
    table.add_row("sunglasses and scarf", *NUMBERS)
    show_table(table, width=width)
    text = capsys.readouterr().out
    assert all(text.split().count(number) == 1 for number in NUMBERS)
    assert "…" not in text


def test_where_there_is_room_words_wrap_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("condition", "what is said of it", box=SIMPLE_HEAD)
    table.add_row("sunglasses", "it is worn by " + "very " * 30 + "many")
    show_table(table, width=60)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60
