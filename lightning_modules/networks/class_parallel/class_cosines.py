"""Cosines of embeddings and very many directions, in the memory of one gradient of the directions."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

LEAST_NORM = 1e-12


class _ClassCosines(Function):
    @staticmethod
    def forward(ctx: Any, embeddings: Tensor, directions: Tensor) -> Tensor:
        norms = torch.linalg.vector_norm(directions, dim=0).clamp_min_(LEAST_NORM)  # (k,)
        cosines = (embeddings @ directions).div_(norms)  # (B, k)
        ctx.save_for_backward(embeddings, directions, norms, cosines)
        return cosines

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        embeddings, directions, norms, cosines = ctx.saved_tensors
        along = (grad * cosines).sum(0).div_(norms.square())  # (k,)
        scaled = grad / norms  # (B, k)
        of_embeddings = scaled @ directions.T if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return of_embeddings, None
        return of_embeddings, (embeddings.T @ scaled).addcmul_(directions, along, value=-1)


def class_cosines(embeddings: Tensor, directions: Tensor) -> Tensor:
    """Return the cosines of embeddings and directions, whose normalised copy is never made.

    The norms divide the products, and what they add to the gradient is added in place: beside the directions there is
    their gradient alone, where normalising first takes three more tensors of their size.

    Args:
        embeddings: ``(B, D)``, of length 1.
        directions: ``(D, k)``, of any length.

    Returns:
        ``(B, k)``, differentiable once.

    Example:
        >>> class_cosines(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 5.0]]))
        tensor([[1., 0.]])
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        cosines: Tensor = _ClassCosines.apply(embeddings, directions)
    return cosines
