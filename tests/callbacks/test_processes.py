"""What is not finite in one process stops all, with one message, and none waits for ever."""

from pathlib import Path

import pytest
import torch

from tests.helpers.processes import run_in_two

CODE = """
from callbacks.occlusion_sensitivity import occlusion_error_map, sampled_error_map
from callbacks.row_collector import RowCollector
from datamodules.seams.face_batch import FaceBatch
from lightning_modules.finite import FiniteFaces, FiniteLosses

def said(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except ValueError as error:
        return str(error)

index = 2 * torch.arange(2) + rank
image = torch.zeros(2, 3, 1, 1, dtype=torch.uint8)
batch = FaceBatch(image=image, mask=image[:, 0], identity=index, index=index, occluder=["none", "cup"],
    name=[f"{i}.png" for i in index.tolist()])
value = torch.ones(2, 2)
value[1, rank:] = float("nan")  # one in each process

rows = RowCollector()
rows.update(batch, value)

faces = FiniteFaces()
faces.add(batch, value if rank else torch.ones(2, 2))

losses = FiniteLosses()
for number in range(4):
    losses.add(number, torch.tensor(float("nan") if number == 2 + rank else 1.0))

class BreaksWhereGrey(torch.nn.Module):  # nothing is wrong with the second image until it is covered
    def forward(self, x):
        broken = ((x == 0.5).any(3).any(2) & (x[:, :, 0, 0] < 0.2)).float()
        return torch.cat([x.mean((2, 3)) + 9, x.mean((2, 3)) * 0], 1) / (1 - broken)

images = torch.tensor([0.3, 0.1, 0.3, 0.3])[:, None, None, None].expand(4, 1, 5, 5)
settings = {"occluder_size": (2, 2), "fill": 0.5, "method": "dense"}
given = (BreaksWhereGrey(), images, torch.zeros(4, dtype=torch.int64))

found = [
    said(rows.gather), said(faces.check), losses.first_bad(),
    said(occlusion_error_map, *given, **settings), said(sampled_error_map, *given, share=0.5, **settings),
]
torch.save(found, f"{folder}/{rank}.pt")
"""


@pytest.mark.ddp
@pytest.mark.slow
def test_what_one_process_sees_stops_both(tmp_path: Path) -> None:
    run_in_two(CODE, tmp_path)
    one, other = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    no_map = "Expected finite logits, got NaN or infinity for image 1: no occlusion map can be made"
    assert one == [
        "2.png under cup: expected a finite embedding, got NaN or infinity (2 images)",
        "3.png under cup: expected finite results of the network, got NaN or infinity (1 images)",
        2,
        no_map,
        no_map,
    ]
    assert other == one
