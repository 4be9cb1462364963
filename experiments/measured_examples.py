"""Examples that callbacks, readers and measures are tried on, to learn what they call their results."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from datamodules.protocols import EvaluationProtocol, ar_faces, lfw_occ, lfw_pairs
from datamodules.protocols.generated_protocol import generated_protocol
from datamodules.protocols.lfw_occ.frozen_instances import LFW_OCC_CATEGORIES
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.occlusion_map_file import OcclusionMap

PEOPLE = 10  # that there is a tenth rank
AR_IMAGES = 26  # of each person


class Listener:
    """Stands in for a module and keeps the names that are logged."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.loss = SimpleNamespace(margin=0.5)

    def log(self, name: str, value: object, **settings: object) -> None:
        """Keep a name."""
        self.names.add(name)

    def log_dict(self, values: Mapping[str, object], **settings: object) -> None:
        """Keep several."""
        self.names |= set(values)


def example_batch(conditions: Sequence[str]) -> FaceBatch:
    """Return two images of each of four people under each condition."""
    number = 8 * len(conditions)
    occluders = [name for name in conditions for _ in range(8)]
    covered = torch.tensor([name != CLEAN for name in occluders])
    return {
        "image": torch.zeros(number, 3, 2, 2, dtype=torch.uint8),
        "mask": covered[:, None, None].expand(-1, 2, 2).to(torch.uint8),
        "identity": torch.arange(4).repeat(number // 4),
        "index": torch.arange(8).repeat(len(conditions)),
        "occluder": occluders,
    }


def output(key: str, batch: FaceBatch) -> Tensor:
    """Return what a module makes of a batch, by its key in a step's output."""
    if key == "segmentation":
        return batch["mask"]
    generator = torch.Generator().manual_seed(0)
    return torch.rand(len(batch["occluder"]), *{"deep_response": (4, 2, 2)}.get(key, (4,)), generator=generator)


def triplets(batch: FaceBatch) -> dict[str, Tensor]:
    """Return what a training on triplets makes of a batch."""
    embedding = torch.nn.functional.normalize(output("embedding", batch))
    some = torch.tensor([0.1, 0.2])
    return {"d_ap": some, "d_an": 1 - some, "embedding": embedding, "identity": batch["identity"]}


def example_map(size: tuple[int, int]) -> OcclusionMap:
    """Return a map for occluders of a size."""
    return OcclusionMap(
        np.zeros(size, np.float32), size, np.zeros(3, np.float32), 1, np.arange(1), model="", checkpoint=""
    )


def example_protocols() -> Iterator[EvaluationProtocol]:
    """Yield the protocols of a reproduction, of files that have the right names and nothing in them."""
    yield generated_protocol(2 * PEOPLE, 2, cache_dir=None)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(PEOPLE):
            for image in range(1, AR_IMAGES + 1):
                (root / f"m-{number + 1:03}-{image:02}.bmp").touch()
        yield ar_faces(root)
        for person in "ab":
            (root / person).mkdir()
            for image in (1, 2):
                (root / person / f"{person}_000{image}.jpg").touch()
        pairs = root / "pairs.txt"
        pairs.write_text("2\t1\na\t1\t2\na\t1\tb\t1\nb\t1\t2\na\t2\tb\t2\n")
        yield lfw_pairs(root, pairs)
        yield from (lfw_occ(root, pairs, category) for category in LFW_OCC_CATEGORIES)
