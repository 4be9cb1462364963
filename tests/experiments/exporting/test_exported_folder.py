"""An exported folder is whole or as it was, and takes nothing else's place."""

from pathlib import Path

import pytest
import yaml

from experiments.cli import UserError
from experiments.exporting import check_place, whole_folder
from experiments.exporting.exported_folder import exported_onnx, sha256


def write_model(folder: Path, content: bytes) -> None:
    (folder / "model.onnx").write_bytes(content)
    description = {"exported_model": 1, "sha256": {"model.onnx": sha256(folder / "model.onnx")}}
    (folder / "model.yaml").write_text(yaml.safe_dump(description))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An exported folder, within one that is new too."""
    out = tmp_path / "new/net"
    with whole_folder(out) as folder:
        write_model(folder, b"one")
    return out


def test_a_folder_is_there_when_all_of_it_is_and_takes_an_earlier_ones_place(out: Path) -> None:
    with whole_folder(out) as folder:
        (folder / "README.md").write_text("")
        write_model(folder, b"two")
        assert exported_onnx(out)[0].read_bytes() == b"one"
    assert (out / "model.onnx").read_bytes() == b"two"
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "model.onnx", "model.yaml"]
    assert [path.name for path in out.parent.iterdir()] == ["net"]
    assert oct(out.stat().st_mode)[-3:] == "755"


@pytest.mark.parametrize("error", [UserError("no"), KeyboardInterrupt()])
def test_what_fails_leaves_what_was_there(error: BaseException, out: Path) -> None:

    def fail() -> None:
        with whole_folder(out) as folder:
            write_model(folder, b"two")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert exported_onnx(out)[0].read_bytes() == b"one"
    assert [path.name for path in out.parent.iterdir()] == ["net"]


def test_an_earlier_folder_comes_back_where_the_new_one_cannot_be_put(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, moved = Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        moved.append(self.name)
        if self.suffix == ".tmp":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with (
        pytest.raises(UserError, match=r"can be written as --out, got .*net: .*No space left"),
        whole_folder(out) as folder,
    ):
        write_model(folder, b"two")
    assert moved[0] == "net"
    assert exported_onnx(out)[0].read_bytes() == b"one"
    assert [path.name for path in out.parent.iterdir()] == ["net"]


def test_an_empty_folder_is_a_place(tmp_path: Path) -> None:
    check_place(tmp_path)
    with whole_folder(tmp_path / "net") as folder:
        (tmp_path / "net").mkdir()
        write_model(folder, b"one")
    assert exported_onnx(tmp_path / "net")[0].name == "model.onnx"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"notes.txt": ""}, r"an exported model alone, got .*net with notes\.txt"),
        ({"model.onnx": ""}, r"a folder of an exported model, got .*model\.yaml: expected YAML, got No such file"),
        ({"model.yaml": "a: 1"}, r"exported_model: 1 in .*model\.yaml, got none"),
        ({"model.yaml": "- 1"}, r"exported_model: 1 in .*model\.yaml, got none"),
    ],
)
def test_refuses_a_place_where_something_else_is(files: dict[str, str], message: str, tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    for name, content in files.items():
        (tmp_path / "net" / name).write_text(content)
    with pytest.raises(UserError, match=message), whole_folder(tmp_path / "net"):
        raise AssertionError
    assert {path.name: path.read_text() for path in (tmp_path / "net").iterdir()} == files


def test_refuses_files_and_links(out: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(out)
    for name in ("file", "link"):
        with pytest.raises(UserError, match=f"a new folder as --out, got .*{name}, which is a {name}"):
            check_place(tmp_path / name)
    with (
        pytest.raises(UserError, match=r"can be written as --out, got .*below: .*"),
        whole_folder(tmp_path / "file/below"),
    ):
        raise AssertionError


def test_another_file_than_was_exported_is_refused(out: Path) -> None:
    (out / "model.onnx").write_bytes(b"other")
    with pytest.raises(
        UserError, match=r"model\.onnx in .*net as it was exported, by its SHA-256, got another or none"
    ):
        exported_onnx(out)
    (out / "model.yaml").write_text("exported_model: 1")
    with pytest.raises(UserError, match=r"sha256 of model\.onnx in .*model\.yaml, got none"):
        exported_onnx(out)
