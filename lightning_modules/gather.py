"""A batch over all processes, so that a loss of the whole batch is the same for any number of them."""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_gather


def gather_batch(x: Tensor) -> Tensor:
    """Concatenate a tensor's rows over all processes, with gradient; alone, return it as it is.

    Where every process computes the same loss of the gathered rows, the gradient that reaches a process's own rows is
    the sum over processes; DistributedDataParallel's mean then makes it that of one process with the whole batch.

    Args:
        x: Rows of this process, ``(B, ...)``, equally many in each.

    Returns:
        ``(W · B, ...)``, in the order of the processes.

    Example:
        >>> gather_batch(torch.tensor([1.0, 2.0]))
        tensor([1., 2.])
    """
    if not (dist.is_available() and dist.is_initialized()):
        return x
    return torch.cat(list(all_gather(x.contiguous())))  # type: ignore[no-untyped-call]  # torch's
