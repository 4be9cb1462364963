"""Tensors beside an ONNX file are part of it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lightning_modules.extractors.external_data import external_data
from tests.helpers.onnx_files import write_means


def test_files_that_hold_tensors_are_found_where_they_are_there(tmp_path: Path) -> None:
    weights = [numpy_helper.from_array(np.ones(4, np.float32), name) for name in ("w", "v", "lost")]
    places = dict(zip(("w", "v", "lost"), ("w" * 150, "other", "lost"), strict=True))
    for tensor in weights:
        onnx.external_data_helper.set_external_data(tensor, places[tensor.name])
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node("Sum", ["x", "w", "v", "lost"], ["y"])], "sum", info[:1], info[1:], weights
    )
    for tensor in graph.initializer:
        tensor.ClearField("raw_data")
    (tmp_path / "net.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    for name in ("w" * 150, "other", "no part of it"):
        (tmp_path / name).write_bytes(b"one")
    assert list(external_data(tmp_path / "net.onnx")) == [tmp_path / "other", tmp_path / ("w" * 150)]


def test_a_file_may_hold_all_of_its_tensors(tmp_path: Path) -> None:
    assert list(external_data(Path(write_means(tmp_path / "net.onnx")))) == []


def test_refuses_what_is_no_onnx_file(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"text")
    with pytest.raises(ValueError, match=r"Expected an ONNX file, got .*net\.onnx: DecodeError"):
        list(external_data(tmp_path / "net.onnx"))
