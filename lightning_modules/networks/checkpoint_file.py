"""Reading tensors from a file without running what it contains."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read the named tensors of a ``.safetensors`` file, a saved state dict or a Lightning checkpoint.

    Pickled files are read with ``weights_only=True``: tensors and plain values, never code.

    Args:
        path: File to read, onto the CPU.

    Returns:
        Name to tensor; of a checkpoint, the tensors under ``state_dict``.

    Raises:
        ValueError: If the file is missing, unreadable or holds no named tensors.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({"state_dict": {"bias": torch.zeros(2)}}, f"{folder}/last.ckpt")
        ...     read_state_dict(f"{folder}/last.ckpt")
        {'bias': tensor([0., 0.])}
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"Expected a weights file at {path}, got no such file")
    try:
        content = _read(path)
    except Exception as error:  # torch, pickle, zip and safetensors each have errors of their own
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"Expected a readable weights file, got {path}: {type(error).__name__}: {reason}") from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    tensors = {k: v for k, v in state.items() if isinstance(v, Tensor)} if isinstance(state, dict) else {}
    if not tensors:
        raise ValueError(f"Expected named tensors in {path}, got {type(content).__name__} without any")
    return tensors


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file  # noqa: PLC0415  comes with timm, needed for this format only

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)
