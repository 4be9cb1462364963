"""What an embedding depends on besides the pixels: weights, structure, settings, code, precision, versions."""

import functools
import hashlib
import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor, nn

from datamodules.dataset import load_face
from lightning_modules.finite_module import FiniteModule

LIBRARIES = ("torch", "torchvision", "timm", "segmentation-models-pytorch", "onnxruntime", "onnxruntime-gpu", "numpy")
"""Libraries whose versions may change what a network computes."""
IMAGE_LIBRARIES = ("opencv-python-headless", "opencv-python")
"""Resizes images; what it decodes is among the pixels."""
NOT_COUNTED = frozenset({"optimizer", "lr_schedule", "origin", "threads"})
"""Attributes of this suite's modules that change no embedding; some are the parser's, some vary by machine.

A class names further ones of its own as ``not_counted``.
"""
Parts = tuple[str, Iterable[Any]]
PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.memory_format, Path)


def module_key(module: LightningModule, image_size: int) -> str:
    """Return twelve hexadecimal digits that stand for a module and the size of its images.

    Counted are the class of every part, the file that defines it, all parameters and buffers, and all attributes that a
    class keeps for itself, whether or not they show in its ``repr``: pooling, temperature, position of a mask, settings
    of preprocessing. What is counted wrongly costs an embedding that is computed again; what is not counted is a
    function in another file that the module calls, unless it is an attribute.

    Args:
        module: What embeds, as it was built: before it has run.
        image_size: Side of its images in pixels.
    """
    hashed = hashlib.sha256()
    for part in _module(module, set()):
        hashed.update(part)
        hashed.update(b"\0")
    versions = [f"{name} {_version(name)}" for name in (*LIBRARIES, *IMAGE_LIBRARIES)]
    hashed.update(repr((image_size, versions, inspect.getsource(load_face))).encode())
    return hashed.hexdigest()[:12]


def arithmetic(trainer: Trainer) -> str:
    """Return how a trainer computes, in words that differ where results do: device, precision, and TF32 on a GPU.

    Batch size and number of processes and threads are left out: they change results by rounding alone.
    """
    device = trainer.strategy.root_device
    if device.type != "cuda":
        return f"{device.type}, {trainer.precision}"
    tf32 = f"{torch.get_float32_matmul_precision()}, cudnn TF32 {torch.backends.cudnn.allow_tf32}"
    return f"{torch.cuda.get_device_name(device)}, {trainer.precision}, {tf32}"


def _module(module: nn.Module, seen: set[int]) -> Iterator[bytes]:
    """Yield what a module consists of, in an order that depends on it alone."""
    for name, part in module.named_modules():
        if isinstance(part, LightningModule):
            part.hparams  # noqa: B018  Lightning makes them when they are first asked for: a trainer does
        yield f"{name}: {_name(type(part))}".encode()
        yield from (_source(kind) for kind in type(part).__mro__ if kind not in _BASES)
        left_out = _LEFT_OUT | getattr(type(part), "not_counted", frozenset())
        own = {key: value for key, value in vars(part).items() if key in _HOOKS or key not in left_out}
        yield from _described(own, seen | {id(part)})
        tensors = [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]
        for key, tensor in tensors:
            yield key.encode()
            yield from _tensor(tensor)


def _described(value: Any, seen: set[int]) -> Iterator[bytes]:
    """Yield bytes for a value that are the same in every process; of an unknown object its class and attributes."""
    if isinstance(value, Tensor):
        yield from _tensor(value)
    elif isinstance(value, nn.Module) and id(value) not in seen:
        yield from _module(value, seen | {id(value)})
    elif id(value) in seen and not isinstance(value, PLAIN):
        yield b"again"
    else:
        take_apart = next((how for kinds, how in KINDS if isinstance(value, kinds)), _object)
        said, inside = take_apart(value)
        yield f"{_name(type(value))} {said}".encode()
        for one in inside:
            yield from _described(one, seen | {id(value)})


def _object(value: Any) -> Parts:
    """Take an object apart into its class's file and its attributes, in slots or not; of one without any its words."""
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    own = {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(value, "__dict__", {})
    said = repr(value)
    return f"{'' if own or ' at 0x' in said else said} {_source(type(value)).hex()}", [own]


def _function(function: types.FunctionType) -> Parts:
    """Take a function apart into its file, its code, what it is closed over and plain values of its module."""
    around = inspect.getclosurevars(function)
    read = {name: value for name, value in around.globals.items() if isinstance(value, (*PLAIN, tuple))}
    said = f"{function.__module__}.{function.__qualname__} {_source(function).hex()}"
    return said, [function.__code__, function.__defaults__, function.__kwdefaults__, around.nonlocals, read]


def _code(code: types.CodeType) -> Parts:
    return f"{code.co_code.hex()} {code.co_names}", code.co_consts


def _array(value: Any) -> Parts:
    return f"{value.dtype} {value.shape} {np.ascontiguousarray(value).tobytes().hex()}", ()


KINDS: tuple[tuple[Any, Callable[[Any], Parts]], ...] = (
    (Enum, lambda value: (value.name, ())),
    (PLAIN, lambda value: (repr(value), ())),
    (type, lambda value: (f"{_name(value)} {_source(value).hex()}", ())),
    (types.CodeType, _code),
    ((np.ndarray, np.generic), _array),
    (Mapping, lambda value: (str(len(value)), [item for key in sorted(value, key=repr) for item in (key, value[key])])),
    (Set, lambda value: (str(len(value)), sorted(value, key=repr))),
    ((list, tuple), lambda value: (str(len(value)), value)),
    (functools.partial, lambda value: ("", [value.func, value.args, value.keywords])),
    (types.MethodType, lambda value: ("", [value.__func__, value.__self__])),
    (types.FunctionType, _function),
)
"""How values are taken apart: into what is said of them, and what is in them; the first that fits."""


def _tensor(tensor: Tensor) -> Iterator[bytes]:
    values = tensor.detach().cpu().contiguous()
    yield f"{values.dtype} {tuple(values.shape)}".encode()
    yield values.flatten().view(torch.uint8).numpy().tobytes()


def _source(defined: Any) -> bytes:
    """Return a digest of the file that defines a class or a function; nothing where there is none."""
    try:
        path = inspect.getsourcefile(defined)
    except TypeError:  # built in, or defined in a console
        return b""
    return _file_digest(path) if path else b""


@functools.cache
def _file_digest(path: str) -> bytes:
    try:
        return hashlib.sha256(Path(path).read_bytes()).digest()
    except OSError:
        return b""


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"


_BASES = frozenset([*LightningModule.__mro__, *nn.Module.__mro__])
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_LEFT_OUT = frozenset([*vars(nn.Module()), *vars(FiniteModule()), *NOT_COUNTED])
