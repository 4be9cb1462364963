"""What a threshold that was set by one protocol does in another."""

from typing import NamedTuple

from callbacks.metrics import Realised, rates_at_threshold
from callbacks.recognition.measure_names import with_interval
from callbacks.recognition.recognise import Recognition


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
        """Return, by verified condition, the threshold and the rates there, each with its interval.

        Measures are ``carried_threshold@far=…``, ``realised_far@far=…`` and ``realised_frr@far=…``, a rate only where
        there are pairs of its kind.
        """
        rows: dict[str, dict[str, float]] = {}
        for condition, verified in found.verification.items():
            rates = rates_at_threshold(verified.scores, verified.same, self.value)
            rows[condition] = {f"carried_threshold@far={self.far}": self.value}
            for kind, rate in zip(("far", "frr"), rates, strict=True):
                rows[condition] |= _named(f"realised_{kind}@far={self.far}", rate)
        return rows


def _named(name: str, rate: Realised | None) -> dict[str, float]:
    return {} if rate is None else dict(zip(with_interval(name), rate, strict=True))
