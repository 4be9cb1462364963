"""Which output of somebody's network segments faces, and how its numbers become the probability of an occluder."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from lightning_modules.networks.segmenter import resized


@dataclass(frozen=True)
class OccluderOutput:
    """An output ``(B, H, W)``, ``(B, 1, H, W)`` or, of C classes, ``(B, C, H, W)``; of any size, it is resized.

    Args:
        output: Its name, of a tuple its number; ``None`` is the only output of such a shape.
        channel: Of several classes, the one that is meant, counted from 0.
        marks_face: Whether that class is the visible face; what is none is an occluder then, the background too.
        logits: Whether its numbers are logits; else they are probabilities.

    Raises:
        ValueError: If ``channel`` is negative.
    """

    output: str | int | None = None
    channel: int = 1
    marks_face: bool = False
    logits: bool = True

    def __post_init__(self) -> None:
        if self.channel < 0:
            raise ValueError(f"Expected `channel` of at least 0, got {self.channel}")

    def probability(self, outputs: Mapping[str, Tensor], images: Tensor, network: str) -> Tensor:
        """Return the probability of an occluder, ``(B, H, W)`` float32.

        Args:
            outputs: Of the network, by name.
            images: ``(B, C, H, W)``.
            network: What messages call it.

        Raises:
            ValueError: If there is no such output, it has no such channel, or a probability is not in [0, 1].
        """
        values = outputs[self._name(outputs, len(images), network)].float()
        if values.ndim == 3:
            values = values[:, None]
        if values.shape[1] == 1:
            chosen = values.sigmoid() if self.logits else values
        else:
            if self.channel >= values.shape[1]:
                raise ValueError(
                    f"Expected `channel` below {values.shape[1]}, the classes of {network}, got {self.channel}"
                )
            classes = values.softmax(1) if self.logits else values
            chosen = classes[:, self.channel : self.channel + 1]
        if not bool(((chosen >= -1e-4) & (chosen <= 1 + 1e-4)).all()):
            raise ValueError(f"Expected probabilities of {network} in [0, 1], got others; are they `logits`?")
        found = resized(chosen, images)[:, 0].clamp(0, 1)
        return 1 - found if self.marks_face else found

    def _name(self, outputs: Mapping[str, Tensor], number: int, network: str) -> str:
        maps = [n for n, x in outputs.items() if x.ndim == 4 or (x.ndim == 3 and x.shape[0] == number)]
        wanted = maps if self.output is None else [name for name in maps if name == str(self.output)]
        if len(wanted) == 1:
            return wanted[0]
        said = "one" if self.output is None else f"one called {str(self.output)!r}"
        shapes = ", ".join(f"{name} {tuple(x.shape)}" for name, x in outputs.items()) or "no tensors"
        raise ValueError(f"Expected {said} among the maps (B, H, W) or (B, C, H, W) of {network}, got {shapes}")
