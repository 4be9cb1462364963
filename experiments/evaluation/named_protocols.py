"""The protocols of an evaluation, by the names and options of its command line."""

import itertools
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.alignment import agreed_template
from datamodules.alignment.declared import SETTINGS
from datamodules.protocols import (
    EvaluationProtocol,
    ar_faces,
    bin_pairs,
    csv_identification,
    csv_pairs,
    ijb_templates,
    lfw_occ,
    lfw_own,
    lfw_pairs,
)
from datamodules.protocols.copies import tell_copies
from datamodules.protocols.generated_protocol import covered_faces, generated_protocol
from datamodules.sources import ALIGNMENTS
from experiments.cli import UserError
from experiments.evaluation.described import described
from experiments.evaluation.labelled_sets import labelled_sets
from experiments.evaluation.people_protocols import PEOPLE, people_protocol

LISTED = ("pairs", "identification", "templates")
PROTOCOLS = ("lfw", "lfw_occ", "bin", "ar", *PEOPLE, *LISTED, "generated", "covered", "segmentation")
SEVERAL = ""
"""Stands among the conditions of a name for one protocol that has several of them."""


def named_protocols(options: Namespace) -> list[EvaluationProtocol]:
    """Return the protocols of all options ``protocol``, told apart; what they leave out is printed.

    Raises:
        UserError: If an option that one needs is not given, or a file describes none.
        DataError: If a protocol's files cannot be used.
    """
    protocols = told_apart([protocol for name in options.protocol for protocol in _named(name, options)])
    intervals = getattr(options, "intervals", None)  # a command that measures no rates has no such option
    if intervals is not None:
        if not any(protocol.compares for protocol in protocols):
            got = ", ".join(options.protocol)
            raise UserError(f"Expected a protocol that compares faces with --intervals, got {got}")
        protocols = [replace(protocol, replicates=intervals) for protocol in protocols]
    for protocol in protocols:
        for line in protocol.missing:
            print(f"{protocol.name}: left out: {line}")
    return protocols


def _named(name: str, options: Namespace) -> list[EvaluationProtocol]:
    allow = {"allow_missing": options.allow_missing}
    if name == "lfw":
        root = _needed(options, "root", name)
        return [lfw_pairs(root, options.pairs or pairs_beside(root), **allow)]
    if name == "lfw_occ":
        return _occluded(options)
    if name == "segmentation":
        return labelled_sets(_needed(options, "labelled", name))
    if name == "bin":
        return [bin_pairs(path) for path in _needed(options, "bin", name)]
    if name == "ar":
        return [ar_faces(_needed(options, "ar", name))]
    one = _listed(name, options, **allow) if name in (*LISTED, *PEOPLE) else _drawn_or_own(name, options)
    return [one]


def _drawn_or_own(name: str, options: Namespace) -> EvaluationProtocol:
    if name == "covered":
        return covered_faces(options.faces_seed)
    return generated_protocol() if name == "generated" else _own(name)


def _occluded(options: Namespace) -> list[EvaluationProtocol]:
    root = _needed(options, "root", "lfw_occ")
    pairs = options.pairs or pairs_beside(root)
    alignment = agreed_template(root, options.alignment, default="lfw")
    if alignment not in ALIGNMENTS:
        said = f"--alignment, or `template` of {SETTINGS} of {root},"
        raise UserError(f"Expected {said} among {', '.join(ALIGNMENTS)}, got {alignment!r}")
    settings = {"landmarks": alignment, "allow_missing": options.allow_missing}
    if options.occluders:
        return [lfw_own(root, pairs, options.occluders, **settings)]
    return [lfw_occ(root, pairs, one, severity=options.severity, **settings) for one in options.categories]


def _listed(name: str, options: Namespace, **allow: bool) -> EvaluationProtocol:
    root = _needed(options, "root", name)
    if name in PEOPLE:
        return people_protocol(name, root, options)
    if name == "pairs":
        return csv_pairs(root, _needed(options, "table", name), **allow)
    if name == "identification":
        return csv_identification(root, _needed(options, "table", name), join=options.join or "alone", **allow)
    if options.join == "alone":
        raise UserError("Expected --join mean or quality with --protocol templates, got alone")
    return ijb_templates(root, _needed(options, "meta", name), weighting=options.join or "mean", **allow)


def _own(path: str) -> EvaluationProtocol:
    protocol = described(path, EvaluationProtocol)
    return tell_copies(protocol, np.arange(len(protocol.source)))


def _needed(options: Namespace, option: str, protocol: str) -> Any:
    value = getattr(options, option)
    if not value:
        raise UserError(f"Expected --{option} with --protocol {protocol}, got none")
    return value


def pairs_beside(root: str) -> Path:
    """Return LFW's list of pairs in its folder or beside it.

    Raises:
        UserError: If there is none.
    """
    tried = [folder / name for folder in (Path(root), Path(root).parent) for name in ("pairs.txt", "lfw_pairs.txt")]
    for path in tried:
        if path.is_file():
            return path
    raise UserError(f"Expected --pairs, or one of {', '.join(map(str, tried))}, got none")


def told_apart(protocols: Sequence[EvaluationProtocol]) -> list[EvaluationProtocol]:
    """Return protocols of which no two have a name and a folder of figures in common: the later gets a number.

    LFW's pairs and a file ``lfw.bin`` are both called ``lfw``. Protocols of one condition each, as LFW-occ's
    categories, share their name.
    """
    taken: dict[str, set[str]] = {}
    renamed = []
    for protocol in protocols:
        names = (protocol.name if n == 1 else f"{protocol.name}-{n}" for n in itertools.count(1))
        own = _conditions(protocol)
        name = next(name for name in names if _may_share(taken.get(name, set()), own))
        taken.setdefault(name, set()).update(own, [SEVERAL] if len(own) > 1 else [])
        renamed.append(replace(protocol, name=name))
    return renamed


def _may_share(taken: set[str], conditions: Sequence[str]) -> bool:
    """Whether a protocol may have the name of others: of none, or of others of one condition each that is not its."""
    return not taken or (len(conditions) == 1 and SEVERAL not in taken and conditions[0] not in taken)


def folder_name(protocol: EvaluationProtocol) -> str:
    """Return what to call a protocol's folder of figures: with its condition, where it has one alone."""
    conditions = _conditions(protocol)
    alone = len(conditions) == 1 and conditions != ["all"]
    return f"{protocol.name}_{conditions[0]}" if alone else protocol.name


def _conditions(protocol: EvaluationProtocol) -> list[str]:
    return list(dict.fromkeys([*protocol.verification, *protocol.identification, *protocol.segmentation]))
