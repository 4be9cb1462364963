"""The files of verification maps: maps that place patches, their pictures, and measures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from callbacks.figures.verification_map_figure import FaceMap, draw_maps
from callbacks.occlusion_sensitivity.verification_maps import Covered, VerificationMaps, whole_map
from callbacks.run_files import write_json
from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.verification_mapping.face_points import Points
from experiments.verification_mapping.map_measures import MeanMap
from experiments.verification_mapping.mapping_run import MappingRun
from lightning_modules.networks import fingerprint

MEASURES = "measures.json"
SAID: Mapping[Covered, str] = {"both": "both images", "first": "the first image", "second": "the second image"}


class MapFolder:
    """Where the maps of a run are written.

    Args:
        run: What is mapped.
        points: Of the drawn face, ``(5, 2)``.
    """

    def __init__(self, run: MappingRun, points: Points) -> None:
        self.run = run
        self.points = points
        side = run.model.extraction.image_size
        self.size = (side, side)

    def write_rejections(self, covered: Covered, maps: VerificationMaps, found: Mapping[str, MeanMap]) -> list[Path]:
        """Write the occlusion maps of rejection, by what to call their thresholds, and return their files."""
        return [self._write_map(covered, name, maps, one) for name, one in found.items()]

    def _write_map(self, covered: Covered, name: str, maps: VerificationMaps, found: MeanMap) -> Path:
        height, width = self.run.settings.occluder
        threshold = name.replace("=", "")
        path = self.run.folder / f"rejection-{covered}-{height}x{width}-{threshold}.npz"
        used = np.flatnonzero(found.used.numpy())
        images = np.unique(np.concatenate([self.run.pairs.first[used], self.run.pairs.second[used]]))
        OcclusionMap(
            error=whole_map(found.mean, maps, self.size).clamp(0, 1).numpy(),
            occluder_size=self.run.settings.occluder,
            fill=np.full(3, self.run.settings.fill, np.float32),
            stride=self.run.settings.stride,
            indices=images,
            model=fingerprint(self.run.model.extraction.module.state_dict()),
            checkpoint=self.run.model.path,
            standard_error=whole_map(found.standard_error, maps, self.size).clamp(0, 1).numpy(),
        ).save(path)
        return path

    def draw(self, covered: Covered, maps: VerificationMaps, drop: MeanMap, rejections: Mapping[str, MeanMap]) -> Path:
        """Draw the mean fall of the score, and the shares rejected, over a drawn face."""
        fall = whole_map(drop.mean, maps, self.size).numpy()
        shown = [FaceMap("mean fall of the score", fall, "cosine similarity", f"{len(drop.used)} genuine pairs")]
        for name, found in rejections.items():
            rate = 100 * whole_map(found.mean, maps, self.size).numpy()
            below = f"{int(found.used.sum())} pairs accepted without"
            most = max(1.0, float(rate.max()))
            shown.append(FaceMap(f"rejected at {name}", rate, "% of genuine pairs", below, least=0.0, most=most))
        height, width = self.run.settings.occluder
        heading = f"{self.run.model.name}: {height} × {width} over {SAID[covered]}"
        return draw_maps(shown, self.points, self.run.folder / f"{covered}.png", heading=heading)

    def write_measures(self, measures: Mapping[str, Any]) -> Path:
        """Write what was measured, and of what."""
        run, settings = self.run, self.run.settings
        of = {
            "model": run.model.name,
            "path": run.model.path,
            "protocol": run.protocol.name,
            "condition": run.condition,
            "pairs": len(run.pairs.first),
            "identities": len(set(run.pairs.identity.tolist())),
            "occluder_size": list(settings.occluder),
            "fill": settings.fill,
            "stride": settings.stride,
            "seed": run.options.seed,
            "replicates": run.options.replicates,
        }
        write_json(run.folder / MEASURES, {**of, **measures})
        return run.folder / MEASURES
