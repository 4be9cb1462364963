"""Weights of a segmenter or a classifier alone, from a checkpoint of this suite."""

from pathlib import Path

from torch import nn

from lightning_modules.networks.checkpoint_file import read_state_dict
from lightning_modules.networks.fitting_weights import fitting_weights
from lightning_modules.networks.masked_network import MaskedNetwork
from lightning_modules.networks.weight_formats import segmenter_weights


def load_segmenter_weights(network: nn.Module, path: str | Path) -> str:
    """Load a segmenter trained beforehand, from a checkpoint of an OS network or of a SOIDN.

    Of a :class:`SharedSOIDN` it is the decoder, which an OS network has none of: from a checkpoint of its own kind.

    Args:
        network: A :class:`SOIDN` or :class:`SharedSOIDN`, or a segmenter itself.
        path: Checkpoint of this suite, with ``network.segmenter.…`` or the segmenter as ``network.…``; with
            ``network.decoder.…`` where the encoder is shared.

    Returns:
        One line that says what was loaded.

    Raises:
        ValueError: If the file cannot be read or understood, or does not fit.

    Example:
        >>> import tempfile, torch
        >>> from lightning_modules.networks import FCN8s
        >>> net = FCN8s(width=0.125)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({f"network.{name}": t for name, t in net.state_dict().items()}, f"{folder}/os.ckpt")
        ...     load_segmenter_weights(net, f"{folder}/os.ckpt")
        'checkpoint weights from os.ckpt: segmenter (39 tensors)'
    """
    part = network.segmenting if isinstance(network, MaskedNetwork) else "segmenter"
    found = segmenter_weights(read_state_dict(path), part)
    segmenter = getattr(network, part, network)
    tensors = fitting_weights(part, segmenter, {f"{part}.{name}": t for name, t in found.items()}, str(path))
    segmenter.load_state_dict(tensors, strict=False)  # `fitting_weights` was stricter
    return f"checkpoint weights from {Path(path).name}: {part} ({len(tensors)} tensors)"


def load_classifier_weights(classifier: nn.Module, path: str | Path) -> str:
    """Load the classifier of a checkpoint of this suite, which must have been trained on the same identities.

    Args:
        classifier: Maps ``(B, D)`` embeddings to ``(B, n)`` scores.
        path: Checkpoint with ``classifier.…``.

    Returns:
        What was loaded, in words.

    Raises:
        ValueError: If the file cannot be read or does not fit: the first mismatch is named with both shapes.

    Example:
        >>> import tempfile, torch
        >>> classifier = nn.Sequential(nn.Dropout(), nn.Linear(8, 3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({f"classifier.{name}": t for name, t in classifier.state_dict().items()}, f"{folder}/a.ckpt")
        ...     load_classifier_weights(classifier, f"{folder}/a.ckpt")
        'classifier (2 tensors)'
    """
    tensors = fitting_weights("classifier", classifier, read_state_dict(path), str(path))
    classifier.load_state_dict(tensors)
    return f"classifier ({len(tensors)} tensors)"
