"""Weights files as people have them: found where programs put them, or refused in a line that says what came."""

import argparse
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lightning_modules.networks import read_state_dict

WEIGHTS = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}
WRAPPED = {f"module.{name}": tensor for name, tensor in WEIGHTS.items()}
COMPILED = {f"_orig_mod.{name}": tensor for name, tensor in WRAPPED.items()}


def assert_same(state: dict[str, Tensor]) -> None:
    assert state.keys() == WEIGHTS.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in WEIGHTS.items())


@pytest.mark.parametrize(
    "content",
    [
        {"epoch": torch.tensor(3), "model": WEIGHTS},
        {"net": WRAPPED},
        {"model": {"state_dict": WEIGHTS}},
        {"epoch": 3, "state_dict_backbone": WRAPPED, "state_dict_softmax_fc": {"weight": torch.zeros(1)}},
        {"optimizer": {"state": {}}, "model_state_dict": WEIGHTS, "best": 0.5},
        WRAPPED,
        COMPILED,
        dict([(0, torch.zeros(1)), *WEIGHTS.items()]),
    ],
)
def test_a_state_dict_is_found_where_training_programs_put_it(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    assert_same(read_state_dict(tmp_path / "a.pth"))


def test_safetensors_are_known_by_their_content(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "a.pth")
    assert_same(read_state_dict(tmp_path / "a.pth"))


def saved(content: Any, **settings: Any) -> Callable[[Path], None]:
    return lambda path: torch.save(content, path, **settings)


def truncated(write: Callable[[Path], Any], share: float) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        write(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    return cut


def scripted(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated since torch 2.9
        torch.jit.save(torch.jit.script(nn.Identity()), str(path))


def written(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


BEST = {"best": np.float64(0.5), "state_dict": WEIGHTS}
ALONE = r"save its state dict alone where it was made: torch\.save\(network\.state_dict\(\), path\)$"


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (saved(BEST), rf"holds more than tensors \(numpy\._core\.multiarray\.scalar, numpy\.dtype\).*{ALONE}"),
        (
            saved(BEST, _use_new_zipfile_serialization=False),
            rf"more than tensors \(numpy\._core\.multiarray\.scalar\).*{ALONE}",
        ),
        (saved({"args": argparse.Namespace(lr=1), **WEIGHTS}), r"more than tensors \(argparse\.Namespace\)"),
        (saved(nn.Linear(2, 3)), rf"more than tensors \(torch\.nn\.modules\.linear\.Linear\).*{ALONE}"),
        (saved([WEIGHTS["bias"]]), "named tensors in .*, got list without any"),
        (saved({}), "named tensors in .*, got dict without any"),
        (saved({0: WEIGHTS["bias"]}), "named tensors in .*, got dict of 0 without any"),
        (saved({"generator": WEIGHTS, "critic": WEIGHTS}), "got dict of generator, critic without any"),
        (saved(WEIGHTS["bias"]), "named tensors in .*, got Tensor without any"),
        (truncated(saved(WEIGHTS), 0.5), "damaged or incomplete"),
        (truncated(saved(WEIGHTS, _use_new_zipfile_serialization=False), 0.5), r"not of torch\.save or safetensors"),
        (truncated(lambda path: save_file(WEIGHTS, path), 0.9), "damaged or incomplete: SafetensorError"),
        (truncated(lambda path: save_file(WEIGHTS, path), 0.2), "damaged or incomplete: SafetensorError"),
        (written(b""), "an empty file"),
        (written(b"\n<!DOCTYPE html><html>"), "a web page"),
        (written(b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\n"), "a Git LFS pointer"),
        (written(pickle.dumps({"a": 1}, protocol=4)), r"not of torch\.save or safetensors"),
        (scripted, "a TorchScript program: .*TorchScriptExtractor"),
        (Path.mkdir, "a folder"),
    ],
)
def test_what_is_no_weights_file_is_said_in_one_line(
    write: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    write(tmp_path / "a.pth")
    with pytest.raises(ValueError, match=message) as refused:
        read_state_dict(tmp_path / "a.pth")
    assert "\n" not in str(refused.value)
    assert "weights_only" not in str(refused.value)
    assert str(tmp_path / "a.pth") in str(refused.value)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (written(b"<html>"), "a web page"),
        (written(b"version https://git-lfs"), "a Git LFS pointer"),
        (saved(WEIGHTS), "damaged or incomplete: SafetensorError"),
    ],
)
def test_a_file_that_is_called_safetensors_and_is_none(
    write: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    write(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=message):
        read_state_dict(tmp_path / "a.safetensors")
