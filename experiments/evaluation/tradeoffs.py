"""The error tradeoffs of all models and conditions of an evaluation, gathered for figures of their own."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from callbacks.figures.det_figure import Tradeoff, draw_det, thinned
from callbacks.metrics import DetCurve, Realised, det_curve
from callbacks.recognition.recognise import Recognition
from experiments.evaluation.protocol_figures import draw_or_warn
from experiments.evaluation.realised_measures import CarriedThreshold
from experiments.evaluation.results_folder import DET, DET_OF_SEARCHES

Drawn = dict[str, dict[str, Tradeoff]]
"""Model → protocol and condition → what is drawn."""


@dataclass
class Tradeoffs:
    """Tradeoffs of pairs and of searches."""

    pairs: Drawn = field(default_factory=dict)
    searches: Drawn = field(default_factory=dict)

    def add(self, model: str, protocol: str, found: Recognition, carried: CarriedThreshold | None) -> None:
        """Keep the curves of a protocol, as fine as they are drawn, and the rates at a threshold."""
        for condition, verified in found.verification.items():
            if bool(verified.same.any()) and not bool(verified.same.all()):
                curve = det_curve(verified.scores[verified.same], verified.scores[~verified.same])
                rates = None if carried is None else carried.of_pairs(verified)
                self.pairs.setdefault(model, {})[_called(protocol, condition)] = _tradeoff(curve, rates)
        for condition, identified in found.identification.items():
            if identified.searched is not None:
                curve = det_curve(*identified.searched)
                rates = None if carried is None else carried.of_searches(identified.searched)
                self.searches.setdefault(model, {})[_called(protocol, condition)] = _tradeoff(curve, rates)

    def draw(self, folder: Path) -> None:
        """Draw both, as far as there is something; what cannot be drawn is a warning."""
        if self.pairs:
            draw_or_warn(folder / DET, partial(draw_det, self.pairs))
        if self.searches:
            draw_or_warn(folder / DET_OF_SEARCHES, partial(draw_det, self.searches, axes_names=("FPIR", "FNIR")))


def _called(protocol: str, condition: str) -> str:
    return protocol if condition == "all" else f"{protocol} {condition}"


def _tradeoff(curve: DetCurve, rates: tuple[Realised | None, Realised | None] | None) -> Tradeoff:
    first, second = (None, None) if rates is None else rates
    return Tradeoff(thinned(curve), None if first is None or second is None else (first.rate, second.rate))
