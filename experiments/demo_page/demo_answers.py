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
from experiments.demo_page.face_gallery import Gallery, enrolled, searched
from experiments.demo_page.face_maps import class_map, pair_map
from experiments.demo_page.face_model import FaceModel
from experiments.demo_page.gallery_folder import chosen_folder
from experiments.demo_page.gallery_view import gallery_page, search_page
from experiments.demo_page.map_view import map_page
from experiments.demo_page.model_choice import ModelChoice
from experiments.demo_page.occluded_view import occluded_page
from experiments.demo_page.pair_comparison import PairComparison, compare
from experiments.demo_page.photographs import read_photograph
from experiments.demo_page.placed_occluder import Placement, covered, painted
from experiments.demo_page.turns import Steps

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
        crop = self._reader(model, asked.finds)
        return [crop(Path(str(path)), name) for name, path in given.items()]

    def compared(self, asked: Asked) -> PairComparison:
        """Compare the two photographs."""
        return compare(self.models.get(asked.model), self.models.masks_of(asked.model), *self.crops(asked))

    def comparison(self, found: PairComparison, model: str, far: float, least: float) -> str:
        """Return a comparison as HTML; the network has no part in it."""
        known = self.keeper.kept(self.models.get(model), self.models.masks_of(model))
        return comparison_page(found, known, far=far, least=least)

    def is_measured(self, model: str) -> bool:
        """Whether the thresholds of a model are known."""
        return self.keeper.kept(self.models.get(model), self.models.masks_of(model)) is not None

    def measured(self, model: str, told: Callable[[float, str], None]) -> None:
        """Measure the thresholds of a model, if they were not before."""
        self.keeper.measured(self.models.get(model), self.models.masks_of(model), told)

    def occluded(self, asked: Asked, category: str, placement: Placement, far: float) -> str:
        """Return a face with an occluder and its score against itself without, as HTML."""
        model = self.models.get(asked.model)
        (face,) = self.crops(asked, both=False)
        changed = covered(face, category, placement, landmarks=model.landmarks)
        return self._against_clean(asked.model, face, changed, far)

    def painted(self, model: str, face: UInt8Image, editor: Mapping[str, Any] | None, far: float) -> str:
        """Return a face as it was painted over and its score against itself without, as HTML."""
        return self._against_clean(model, face, painted(face, editor), far)

    def mapped(self, asked: Asked, kind: str, share: float, stride: int) -> Steps[str]:
        """Return an occlusion map as HTML, in steps.

        Args:
            asked: What all tabs ask by.
            kind: One of :data:`MAPS`, or :data:`CLASS_MAP`.
            share: Of the face's side that the grey square has.
            stride: Pixels between its centres.
        """
        model = self.models.get(asked.model)
        occluder = max(1, round(share * model.size))
        if kind == CLASS_MAP:
            (face,) = self.crops(asked, both=False)
            return map_page((yield from class_map(model, face, occluder=occluder, stride=stride)))
        if kind not in MAPS:
            raise DataError(f"Expected a map of {', '.join([*MAPS, CLASS_MAP])}, got {kind!r}")
        side: Any = MAPS[kind]
        steps = pair_map(model, *self.crops(asked), covered=side, occluder=occluder, stride=stride)
        return map_page((yield from steps))

    def enrolled(self, asked: Asked, folder: str) -> Steps[tuple[str, Gallery]]:
        """Return what the gallery of a folder says, and the gallery, in steps."""
        model = self.models.get(asked.model)
        found = yield from enrolled(chosen_folder(folder, self.galleries), model, self._reader(model, asked.finds))
        return gallery_page(found), found

    def found(self, asked: Asked, gallery: Gallery | None) -> str:
        """Return who of a gallery is most like the first photograph, as HTML."""
        if gallery is None:
            raise DataError("Expected an enrolled folder: enrol one first")
        model = self.models.get(asked.model)
        (face,) = self.crops(asked, both=False)
        return search_page(gallery, searched(gallery, face, model, self.models.masks_of(asked.model)))

    def _against_clean(self, name: str, face: UInt8Image, changed: UInt8Image, far: float) -> str:
        model, masks = self.models.get(name), self.models.masks_of(name)
        found = compare(model, masks, face, changed)
        return occluded_page(replace(found, dressed=None), self.keeper.kept(model, masks), far=far)

    def _reader(self, model: FaceModel, finds: bool) -> Callable[[Path, str], UInt8Image]:
        # without the model itself: a gallery keeps this for as long as its visitor stays
        return partial(self._crop, model.size, model.alignment, finds)

    def _crop(self, size: int, alignment: str, finds: bool, path: Path, name: str) -> UInt8Image:
        return self.cropper(read_photograph(path, name=name), size, name=name, finds=finds, alignment=alignment)
