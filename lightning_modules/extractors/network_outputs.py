"""What of a network's outputs is the embedding, its quality or the occluder: by name, or by shape."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

Shapes = Mapping[str, tuple[int, ...]]
OCCLUDER_PROBABILITY = "occluder_probability"
"""Name of an output ``(B, H, W)`` in [0, 1]: the probability that a pixel shows an occluder."""
EMBEDDING, QUALITIES = "embedding", ("quality", "norm")
"""Names that settle what shapes leave open."""


class Roles(NamedTuple):
    """Names of outputs."""

    embedding: str | None
    """``(B, D)``."""
    quality: str | None
    """``(B,)`` or ``(B, 1)``, such as the embedding's norm before it was divided by it."""
    occluder: str | None
    """``(B, H, W)``."""


def named_outputs(output: Any) -> dict[str, Tensor]:
    """Return the tensors that a network has returned by name: of a tuple by number, of one tensor ``output``.

    Example:
        >>> import torch
        >>> {name: tuple(tensor.shape) for name, tensor in named_outputs((torch.zeros(2, 8), torch.zeros(2))).items()}
        {'0': (2, 8), '1': (2,)}
    """
    if isinstance(output, Tensor):
        return {"output": output}
    if isinstance(output, Sequence) and not isinstance(output, str):
        output = dict(zip(getattr(output, "_fields", range(len(output))), output, strict=True))
    if isinstance(output, Mapping):
        return {str(name): tensor for name, tensor in output.items() if isinstance(tensor, Tensor)}
    return {}


def roles(
    shapes: Shapes,
    images: tuple[int, ...],
    output: str | None = None,
    *,
    network: str = "the network",
    segments: bool = False,
) -> Roles:
    """Return which outputs are the embedding, its quality and the map of the occluder.

    Args:
        shapes: Of the outputs, by name.
        images: Shape of the images that they are of, B first.
        output: Name of the embedding; by default the only output ``(B, D)`` with D above 1, else the one that is called
            ``embedding``; a single output may have D of 1.
        network: What messages call it.
        segments: Whether it is known to segment by an output of another name, so that it need not embed.

    Raises:
        ValueError: If there is no embedding, nor a map of the occluder, or several could be it.

    Example:
        >>> roles({"fc1": (4, 128), "norm": (4, 1), "probabilities": (4, 2, 7, 7)}, (4, 3, 112, 112))
        Roles(embedding='fc1', quality='norm', occluder=None)
    """
    number = images[0]
    rows = [name for name, shape in shapes.items() if len(shape) == 2 and shape[0] == number]
    occluder = OCCLUDER_PROBABILITY if len(shapes.get(OCCLUDER_PROBABILITY, ())) == 3 else None
    embedding = _embedding(shapes, rows, output, network)
    if embedding is None and occluder is None and not segments:
        got = next(iter(shapes.values())) if len(shapes) == 1 else _listed(shapes)
        raise ValueError(f"Expected embeddings (B, D) of {network}, got {got} for images of shape {images}")
    single = [name for name, shape in shapes.items() if shape in ((number,), (number, 1)) and name != embedding]
    named = [name for name in single if name in QUALITIES]
    chosen = named if len(single) > 1 else single
    return Roles(embedding, chosen[0] if len(chosen) == 1 and embedding is not None else None, occluder)


def _embedding(shapes: Shapes, rows: list[str], output: str | None, network: str) -> str | None:
    if output is not None:
        if output not in rows:
            raise ValueError(f"Expected `output` (B, D) among those of {network}, {_listed(shapes)}, got {output!r}")
        return output
    wide = rows if len(shapes) == 1 else [name for name in rows if shapes[name][1] > 1]
    if len(wide) > 1 and EMBEDDING not in wide:
        said = _listed({name: shapes[name] for name in wide})
        raise ValueError(f"Expected `output` to name the embedding among those of {network}, {said}, got none")
    return EMBEDDING if EMBEDDING in wide else wide[0] if wide else None


def _listed(shapes: Shapes) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "no tensors"
