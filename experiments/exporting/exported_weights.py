"""The weights of a network that is taken away."""

from pathlib import Path

from datamodules.whole_file import write_whole
from experiments.exporting.exported_network import ExportedNetwork


def write_weights(network: ExportedNetwork, path: Path) -> None:
    """Write network and normalisation as safetensors, named as in checkpoints: ``network.…``, ``normalize.…``.

    The classifier of the training identities is no part of it.

    Raises:
        OSError: If it cannot be written.
    """
    from safetensors.torch import save  # noqa: PLC0415  for this format only

    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    write_whole(path, save(tensors))
