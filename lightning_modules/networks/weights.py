"""Initial weights of a network: from a local file, or ImageNet's."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from lightning_modules.networks.checkpoint_file import read_state_dict
from lightning_modules.networks.copy_weights import copy_matching_weights
from lightning_modules.networks.fitting_weights import fitting_weights
from lightning_modules.networks.head import VGG16Head
from lightning_modules.networks.iresnet_depth import check_iresnet
from lightning_modules.networks.iresnet_head import IResNetHead
from lightning_modules.networks.iresnet_weights import iresnet_weights
from lightning_modules.networks.weight_formats import to_network_names


def load_trunk_weights(network: nn.Module, path: str | Path, *, head: bool = True) -> str:
    """Load a trunk's weights, and the head's where the file has some that belong to it.

    A segmenter's VGG16 encoder gets the trunk's weights too, unshared, as in SOIDN. Nothing is written unless
    everything fits.

    Args:
        network: A :class:`FaceNet`, :class:`SOIDN` or :class:`FCN8s`.
        path: File in one of the formats of :func:`to_network_names`.
        head: Load the head's weights; False leaves it as it is.

    Returns:
        One line that says what was loaded.

    Raises:
        ValueError: If the file cannot be read or understood, or does not fit: the first mismatch is named with both
            shapes.

    Example:
        >>> import tempfile, torch
        >>> from functools import partial
        >>> from lightning_modules.networks import FaceNet, PooledHead, VGG16Trunk
        >>> net = FaceNet(VGG16Trunk(width=0.125), PooledHead, image_size=32)
        >>> checkpoint = {f"network.{name}": t for name, t in net.state_dict().items()}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({"state_dict": checkpoint}, f"{folder}/last.ckpt")
        ...     load_trunk_weights(net, f"{folder}/last.ckpt")
        'checkpoint weights from last.ckpt: trunk (26 tensors), head (6 tensors)'
    """
    kind, state = to_network_names(read_state_dict(path))
    misnamed = check_iresnet(_trunk(network), state, path)
    return f"{kind} weights from {Path(path).name}{misnamed}: {_load(network, state, kind, str(path), head=head)}"


def load_network_weights(network: nn.Module, path: str | Path) -> str:
    """Load a whole network from a checkpoint of this suite, and refuse one that differs anywhere; or an IResNet.

    Args:
        network: Any network.
        path: Checkpoint with ``network.…``; a classifier beside it is left out. Or an IResNet's weights of others.

    Returns:
        One line that says what was loaded.

    Raises:
        ValueError: If the file cannot be read, is no checkpoint of this suite, or does not fit: the first mismatch is
            named with both shapes.

    Example:
        >>> import tempfile, torch
        >>> net = nn.Linear(2, 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({f"network.{name}": t for name, t in net.state_dict().items()}, f"{folder}/a.ckpt")
        ...     load_network_weights(net, f"{folder}/a.ckpt")
        'checkpoint weights from a.ckpt: network (2 tensors)'
    """
    state = read_state_dict(path)
    if not any(name.startswith("network.") for name in state):
        if iresnet_weights(state) is not None:
            return load_trunk_weights(network, path)
        raise ValueError(f"Expected a checkpoint of this suite, with `network.…`, got {next(iter(state))!r} in {path}")
    tensors = fitting_weights("network", network, state, str(path))
    network.load_state_dict(tensors, strict=False)  # `fitting_weights` was stricter
    return f"checkpoint weights from {Path(path).name}: network ({len(tensors)} tensors)"


def imagenet_trunk_weights(network: nn.Module) -> str:
    """Download torchvision's ImageNet weights into a full-width VGG16 trunk, and into a VGG16 encoder beside it.

    Images must be normalised by ``IMAGENET_MEAN`` and ``IMAGENET_STD``. A :class:`TimmTrunk` has its own setting,
    ``pretrained``.

    Args:
        network: A :class:`FaceNet`, :class:`SOIDN` or :class:`FCN8s`.

    Returns:
        One line that says what was loaded.

    Raises:
        ValueError: If the trunk is not a full-width VGG16.
        RuntimeError: If the download fails.

    Example:
        >>> imagenet_trunk_weights(nn.Linear(2, 2))
        Traceback (most recent call last):
        ValueError: Expected a network with a `trunk` or an `encoder`, got Linear
    """
    from torchvision.models import VGG16_BN_Weights, VGG16_Weights  # noqa: PLC0415  heavy: pay only when used

    batch_norm = any(isinstance(module, nn.BatchNorm2d) for module in _trunk(network).modules())
    weights = VGG16_BN_Weights.IMAGENET1K_V1 if batch_norm else VGG16_Weights.IMAGENET1K_V1
    try:
        downloaded = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise RuntimeError(f"Expected to download {weights.url}, got {type(error).__name__}: {error}") from error
    kind, state = to_network_names(dict(downloaded))
    return f"ImageNet weights from torchvision: {_load(network, state, kind, str(weights.url), head=False)}"


def _load(network: nn.Module, state: dict[str, Tensor], kind: str, where: str, *, head: bool) -> str:
    parts = {"trunk": _trunk(network)}
    target = getattr(network, "head", None)
    has_head = any(name.startswith("head.") for name in state)
    if head and has_head and isinstance(target, nn.Module) and (kind == "checkpoint" or _is_its_own(target, state)):
        parts["head"] = target
    loads = [(name, module, fitting_weights(name, module, state, where)) for name, module in parts.items()]
    for _, module, tensors in loads:
        module.load_state_dict(tensors, strict=False)  # `fitting_weights` was stricter
    said = [f"{name} ({len(tensors)} tensors)" for name, _, tensors in loads]
    return ", ".join(said + _initialise_encoder(network))


def _is_its_own(head: nn.Module, state: Mapping[str, Tensor]) -> bool:
    """Whether a foreign file's head is of the same kind: its layers belong to no other."""
    return isinstance(head, VGG16Head if "head.fc6.weight" in state else IResNetHead)


def _trunk(network: nn.Module) -> nn.Module:
    trunk = getattr(network, "trunk", getattr(network, "encoder", None))
    if not isinstance(trunk, nn.Module):
        raise ValueError(f"Expected a network with a `trunk` or an `encoder`, got {type(network).__name__}")
    return trunk


def _initialise_encoder(network: nn.Module) -> list[str]:
    encoder = getattr(getattr(network, "segmenter", None), "encoder", None)
    if not isinstance(encoder, nn.Module):
        return []
    try:
        return [f"segmenter encoder ({copy_matching_weights(_trunk(network), encoder)} tensors)"]
    except ValueError:  # another architecture than the trunk's
        return []
