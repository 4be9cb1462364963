"""A module of this suite from its checkpoint and the configuration beside it."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser
from pytorch_lightning import LightningModule
from torch import Tensor

from datamodules.errors import DataError
from datamodules.yaml_file import read_yaml
from experiments.cli import UserError, check_checkpoint, parameters
from experiments.evaluation.described import instantiated
from lightning_modules.networks import read_state_dict
from lightning_modules.networks.foreign import foreign

NOT_LOADED = ("initial_weights", "segmenter_weights", "encoder_weights")
"""Settings that would read weights which the checkpoint replaces."""

ORDER = "normalize.order"
"""Is in checkpoints of networks that take blue first, and is taken from there as it is."""


class Trained(NamedTuple):
    """A trained module."""

    module: LightningModule
    image_size: int
    system: str
    alignment: str | None = None
    """Name of that of the faces it was trained on, where they had one."""
    architecture: Mapping[str, Any] = MappingProxyType({})
    """``class_path`` and ``init_args`` of its network."""
    source: Mapping[str, Any] = MappingProxyType({})
    """Those of the faces that it was trained on."""


def load_trained(checkpoint: str, config: str | None = None) -> Trained:
    """Build the module that a run has trained, with a checkpoint's weights.

    Args:
        checkpoint: File in the ``checkpoints`` folder of a run, or elsewhere.
        config: The run's ``config.yaml``; by default the one in the folder above the checkpoint's.

    Raises:
        UserError: If a file cannot be read, or the checkpoint is another model's: the first mismatch is named.
    """
    check_checkpoint(checkpoint)
    path = Path(config) if config is not None else Path(checkpoint).resolve().parent.parent / "config.yaml"
    saved, data, model = _described(path)
    state = read_state_dict(checkpoint)
    # a segmentation network has neither; they are linked in training, where others have them
    network, size = model["init_args"].get("network"), int(data["image_size"])
    if isinstance(network, dict) and "image_size" in parameters(str(network.get("class_path"))):
        network.setdefault("init_args", {})["image_size"] = size
    if "num_classes" in parameters(str(model["class_path"])):
        model["init_args"]["num_classes"] = _num_classes(state)
    architecture, source = deepcopy(_mapping(network)), _mapping(data.get("source"))
    module = _build(model, path)
    _load(module, state, checkpoint)
    return Trained(module.eval(), size, str(saved.get("system", "model")), _alignment(data), architecture, source)


def _mapping(node: Any) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}


def _described(path: Path) -> tuple[Mapping[str, Any], Mapping[str, Any], dict[str, Any]]:
    """Return a run's configuration, its data's settings, and its model without the weights that it began with."""
    try:
        saved = read_yaml(path)
    except DataError as error:
        raise UserError(f"Expected the configuration of the checkpoint's run, got {error}") from error
    try:
        with foreign("the configuration of the checkpoint's run", path):
            data = saved["data"]["init_args"]
            int(data["image_size"])
            return saved, data, {"init_args": {}, **_without_weights(saved["model"])}
    except ValueError as error:
        raise UserError(str(error)) from error


def _alignment(data: Mapping[str, Any]) -> str | None:
    landmarks = data.get("landmarks")
    points = landmarks.get("init_args", {}).get("points") if isinstance(landmarks, dict) else None
    return points if isinstance(points, str) else None


def _num_classes(state: Mapping[str, Tensor]) -> int:
    """Return n of a linear classifier's bias ``(n,)`` or a margin head's directions ``(D, n)``; 2 without either."""
    last = (".bias", ".margin_loss.W")
    sizes = [t.shape[-1] for name, t in state.items() if name.startswith("classifier.") and name.endswith(last)]
    return sizes[0] if sizes else 2


def _without_weights(node: Any) -> Any:
    if isinstance(node, dict):
        own = {key: None if key in NOT_LOADED else _without_weights(value) for key, value in node.items()}
        return own | {key: False for key in ("pretrained", "continue_classifier") if key in node}
    return [_without_weights(value) for value in node] if isinstance(node, list) else node


def _build(model: dict[str, Any], path: Path) -> LightningModule:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(LightningModule, "model")
    module: LightningModule = instantiated(parser, {"model": model}, path).model
    return module


def _load(module: LightningModule, state: Mapping[str, Tensor], checkpoint: str) -> None:
    wanted = module.state_dict()
    for name in [*wanted, *state]:
        if name == ORDER:
            continue
        shapes = [str(tuple(d[name].shape)) if name in d else "no such weight" for d in (wanted, state)]
        if shapes[0] != shapes[1]:
            raise UserError(f"Expected `{name}` of the model: {shapes[0]}, got in {checkpoint}: {shapes[1]}")
    module.load_state_dict(dict(state))
