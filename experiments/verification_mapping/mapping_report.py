"""From a run's options to its files: maps, measures, curves, pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch import Tensor

from callbacks.occlusion_sensitivity.verification_maps import Covered, VerificationMaps
from experiments.cli import UserError
from experiments.cli.shown_table import show_table
from experiments.verification_mapping.face_points import face_parts, face_points
from experiments.verification_mapping.map_curves import curve_measures, curves, orders
from experiments.verification_mapping.map_files import MapFolder
from experiments.verification_mapping.map_measures import drawn_weights, map_measures, mean_drop, mean_rejection
from experiments.verification_mapping.mapped_pairs import FaceMapper
from experiments.verification_mapping.mapping_run import MappingRun


def report(run: MappingRun) -> Path:
    """Map, measure, write and print; return the file of measures.

    Raises:
        UserError: If no pair is accepted at a threshold, or there are too few impostors to set it.
        DataError: If a face's embedding is none.
    """
    mapper = run.mapper()
    thresholds, maps = run.thresholds(), run.maps(mapper)  # maps take long: what may be refused comes before
    weights = drawn_weights(run.pairs, replicates=run.options.replicates, seed=run.options.seed)
    points = face_points(run.protocol.source, run.pairs.images, mapper.size, run.model.alignment)
    folder = MapFolder(run, points)
    measures: dict[str, Any] = {"thresholds": thresholds, "maps": {}}
    for covered, made in maps.items():
        measures["maps"][covered] = _one(folder, covered, made, thresholds, weights)
        folder.write_measures(measures)
    if run.options.steps and "first" in maps:
        measures["curves"] = _curves(run, mapper, maps["first"], weights)
    path = folder.write_measures(measures)
    _print(measures)
    print(f"Maps, pictures and measures: {run.folder}")
    return path


def _one(
    folder: MapFolder, covered: Covered, maps: VerificationMaps, thresholds: Mapping[str, float], weights: Tensor
) -> dict[str, Any]:
    """Write and draw the maps of one way to cover, and return their measures."""
    drop = mean_drop(maps, weights)
    try:
        rejections = {name: mean_rejection(maps, value, weights) for name, value in thresholds.items()}
    except ValueError as error:
        raise UserError(str(error)) from error
    folder.write_rejections(covered, maps, rejections)
    folder.draw(covered, maps, drop, rejections)
    parts = face_parts(folder.points)
    rejected = {name: map_measures(found, maps, parts) for name, found in rejections.items()}
    return {"score": float(maps.clean.mean()), "fall": map_measures(drop, maps, parts), "rejected": rejected}


def _curves(run: MappingRun, mapper: FaceMapper, maps: VerificationMaps, weights: Tensor) -> dict[str, Any]:
    side = mapper.size
    by = orders(maps, (side, side), run.settings.occluder, seed=run.options.seed, classifier=run.classifier_map)
    return curve_measures(curves(mapper, run.pairs, by, steps=run.options.steps), weights)


def _print(measures: Mapping[str, Any]) -> None:
    table = Table("covered", "map", "mean", "highest", "at", "part", "next, behind by", box=SIMPLE_HEAD)
    for covered, of in measures["maps"].items():
        for name, found in {"fall": of["fall"], **of["rejected"]}.items():
            table.add_row(covered, name, *_cells(found))
    show_table(table, width=140)
    shown = Table("pixels by", "deletion, area", "insertion, area", box=SIMPLE_HEAD)
    for name, kinds in measures.get("curves", {}).items():
        shown.add_row(name, *(f"{kinds[kind]['area']:.3f} {_span(kinds[kind]['interval'])}" for kind in kinds))
    if "curves" in measures:
        show_table(shown, width=140)


def _cells(found: Mapping[str, Any]) -> list[str]:
    """Return what the table says of a map; of one that is the same everywhere its mean alone."""
    mean = f"{found['mean']:.3f} {_span(found['mean_interval'])}"
    if "peak" not in found:
        return [mean]
    peak, part = found["peak"], found["most_important"]
    highest = f"{peak['value']:.3f} {_span(peak['interval'])}"
    behind = f"{part['next']}, {part['ahead']:.3f} {_span(part['ahead_interval'])}"
    return [mean, highest, f"{peak['row']}, {peak['column']}", part["part"], behind]


def _span(interval: tuple[float, float]) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]"
