"""What a threshold that was set by one protocol does in another."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from callbacks.metrics import Realised, rates_at_threshold, realised_rate
from callbacks.metrics.open_set import SearchScores
from callbacks.recognition.measure_names import with_interval
from callbacks.recognition.recognise import Recognition
from callbacks.recognition.verification import Verified


class CarriedThreshold(NamedTuple):
    """A threshold, and where it comes from."""

    value: float
    far: str
    """The false accept rate that it was set for, as it is written there."""
    setting: str
    """Protocol and condition that it was set by."""

    def said(self) -> str:
        """Return it in words."""
        return f"threshold {self.value:.4f}, set for FAR {self.far} by {self.setting}"

    def measures(self, found: Recognition) -> dict[str, dict[str, float]]:
        """Return, by condition, the threshold and the rates there, each with its interval.

        Measures are ``carried_threshold@far=…``; of pairs ``realised_far@far=…`` and ``realised_frr@far=…``, a rate
        only where there are pairs of its kind; of an open set ``realised_fpir@far=…`` and ``realised_fnir@far=…``.
        """
        rows: dict[str, dict[str, float]] = {}
        for condition, verified in found.verification.items():
            self._add(rows.setdefault(condition, {}), ("far", "frr"), self.of_pairs(verified))
        for condition, identified in found.identification.items():
            if identified.searched is not None:
                self._add(rows.setdefault(condition, {}), ("fpir", "fnir"), self.of_searches(identified.searched))
        return rows

    def of_pairs(self, verified: Verified) -> tuple[Realised | None, Realised | None]:
        """Return the false accept and the false reject rate of pairs, ``None`` for a kind of which there are none."""
        return rates_at_threshold(verified.scores, verified.same, self.value)

    def of_searches(self, searched: SearchScores) -> tuple[Realised, Realised]:
        """Return FPIR and FNIR of an open set."""
        missed, accepted = searched.mated.double() < self.value, searched.unmated.double() >= self.value
        return _share(accepted), _share(missed)

    def _add(self, row: dict[str, float], kinds: Sequence[str], rates: Sequence[Realised | None]) -> None:
        row[f"carried_threshold@far={self.far}"] = self.value
        for kind, rate in zip(kinds, rates, strict=True):
            if rate is not None:
                row |= zip(with_interval(f"realised_{kind}@far={self.far}"), rate, strict=True)


def _share(errors: Tensor) -> Realised:
    return realised_rate(int(errors.sum()), len(errors))
