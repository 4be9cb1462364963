"""Tar files of many images each, in WebDataset's layout, for sets of too many images to be files of their own."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.sources.shards.shard_contents import ShardContents, look_at_shard
    from datamodules.sources.shards.shard_manifest import MANIFEST, is_sharded, read_manifest
    from datamodules.sources.shards.shards import Shards

__all__ = ["MANIFEST", "ShardContents", "Shards", "is_sharded", "look_at_shard", "read_manifest"]

export_lazily(__name__)
