"""Two processes with overlapping shares come to the figures of one that saw everything once."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from callbacks.metrics import (
    AUC,
    CMC,
    ROC,
    Decidability,
    Embeddings,
    EqualErrorRate,
    FoldAccuracy,
    IoU,
    OpenSetIdentification,
    RankK,
    ROCBand,
    TARAtFAR,
)
from tests.callbacks.metrics.samples import random_pairs, random_people
from tests.helpers.processes import run_in_two

CODE = """
import warnings
metrics, columns, shares = torch.load(f"{folder}/given.pt", weights_only=False)
found = {}
for name, metric in metrics.items():
    for part in shares[rank]:
        if len(part):
            metric.update(**{key: value[part] for key, value in columns[name].items()})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The ``compute`` method of metric", UserWarning)
        found[name] = metric.compute()
torch.save(found, f"{folder}/{rank}.pt")
"""


def metrics() -> dict[str, Any]:
    """Return one metric of each kind."""
    pairs = (AUC(), Decidability(), EqualErrorRate(), ROC(), ROCBand((0.1,), resamples=50), TARAtFAR((1e-3, 0.1)))
    faces = (CMC(5), OpenSetIdentification((0.1,)), RankK(), Embeddings())
    return {type(metric).__name__: metric for metric in (*pairs, FoldAccuracy(), *faces, IoU(3))}


def columns() -> dict[str, dict[str, Tensor]]:
    """Return what 120 samples give to each metric."""
    index = torch.arange(120)
    scores, same = random_pairs(120, ties=True)
    pairs = {"scores": scores, "same": same, "index": index}
    embedding, identity = random_people(15, 8, dim=4)
    faces = {"embedding": embedding, "identity": identity, "index": index}
    roles = {**faces, "enrolled": index < 40}
    known = {**roles, "enrolled": index < 60}
    masks = torch.randint(3, (2, 120, 4, 4), generator=torch.Generator().manual_seed(0))
    of_pairs = dict.fromkeys(("AUC", "Decidability", "EqualErrorRate", "ROC", "TARAtFAR"), pairs)
    return of_pairs | {
        "ROCBand": {**pairs, "groups": index % 30},
        "FoldAccuracy": {**pairs, "folds": index % 10},
        "CMC": known,
        "RankK": known,
        "OpenSetIdentification": {**roles, "identity": torch.where(index % 3 == 2, 100, 0) + identity},
        "Embeddings": faces,
        "IoU": {"segmentation": masks[0], "mask": masks[1], "index": index},
    }


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize("idle", [False, True], ids=["overlapping", "one-saw-nothing"])
def test_two_processes_return_the_figures_of_one(tmp_path: Path, idle: bool) -> None:
    everything = torch.arange(120)
    shares = [[everything[::2], everything[:11]], [everything[1::2], everything[100:]]]  # odd ones, and some twice
    if idle:
        shares = [[everything], []]
    torch.save((metrics(), columns(), shares), tmp_path / "given.pt")
    run_in_two(CODE, tmp_path)
    for name, metric in metrics().items():
        metric.update(**columns()[name])
        alone = metric.compute()
        for rank in range(2):
            shared = torch.load(tmp_path / f"{rank}.pt")[name]
            torch.testing.assert_close(shared, alone, rtol=0, atol=0, equal_nan=True, msg=f"{name} of process {rank}")
