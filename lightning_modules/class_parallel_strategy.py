"""Data-parallel training whose checkpoints hold what processes share out, each process writing its own part."""

from pathlib import Path
from typing import Any

from pytorch_lightning.strategies import DDPStrategy

from datamodules.errors import DataError
from lightning_modules.networks.checkpoint_file import SHARDS
from lightning_modules.networks.class_parallel import taken_apart, write_shards


class ClassParallelStrategy(DDPStrategy):
    """DDP that saves sharded tensors beside the checkpoint; what reads it is the module's ``on_load_checkpoint``."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], filepath: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write the shards, and then, by the first process, the file that names them.

        Raises:
            DataError: If they cannot be written; what was there before still is.
        """
        whole, tensors = taken_apart(checkpoint)
        if tensors:
            try:
                whole[SHARDS] = write_shards(tensors, Path(self.broadcast(filepath)))
            except ValueError as error:
                raise DataError(str(error)) from error
        super().save_checkpoint(whole, filepath, storage_options)
