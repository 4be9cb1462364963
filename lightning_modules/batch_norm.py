"""Batch normalisation that several processes train."""

from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities import rank_zero_warn
from torch import nn


def check_batch_norm(network: nn.Module, processes: int, *, synchronised: bool, on_cpu: bool) -> None:
    """Warn of batch normalisation whose statistics are those of one process's share of the batch.

    Args:
        network: What is trained.
        processes: That train it together.
        synchronised: Whether statistics are to be those of the whole batch.
        on_cpu: Whether it is trained on CPUs.

    Raises:
        MisconfigurationException: If statistics are synchronised on a CPU, which torch cannot do.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if layers and synchronised and on_cpu:
        raise MisconfigurationException(
            "Expected GPUs with `trainer.sync_batchnorm`: torch cannot synchronise batch normalisation on CPUs; "
            "there, set it to false"
        )
    if layers and not synchronised:
        rank_zero_warn(
            f"{len(layers)} layers of batch normalisation take the statistics of 1/{processes} of the batch, each "
            "process its own; on GPUs --trainer.sync_batchnorm=true takes those of the whole"
        )
