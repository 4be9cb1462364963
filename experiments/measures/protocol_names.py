"""The names of what protocols measure: each is tried on files that have the right names and nothing in them."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from callbacks.recognition.measure_names import A_PAIR, A_PROBE
from datamodules.protocols import EvaluationProtocol, ar_faces, lfw_occ, lfw_pairs
from datamodules.protocols.generated_protocol import covered_faces, generated_protocol
from datamodules.protocols.lfw_occ.frozen_instances import LFW_OCC_CATEGORIES
from experiments.evaluation.protocol_measures import evaluate_protocol

IDENTITIES = 10  # that there is a tenth rank
WAYS = ("+mirror", "+matched", "+mirror+matched", "+random")
"""To compare covered faces, beside the plain one."""
AR_IMAGES = 26  # of each identity


@cache
def protocol_names() -> dict[str, frozenset[str]]:
    """Return, by protocol, the names of what it measures, ``ar/scarf/rank1``."""
    found: dict[str, frozenset[str]] = {}
    for protocol in _example_protocols():
        embeddings = np.random.default_rng(0).normal(size=(len(protocol.source), 4)).astype(np.float32)
        rows = evaluate_protocol(protocol, embeddings).rows()
        names = {f"{protocol.name}/{condition}/{name}" for condition, values in rows.items() for name in values}
        found[protocol.name] = found.get(protocol.name, frozenset()) | names
    plain = {name.partition("/")[2] for name in found["covered"]}
    costs = {f"{name.partition('/')[0]}/{cost}" for name in plain for cost in (A_PAIR, A_PROBE)}
    ways = {f"covered{way}/{name}" for way in WAYS for name in plain | costs}
    return {**found, "covered": found["covered"] | ways}


def _example_protocols() -> Iterator[EvaluationProtocol]:
    """Yield the protocols of a reproduction."""
    yield generated_protocol(2 * IDENTITIES, 2, cache_dir=None)
    yield covered_faces(identities=2 * IDENTITIES, cache_dir=None)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(IDENTITIES):
            for image in range(1, AR_IMAGES + 1):
                (root / f"m-{number + 1:03}-{image:02}.bmp").touch()
        yield ar_faces(root)
        for identity in "ab":
            (root / identity).mkdir()
            for image in (1, 2):
                (root / identity / f"{identity}_000{image}.jpg").touch()
        pairs = root / "pairs.txt"
        pairs.write_text("2\t1\na\t1\t2\na\t1\tb\t1\nb\t1\t2\na\t2\tb\t2\n")
        yield lfw_pairs(root, pairs)
        yield from (lfw_occ(root, pairs, category) for category in LFW_OCC_CATEGORIES)
