"""Memory of a margin head over processes, beside what arithmetic says: ArcFace, SGD with momentum, gloo on CPUs.

    python -m experiments.benchmarks.class_parallel_memory [--identities 1000000] [--dim 512] [--processes 2]
        [--batch 32] [--rates 1.0 0.1] [--steps 2]

Each process has its share of the identities and a batch of random embeddings, and takes steps of loss, gradients and
optimizer, one thread each; for each sampling rate in processes of their own. What Python and torch take before is
subtracted from a process's largest memory: of its start, when the head is made as a whole and cut, and of its steps.
Arithmetic counts, in float32, of a share of n / W × D weights: weights and momentum, with a rate r below 1 copies of
both for r of the identities, the gradient of these; and four tensors of the scores of all processes' faces.
"""

import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from rich.table import Table
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import loss_parallel

from experiments.benchmarks.benchmark import parse_options, peak_memory, print_table
from experiments.cli.user_errors import main as run_command
from lightning_modules.networks import ArcFaceHead
from lightning_modules.networks.class_parallel import ParallelSoftmax, lend, take_back

GIB = 2**30
SCORES = 4
"""Tensors of the scores' size beside a new gradient: cosines, their gradient, that by the norms, one in the making."""


class Size(NamedTuple):
    """What is trained, and on what."""

    identities: int
    dim: int
    processes: int
    batch: int
    steps: int


class Measured(NamedTuple):
    """Of one process, in GiB beyond Python and torch."""

    start: float
    step: float
    seconds: float
    """A step."""


def main() -> None:
    """Parse the command line, measure and print."""
    options = parse_options(__doc__, identities=1_000_000, dim=512, processes=2, batch=32, rates=[1.0, 0.1], steps=2)
    size = Size(options.identities, options.dim, options.processes, options.batch, options.steps)
    title = f"{size.identities:,} × {size.dim} over {size.processes} processes, {size.batch} faces each; GiB a process"
    table = Table(
        "sampling rate", "start", "arithmetic", "step", "arithmetic", "of which scores", "s a step", title=title
    )
    for rate in options.rates:
        found = in_processes(size, rate)
        worst = [max(one[kind] for one in found) for kind in range(3)]
        scores = scores_of(size, rate)
        table.add_row(
            f"{rate:g}",
            f"{worst[0]:.2f}",
            f"{start_of(size):.2f}",
            f"{worst[1]:.2f}",
            f"{weights_of(size, rate) + scores:.2f}",
            f"{scores:.2f}",
            f"{worst[2]:.1f}",
        )
    print_table(table)


def in_processes(size: Size, rate: float) -> list[Measured]:
    """Train in so many processes and return what each has measured."""
    with tempfile.TemporaryDirectory() as folder, get_context("spawn").Pool(size.processes) as pool:
        tasks = [(size, rate, rank, f"file://{Path(folder) / 'meeting'}") for rank in range(size.processes)]
        return pool.starmap(train, tasks, chunksize=1)


def train(size: Size, rate: float, rank: int, meeting: str) -> Measured:
    """Take steps as one of the processes."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size.processes)
    mesh = init_device_mesh("cpu", (size.processes,))
    before = forget_peak()
    torch.manual_seed(0)
    head = ArcFaceHead(size.dim, size.identities)
    softmax = ParallelSoftmax(head, sampling_rate=rate, mesh=mesh)
    start = peak_memory() - before
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9)
    forget_peak()
    began = time.perf_counter()
    for number in range(size.steps):
        step(softmax, optimizer, size, torch.Generator().manual_seed(number))
    seconds = (time.perf_counter() - began) / size.steps
    step_peak = peak_memory() - before
    distributed.destroy_process_group()
    return Measured(start, step_peak, seconds)


def step(softmax: ParallelSoftmax, optimizer: torch.optim.Optimizer, size: Size, generator: torch.Generator) -> None:
    """Take one step on random embeddings."""
    embeddings = nn.functional.normalize(torch.randn(size.batch, size.dim, generator=generator)).requires_grad_()
    identities = torch.randint(size.identities, (size.batch,), generator=generator)
    optimizer.zero_grad()
    found = softmax(embeddings, identities, generator)
    with loss_parallel():
        torch.autograd.backward(found.loss)
    lent = softmax.lent()
    lend(optimizer, lent)
    optimizer.step()
    take_back(optimizer, lent)


def forget_peak() -> float:
    """Let the largest memory be counted anew, and return what is in use, in GiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def start_of(size: Size) -> float:
    """Return the GiB of a whole head and of a share of it."""
    return 4 * size.identities * size.dim * (1 + 1 / size.processes) / GIB


def weights_of(size: Size, rate: float) -> float:
    """Return the GiB of weights, momentum and gradient of a process."""
    share = 4 * size.identities * size.dim / size.processes / GIB
    return share * (3 if rate == 1.0 else 2 + 3 * rate)


def scores_of(size: Size, rate: float) -> float:
    """Return the GiB of the scores' tensors of a process."""
    faces = size.batch * size.processes
    return SCORES * 4 * faces * rate * size.identities / size.processes / GIB


if __name__ == "__main__":
    run_command(lambda _: main())
