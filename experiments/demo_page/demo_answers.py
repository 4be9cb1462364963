"""What the page answers, without the page: files and settings in, HTML out; nothing of a visitor is kept here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from experiments.demo_page.comparison_view import comparison_page
from experiments.demo_page.decision_keeper import DecisionKeeper
from experiments.demo_page.face_crops import FaceCropper
from experiments.demo_page.face_gallery import Gallery, chosen_folder, enrolled, searched
from experiments.demo_page.face_maps import Progress, class_map, pair_map
from experiments.demo_page.face_model import FaceModel
from experiments.demo_page.gallery_view import gallery_page, search_page
from experiments.demo_page.map_view import map_page
from experiments.demo_page.model_choice import ModelChoice
from experiments.demo_page.occluded_view import occluded_page
from experiments.demo_page.pair_comparison import PairComparison, compare
from experiments.demo_page.photographs import read_photograph
from experiments.demo_page.placed_occluder import Placement, covered, painted

FIRST, SECOND = "first photograph", "second photograph"
MAPS = {"pair, both covered": "both", "pair, first covered": "first", "pair, second covered": "second"}
CLASS_MAP = "class of the first face"


@dataclass(frozen=True)
class Asked:
    """What all tabs ask by: photographs, as files, a model, and whether faces are looked for."""

    first: str | None
    second: str | None
    model: str
    finds: bool = False


@dataclass(frozen=True)
class DemoAnswers:
    """Answers visitors; has models and settings, and no visitor's anything."""

    models: ModelChoice
    cropper: FaceCropper
    keeper: DecisionKeeper
    galleries: Sequence[Path]

    def crops(self, asked: Asked, *, both: bool = True) -> list[UInt8Image]:
        """Return the crops of the photographs.

        Raises:
            DataError: If one is missing, or cannot be used.
        """
        given = {FIRST: asked.first, **({SECOND: asked.second} if both else {})}
        for name, path in given.items():
            if path is None:
                raise DataError(f"Expected a {name}: drop one, take one, or take generated faces")
        model = self.models.get(asked.model)
        return [self._crop(model, asked.finds, Path(str(path)), name) for name, path in given.items()]

    def compared(self, asked: Asked) -> PairComparison:
        """Compare the two photographs."""
        return compare(self.models.get(asked.model), self.models.masks_of(asked.model), *self.crops(asked))

    def comparison(self, found: PairComparison, model: str, far: float, least: float) -> str:
        """Return a comparison as HTML; the network has no part in it."""
        known = self.keeper.kept(self.models.get(model), self.models.masks_of(model))
        return comparison_page(found, known, far=far, least=least)

    def measured(self, model: str, told: Callable[[float, str], None]) -> None:
        """Measure the thresholds of a model, if they were not before."""
        self.keeper.measured(self.models.get(model), self.models.masks_of(model), told)

    def occluded(self, asked: Asked, category: str, placement: Placement, far: float) -> str:
        """Return a face with an occluder and its score against itself without, as HTML."""
        model = self.models.get(asked.model)
        (face,) = self.crops(asked, both=False)
        return self._against_clean(asked, face, covered(face, category, placement, landmarks=model.landmarks), far)

    def painted(self, asked: Asked, editor: Mapping[str, Any] | None, far: float) -> str:
        """Return a face as it was painted over and its score against itself without, as HTML."""
        (face,) = self.crops(asked, both=False)
        return self._against_clean(asked, face, painted(face, editor), far)

    def mapped(self, asked: Asked, kind: str, share: float, stride: int, progress: Progress) -> str:
        """Return an occlusion map as HTML.

        Args:
            asked: What all tabs ask by.
            kind: One of :data:`MAPS`, or :data:`CLASS_MAP`.
            share: Of the face's side that the grey square has.
            stride: Pixels between its centres.
            progress: Is told what is done.
        """
        model = self.models.get(asked.model)
        occluder = max(1, round(share * model.size))
        if kind == CLASS_MAP:
            (face,) = self.crops(asked, both=False)
            return map_page(class_map(model, face, occluder=occluder, stride=stride))
        if kind not in MAPS:
            raise DataError(f"Expected a map of {', '.join([*MAPS, CLASS_MAP])}, got {kind!r}")
        side: Any = MAPS[kind]
        how = {"covered": side, "occluder": occluder, "stride": stride, "progress": progress}
        return map_page(pair_map(model, *self.crops(asked), **how))

    def enrolled(self, asked: Asked, folder: str, told: Progress) -> tuple[Gallery, str]:
        """Return the gallery of a folder, and what it says."""
        model = self.models.get(asked.model)
        found = enrolled(chosen_folder(folder, self.galleries), model, self._reader(model, asked.finds), told)
        return found, gallery_page(found)

    def found(self, asked: Asked, gallery: Gallery | None) -> str:
        """Return who of a gallery is most like the first photograph, as HTML."""
        if gallery is None:
            raise DataError("Expected an enrolled folder: enrol one first")
        model = self.models.get(asked.model)
        (face,) = self.crops(asked, both=False)
        masks = self.models.masks_of(asked.model)
        return search_page(gallery, searched(gallery, face, model, masks, self._reader(model, asked.finds)))

    def _against_clean(self, asked: Asked, face: UInt8Image, changed: UInt8Image, far: float) -> str:
        model, masks = self.models.get(asked.model), self.models.masks_of(asked.model)
        found = compare(model, masks, face, changed)
        return occluded_page(replace(found, dressed=None), self.keeper.kept(model, masks), far=far)

    def _reader(self, model: FaceModel, finds: bool) -> Callable[[Path, str], UInt8Image]:
        return partial(self._crop, model, finds)

    def _crop(self, model: FaceModel, finds: bool, path: Path, name: str) -> UInt8Image:
        image = read_photograph(path, name=name)
        return self.cropper(image, model.size, name=name, finds=finds, alignment=model.alignment)
