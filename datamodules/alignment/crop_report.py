"""What became of the images of a folder: counted by kind, and the failures listed, beside the crops."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from datamodules.alignment.align_folder import ALIGNED, ALREADY_THERE, CropOutcome
from datamodules.whole_file import write_whole

REPORT = "align_report.json"
FAILED = "failed.csv"


class CropReport:
    """Outcomes, counted as they come.

    Args:
        outcomes: One for each image, and for each row of landmarks without one.

    Attributes:
        aligned: How many crops were made.
        already_there: How many were there.
        kinds: How many faces have no crop, by the kind of failure, the most frequent one first.
        failed: The failures.
    """

    def __init__(self, outcomes: Iterable[CropOutcome]) -> None:
        counts: Counter[str] = Counter()
        self.failed: list[CropOutcome] = []
        for outcome in outcomes:
            counts[outcome.kind] += 1
            if outcome.reason:
                self.failed.append(outcome)
        self.aligned, self.already_there = counts.pop(ALIGNED, 0), counts.pop(ALREADY_THERE, 0)
        self.kinds = dict(counts.most_common())

    def write(self, folder: Path, made_of: Mapping[str, Any], seconds: float) -> None:
        """Write ``align_report.json``, and ``failed.csv`` with path, kind and reason of each face without a crop.

        Args:
            folder: That of the crops.
            made_of: What the crops were made of, and how, by name.
            seconds: How long that took.
        """
        write_whole(folder / FAILED, self._table())
        counts = {"aligned": self.aligned, "already_there": self.already_there, "failed": self.kinds}
        content = {**made_of, **counts, "seconds": round(seconds, 3)}
        write_whole(folder / REPORT, json.dumps(content, indent=2) + "\n")

    def describe(self, folder: Path) -> str:
        """Return in one line how many faces have no crop, why, and where that is listed."""
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.kinds.items())
        return (
            f"{folder / FAILED}: {len(self.failed):,} faces have no crop ({kinds}), the first: {self.failed[0].reason}"
        )

    def _table(self) -> bytes:
        text = StringIO()
        writer = csv.writer(text)
        writer.writerow(("path", "kind", "reason"))
        writer.writerows(self.failed)
        return text.getvalue().encode(errors="surrogateescape")
