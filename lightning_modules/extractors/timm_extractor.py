"""Any timm model without its classifier."""

from pathlib import Path
from typing import Any

from torch import nn

from lightning_modules.extractors.extractor import Extractor
from lightning_modules.networks import Normalize, read_state_dict


class TimmExtractor(Extractor):
    """A timm model's pooled features.

    Image size, mean and standard deviation are what timm says that the model was trained with, unless given.

    Args:
        model_name: As in ``timm.list_models()``.
        weights: Local file of the model's weights, read without executing anything in it; its classifier is left out.
        pretrained: Download timm's weights; False never downloads.
        image_size: Side of the images in pixels.
        normalize: What turns raw RGB pixels into the model's input.
        options: Further arguments of ``timm.create_model``.
        settings: ``bgr`` and ``flip`` of :class:`Extractor`.

    Raises:
        ValueError: If timm has no such model, or the weights do not fit: the first mismatch is named.

    Example:
        >>> import torch
        >>> extractor = TimmExtractor("resnet10t", image_size=64)
        >>> extractor(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).shape
        torch.Size([2, 512])
    """

    def __init__(
        self,
        model_name: str,
        *,
        weights: str | None = None,
        pretrained: bool = False,
        image_size: int | None = None,
        normalize: Normalize | None = None,
        options: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        import timm  # noqa: PLC0415  takes seconds: pay only when used
        from timm.data.config import resolve_model_data_config  # noqa: PLC0415  as above

        if not timm.is_model(model_name):
            raise ValueError(f"Expected `model_name` in timm.list_models(), got {model_name!r}")
        network: nn.Module = timm.create_model(model_name, pretrained=pretrained, num_classes=0, **(options or {}))
        if weights is not None:
            _load(network, weights)
        trained: dict[str, Any] = resolve_model_data_config(network)  # type: ignore[no-untyped-call]  # timm's
        if normalize is None:
            mean, std = ([255 * value for value in trained[key]] for key in ("mean", "std"))
            normalize = Normalize(mean, std)
        super().__init__(network, image_size=image_size or trained["input_size"][-1], normalize=normalize, **settings)


def _load(network: nn.Module, path: str) -> None:
    given, wanted = read_state_dict(path), network.state_dict()
    for name, tensor in wanted.items():
        got = tuple(given[name].shape) if name in given else "no such weight"
        if got != tuple(tensor.shape):
            raise ValueError(f"Expected `{name}` of the model: {tuple(tensor.shape)}, got in {Path(path).name}: {got}")
    network.load_state_dict({name: given[name] for name in wanted})
