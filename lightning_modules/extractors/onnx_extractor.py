"""Any model that somebody has saved as ONNX."""

from typing import Any

import torch

from lightning_modules.extractors.declared_pixels import CHANNEL_ORDER, RGB, declared_normalize
from lightning_modules.extractors.extractor import Extractor
from lightning_modules.extractors.onnx_network import OnnxNetwork
from lightning_modules.networks import Normalize


class OnnxExtractor(Extractor):
    """An ONNX file, run by onnxruntime.

    What the file fixes need not be given: the size of its images, ``image_size``, and their number, ``batch_size``; a
    file that this suite has exported declares its pixels as well. On a processor as many parts of a batch are in the
    network at once as torch has threads.

    Args:
        path: The file; its one input are images ``(B, C, H, W)`` or ``(B, H, W, C)``.
        image_size: Side of the images in pixels.
        batch_size: How many images it takes at once, neither more nor fewer; by default any number.
        normalize: What turns raw RGB pixels into its input; grey by default where the file fixes one channel.
        bgr: Whether it takes blue first.
        open_size: Side of the images where the file leaves it open and ``image_size`` is not given.
        channels_last: Whether its images are ``(B, H, W, C)``; by default what the shape of its input says.
        providers: What computes, by onnxruntime's names, the first choice first; by default what is installed, without
            TensorRT.
        settings: Further ones of :class:`Extractor`.

    Raises:
        ValueError: If the file cannot be read, its input or output is another, a provider is none, or a setting differs
            from what the file fixes or declares.
    """

    network: OnnxNetwork

    def __init__(
        self,
        path: str,
        *,
        image_size: int | None = None,
        batch_size: int | None = None,
        normalize: Normalize | None = None,
        bgr: bool = False,
        open_size: int | None = None,
        channels_last: bool | None = None,
        providers: list[str] | None = None,
        **settings: Any,
    ) -> None:
        network = OnnxNetwork(path, providers=providers, channels_last=channels_last)
        taken, declared = network.input, network.declared
        batch_size = _fixed("batch_size", batch_size, taken.images, path)
        size = _fixed("image_size", image_size, taken.side, path) or open_size
        if size is None:
            raise ValueError(f"Expected `image_size`, which {path} leaves open, got none")
        normalize = declared_normalize(declared, normalize, path)
        if normalize is None and taken.channels == 1:
            normalize = Normalize([127.5], [127.5], grey=True)
        if bgr and declared.get(CHANNEL_ORDER) == RGB:
            raise ValueError(f"Expected `bgr` of false, as {path} declares {RGB}, got true")
        super().__init__(network, image_size=size, batch_size=batch_size, normalize=normalize, bgr=bgr, **settings)
        given = 1 if self.normalize.grey else 3
        if taken.channels not in (given, None):
            raise ValueError(f"Expected images of {taken.channels} channel(s) for {path}, got {given} from `normalize`")
        self.threads = torch.get_num_threads() if network.on_processor else 1
        self._try()

    def describe(self) -> str:
        """Return preprocessing, what the file fixes and what computes, in words."""
        batch = "any batch" if self.batch_size is None else f"batches of {self.batch_size}"
        return f"{self.preprocessing()}; {batch}; {', '.join(self.network.providers)}"

    def _try(self) -> None:
        """Run two blank images, or as many as the file fixes: what is wrong shows now."""
        sides = (self.image_size, self.image_size)
        self._run(torch.zeros(self.batch_size or 2, 1 if self.normalize.grey else 3, *sides))


def _fixed(name: str, given: int | None, fixed: int | None, path: str) -> int | None:
    """Return a setting, or what a file fixes it to.

    Raises:
        ValueError: If both are there and differ.
    """
    if fixed is not None and given not in (None, fixed):
        raise ValueError(f"Expected `{name}` of {fixed}, as {path} fixes it, got {given}")
    return given if fixed is None else fixed
