"""Any timm model without its classifier."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lightning_modules.extractors.extractor import Extractor
from lightning_modules.networks import Normalize, read_state_dict
from lightning_modules.networks.dry_run import evaluating
from lightning_modules.networks.foreign import foreign


class TimmExtractor(Extractor):
    """A timm model's pooled features.

    Image size, mean and standard deviation are what timm says that the model was trained with, unless given. A
    transformer takes images of another size, if timm can interpolate its position embedding; ``options: {img_size: …}``
    is for weights that were trained at that size.

    Args:
        model_name: As in ``timm.list_models()``.
        weights: Local file of the model's weights, read without executing anything in it; its classifier is left out.
        pretrained: Download timm's weights; False never downloads.
        image_size: Side of the images in pixels.
        normalize: What turns raw RGB pixels into the model's input.
        options: Further arguments of ``timm.create_model``.
        settings: ``bgr``, ``flip`` and ``batch_size`` of :class:`Extractor`.

    Raises:
        ValueError: If timm has no such model, refuses an option or cannot change its size, or if the weights do not
            fit: the first mismatch is named.

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
        options = options or {}
        with foreign(f"timm's {model_name} with `options` {options}"):
            network: nn.Module = timm.create_model(model_name, pretrained=pretrained, num_classes=0, **options)
            trained: dict[str, Any] = resolve_model_data_config(network)  # type: ignore[no-untyped-call]  # timm's
        if weights is not None:
            _load(network, weights)
        if normalize is None:
            mean, std = ([255 * value for value in trained[key]] for key in ("mean", "std"))
            normalize = Normalize(mean, std)
        own = _side(options["img_size"]) if "img_size" in options else trained["input_size"][-1]
        size = own if image_size is None else image_size
        if size != own and _has_one_size(network, options):
            with foreign(f"`image_size` that {model_name}, which was built for {own}, can take", size):
                _resize(network, size, options.get("in_chans", 3))
        super().__init__(network, image_size=size, normalize=normalize, **settings)


def _has_one_size(network: Any, options: dict[str, Any]) -> bool:
    """Whether timm says that a model takes images of one size alone."""
    return bool(network.pretrained_cfg.get("fixed_input_size")) and not options.get("dynamic_img_size")


def _resize(network: Any, size: int, channels: int) -> None:
    """Change a model's size where timm can, and try it: some take any."""
    with warnings.catch_warnings(), evaluating(network):
        warnings.simplefilter("ignore")  # torch's, of how timm interpolates
        if hasattr(network, "set_input_size"):
            network.set_input_size(img_size=(size, size))
        network(torch.zeros(1, channels, size, size))


def _side(size: Any) -> int:
    return int(size if isinstance(size, int) else size[-1])


def _load(network: nn.Module, path: str) -> None:
    given, wanted = read_state_dict(path), network.state_dict()
    prefix = _prefix(given, next(iter(wanted)))
    for name, tensor in wanted.items():
        found = given.get(prefix + name)
        got = "no such weight" if found is None else tuple(found.shape)
        if got != tuple(tensor.shape):
            raise ValueError(
                f"Expected `{prefix}{name}` of the model: {tuple(tensor.shape)}, got in {Path(path).name}: {got}"
            )
    network.load_state_dict({name: given[prefix + name] for name in wanted})


def _prefix(given: dict[str, Any], first: str) -> str:
    """Return what a file puts before the model's names, such as ``backbone.`` of a larger one; nothing if unclear."""
    prefixes = {name.removesuffix(first) for name in given if name == first or name.endswith(f".{first}")}
    return prefixes.pop() if len(prefixes) == 1 else ""
