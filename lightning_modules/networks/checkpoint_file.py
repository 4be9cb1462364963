"""Reading tensors from a file without running what it contains."""

import pickle  # its error, not its reader
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_modules.networks.foreign import mistaken_for, reason

CONTAINERS = ("state_dict", "model_state_dict", "state_dict_backbone", "model", "network", "net", "weights", "params")
"""Where training programs keep a state dict within a larger checkpoint, the likeliest first."""
WRAPPERS = ("module.", "_orig_mod.")
"""What ``DataParallel`` and ``torch.compile`` put before every name."""

SHARDS = "class_parallel_shards"
"""Of a checkpoint's: where beside it the weights are that processes have shared out."""
LIGHTNING = ("pytorch_lightning.", "lightning.pytorch.", "lightning_fabric.")
"""Objects of these are in older checkpoints of Lightning, as names of callbacks: they are read as empty ones."""


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read the named tensors of a safetensors file, a saved state dict or a checkpoint, with the shards beside that.

    Pickled files are read with ``weights_only=True``: tensors and plain values, never code. Objects of Lightning, which
    its older checkpoints have, become empty ones.

    Args:
        path: File to read, onto the CPU.

    Returns:
        Name to tensor; of a checkpoint, the tensors under the first of ``CONTAINERS`` that has some. What
        ``DataParallel`` and ``torch.compile`` put before all names is taken off.

    Raises:
        ValueError: If the file is missing, unreadable or holds no named tensors: one line says what it is, or holds.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({"state_dict": {"module.bias": torch.zeros(2)}}, f"{folder}/last.ckpt")
        ...     read_state_dict(f"{folder}/last.ckpt")
        {'bias': tensor([0., 0.])}
    """
    path = Path(path)
    check_is_there(path)
    try:
        what = mistaken_for(path)
        content = _read(path) if what is None else None
    except Exception as error:  # torch, pickle, zip and safetensors each have errors of their own
        what = _unreadable(path, error)
    if what is not None:
        raise ValueError(f"Expected a readable weights file, got {path}: {what}")
    if isinstance(content, dict) and SHARDS in content:
        from lightning_modules.networks.class_parallel import put_together  # noqa: PLC0415  half a second

        put_together(content, path.parent, part="state_dict")
    tensors = _named_tensors(content)
    if not tensors:
        raise ValueError(f"Expected named tensors in {path}, got {_described(content)} without any")
    return tensors


def check_is_there(path: Path) -> None:
    """Refuse a path where nothing is.

    Raises:
        ValueError: If it is one.
    """
    if not path.exists():
        raise ValueError(f"Expected a weights file at {path}, got no such file")


def _read(path: Path) -> Any:
    if _is_safetensors(path):
        from safetensors.torch import load_file  # noqa: PLC0415  comes with timm, needed for this format only

        return load_file(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        names = _other_objects(path)
        if not names or not all(name.startswith(LIGHTNING) for name in names):
            raise
    with torch.serialization.safe_globals([(_stand_in(name), name) for name in names]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _stand_in(name: str) -> type:
    """Return a class that takes whatever it is given and does nothing with it."""
    nothing = {"__init__": lambda self, *_: None, "__setstate__": lambda self, _: None}
    return type(name.rpartition(".")[2], (), nothing)


def _is_safetensors(path: Path) -> bool:
    """Whether a file is one by its name, or begins as one does: the length of a JSON header, and the header."""
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _unreadable(path: Path, error: Exception) -> str:
    """Return what a file is that could not be read, or what it holds besides tensors."""
    if isinstance(error, OSError):
        return error.strerror or reason(error)
    if _is_safetensors(path):
        return f"damaged or incomplete: {reason(error)}"
    if "TorchScript" in str(error):
        return "a TorchScript program: lightning_modules.extractors.TorchScriptExtractor runs it"
    if others := _other_objects(path) or re.findall(r"GLOBAL ([\w.]+\.\w+)", str(error)):  # of torch's older format
        return (
            f"it holds more than tensors ({', '.join(others)}), and reading that could run code; save its state dict "
            "alone where it was made: torch.save(network.state_dict(), path)"
        )
    with path.open("rb") as file:
        begins = file.read(4)
    if begins == b"PK\x03\x04":
        return "damaged or incomplete: an archive of torch.save that does not end as one"
    return f"not of torch.save or safetensors ({type(error).__name__})"


def _other_objects(path: Path) -> list[str]:
    """Return the types and functions in a pickle that are no tensors or plain values, by name; none of other files."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except Exception:  # as above; the file's first error is the one that counts
        return []


def _named_tensors(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        return {}
    for key in CONTAINERS:
        if found := _named_tensors(content.get(key)):
            return found
    tensors = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}
    while tensors and (around := [w for w in WRAPPERS if all(name.startswith(w) for name in tensors)]):
        tensors = {name.removeprefix(around[0]): tensor for name, tensor in tensors.items()}
    return tensors


def _described(content: Any) -> str:
    kind = type(content).__name__
    keys = [str(key) for key in content] if isinstance(content, Mapping) else []
    return f"{kind} of {', '.join(keys[:5])}{', …' if len(keys) > 5 else ''}" if keys else kind
