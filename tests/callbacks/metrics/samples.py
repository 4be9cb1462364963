"""Scored pairs and embeddings at random, for tests."""

import torch
from torch import Tensor
from torch.nn.functional import normalize


def random_pairs(number: int = 200, seed: int = 0, *, ties: bool = False) -> tuple[Tensor, Tensor]:
    """Return scores in (-1, 1) and same; with ties of eleven values only."""
    generator = torch.Generator().manual_seed(seed)
    same = torch.rand(number, generator=generator) < 0.4
    scores = torch.tanh(torch.randn(number, generator=generator) + same.float())
    return (scores.mul(5).round().div(5) if ties else scores), same


def random_people(
    people: int, faces: int, seed: int = 0, *, dim: int = 12, spread: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Return embeddings of length 1 and identities of a number of faces for each of some people, mixed."""
    generator = torch.Generator().manual_seed(seed)
    identities = torch.arange(people).repeat(faces)[torch.randperm(people * faces, generator=generator)]
    centres = torch.randn(people, dim, generator=generator)
    noise = spread * torch.randn(len(identities), dim, generator=generator)
    return normalize(centres[identities] + noise), identities
