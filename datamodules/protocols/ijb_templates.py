"""The IJB protocols: templates of several images, compared in pairs and searched for in galleries."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.protocols.delimited_table import find_files
from datamodules.protocols.file_list import FileList
from datamodules.protocols.ijb_lists import IJBLists, Subjects, ijb_lists
from datamodules.protocols.listed_pairs import refuse_missing
from datamodules.protocols.template_files import TemplateRows, line_of_pair, read_template_pairs, read_template_rows
from datamodules.seams.evaluation_protocol import EvaluationProtocol, Identification, VerificationPairs
from datamodules.seams.templates import Templates, Weighting

Integers = NDArray[np.int64]
ALL_GALLERIES = "mixed"


def ijb_templates(
    root: Path | str, meta: Path | str, *, weighting: Weighting = "mean", allow_missing: bool = False
) -> EvaluationProtocol:
    """Templates by the lists that the field uses for IJB-B and IJB-C, or lists of one's own in the same form.

    ==============================  ===============================================================================
    ``…face_tid_mid.txt``           ``image template medium``, and optionally a quality, separated by blanks
    ``…template_pair_label.txt``    ``template template label``: verification, condition ``all``
    ``…1N_gallery_….csv``           columns ``TEMPLATE_ID`` and ``SUBJECT_ID``; others are passed over: who is enrolled
    ``…1N_probe_mixed.csv``         the same: who is searched for
    ==============================  ===============================================================================

    With galleries there is a condition for each, ``G1``, whose strangers are the probes of other subjects, and, where
    there are several, ``mixed``, in which all are enrolled. Of templates that no gallery or probe list names it is not
    known whom they show: each counts as an identity of its own.

    Args:
        root: Folder of the aligned images.
        meta: Folder of the lists.
        weighting: ``mean``, or ``quality``: by the list's fourth column, without one by the embeddings' lengths.
        allow_missing: Leave out images that are not there, and what needs templates without any, and list them.

    Returns:
        Protocol with the name that the lists begin with, ``ijbc``.

    Raises:
        DataError: With the line, if a list is malformed or names a template without images; if an image is missing and
            may not be; if lists are missing, or several could be meant.

    Source: Whitelam et al. 2017 (IJB-B), Maze et al. 2018 (IJB-C); the form of the lists is InsightFace's.
    """
    root, lists = Path(root), ijb_lists(Path(meta))
    rows, subjects = read_template_rows(lists.media), lists.subjects()
    files = find_files(root, set(rows.image))
    absent = sorted(set(rows.image) - files.keys())
    if not allow_missing or not files:
        refuse_missing(lists.media, root, absent)
    kept = _there(rows, files)
    places = _Places(lists.media, np.unique(rows.template), np.unique(kept.template))
    verification = {} if lists.pairs is None else {"all": _pairs(lists.pairs, places)}
    identification = {} if lists.probes is None else _searches(lists, subjects, places)
    templates, source = _joined(root, kept, {t: s for of in subjects.values() for t, (s, _) in of.items()}, weighting)
    missing = [*(f"image {name}: not there" for name in absent), *places.left_out]
    return EvaluationProtocol(lists.name, source, verification, identification, missing, templates)


@dataclass
class _Places:
    """Where templates stand among those that have an image left."""

    media: Path
    listed: Integers
    kept: Integers
    left_out: list[str] = field(default_factory=list)

    def unlisted(self, numbers: Integers) -> Integers:
        """Return where numbers are of templates without a line."""
        return np.flatnonzero(~np.isin(numbers, self.listed))

    def of(self, numbers: Integers) -> Integers:
        """Return the place of each, −1 where no image is left."""
        place = np.searchsorted(self.kept, numbers).clip(max=len(self.kept) - 1)
        return np.where(self.kept[place] == numbers, place, -1)


def _there(rows: TemplateRows, files: Collection[str]) -> TemplateRows:
    if len(files) == len(set(rows.image)):
        return rows
    keep = np.array([image in files for image in rows.image])
    quality = None if rows.quality is None else rows.quality[keep]
    images = [image for image in rows.image if image in files]
    return TemplateRows(images, rows.template[keep], rows.medium[keep], quality)


def _joined(
    root: Path, rows: TemplateRows, subjects: Mapping[int, int], weighting: Weighting
) -> tuple[Templates, FileList]:
    """Return the templates, in the order of their numbers, and the images that they are made of."""
    numbers, template = np.unique(rows.template, return_inverse=True)
    paths, image = np.unique(rows.image, return_inverse=True)
    said = [f"subject {subjects[t]}" if t in subjects else f"template {t}" for t in numbers.tolist()]
    shown = np.array(said)[template[np.unique(image, return_index=True)[1]]]
    names = [f"template {number}" for number in numbers.tolist()]
    identities = np.unique(said, return_inverse=True)[1].astype(np.int64)
    quality = rows.quality if weighting == "quality" else None
    indices = (image.astype(np.int64), template.astype(np.int64), rows.medium)
    joined = Templates(*indices, identities=identities, names=names, weighting=weighting, quality=quality)
    return joined, FileList(root, paths.tolist(), shown.tolist())


def _pairs(path: Path, places: _Places) -> VerificationPairs:
    listed = read_template_pairs(path)
    for numbers in (listed.first, listed.second):
        if len(wrong := places.unlisted(numbers)):
            line = line_of_pair(path, int(wrong[0]))
            raise DataError(f"{path}: line {line}: expected a template of {places.media.name}, got {numbers[wrong[0]]}")
    first, second, same = places.of(listed.first), places.of(listed.second), listed.same
    there = (first >= 0) & (second >= 0)
    if not there.all():
        places.left_out.append(f"{path.name}: {int((~there).sum()):,} pairs of templates without an image left")
        first, second, same = first[there], second[there], same[there]
    if not len(same):
        raise DataError(f"{path}: expected a pair left, got none")
    return VerificationPairs(first, second, same, np.zeros(len(same), np.int64))


def _searches(lists: IJBLists, subjects: Mapping[Path, Subjects], places: _Places) -> dict[str, Identification]:
    """Return a condition for each gallery, and one for all of them."""
    placed = {path: _placed(path, of, places) for path, of in subjects.items()}
    galleries = {path.stem.rpartition("_")[2]: placed[path] for path in lists.galleries}
    if len(galleries) > 1:
        galleries[ALL_GALLERIES] = {place: subject for of in galleries.values() for place, subject in of.items()}
    probes = {place: subject for path, of in placed.items() if path == lists.probes for place, subject in of.items()}
    return {condition: _search(lists.media.parent, condition, of, probes) for condition, of in galleries.items()}


def _placed(path: Path, subjects: Subjects, places: _Places) -> dict[int, int]:
    """Return the subjects of templates by their place, of those that have an image left."""
    numbers = np.array(list(subjects), dtype=np.int64)
    if len(wrong := places.unlisted(numbers)):
        number = int(numbers[wrong[0]])
        where = f"{path}: line {subjects[number][1]}"
        raise DataError(f"{where}: expected a template of {places.media.name}, got {number}")
    found = dict(zip(places.of(numbers).tolist(), (subject for subject, _ in subjects.values()), strict=True))
    if found.pop(-1, None) is not None:
        places.left_out.append(f"{path.name}: {len(subjects) - len(found):,} templates without an image left")
    return found


def _search(meta: Path, condition: str, gallery: Mapping[int, int], probes: Mapping[int, int]) -> Identification:
    enrolled = set(gallery.values())
    mated = [place for place, subject in probes.items() if subject in enrolled]
    strangers = [place for place, subject in probes.items() if subject not in enrolled]
    if not mated:
        raise DataError(f"{meta}: expected a probe of a subject of gallery {condition}, got none of {len(probes):,}")
    return Identification(*(np.array(places, dtype=np.int64) for places in ([*gallery], mated, strangers)))
