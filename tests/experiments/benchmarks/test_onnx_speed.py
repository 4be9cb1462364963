"""The benchmark of ONNX files compares the same images on both sides, in batches of the same size."""

import sys
from pathlib import Path

import onnxruntime
import pytest

from experiments.benchmarks.onnx_speed import Sides, both_sides, compare, main, with_open_batch
from experiments.cli import UserError
from lightning_modules.extractors import OnnxExtractor
from tests.helpers.onnx_files import write_means


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (2, 3, 8, 8), ("N", 3, 8, 8)])
def test_both_sides_see_the_same_batches(
    shape: tuple[int | str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extractor = OnnxExtractor(write_means(tmp_path / "net.onnx", shape))
    extractor.threads = 1
    run, seen = onnxruntime.InferenceSession.run, list[int]()

    def counting(self: onnxruntime.InferenceSession, names: object, feed: dict[str, list[object]]) -> object:
        seen.append(len(feed["data"]))
        return run(self, names, feed)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", counting)
    sides = both_sides(extractor, 4, extractor.batch_size or 2, threads=1)
    sides.extractor()
    ours = list(seen)
    seen.clear()
    sides.onnxruntime()
    assert ours == seen
    assert sum(seen) == 4


def test_each_repeat_is_a_pair_of_each_clock() -> None:
    calls: list[str] = []
    found = compare(Sides(lambda: calls.append("ours"), lambda: calls.append("theirs")), 2)
    assert calls == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert {clock: len(times) for clock, times in found.items()} == {"wall": 2, "processor": 2}


def test_a_fixed_batch_is_made_open(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    path = with_open_batch(write_means(tmp_path / "net.onnx", (1, 3, 8, 8)), tmp_path / "copy")
    assert (OnnxExtractor(path).batch_size, OnnxExtractor(str(tmp_path / "net.onnx")).batch_size) == (None, 1)


@pytest.mark.parametrize("options", [[], ["--open-batch"]])
def test_refuses_what_is_no_onnx_file_in_one_line(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.onnx").write_bytes(b"text")
    monkeypatch.setattr(sys, "argv", ["onnx_speed", f"--model={tmp_path}/net.onnx", *options])
    with pytest.raises(UserError, match=r"an ONNX file, got .*net\.onnx") as refused:
        main()
    assert "\n" not in str(refused.value)
