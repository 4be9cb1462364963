"""Where an evaluation is written: each result when it is there, whole or not at all, and earlier ones set aside."""

import csv
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile

from callbacks.run_files import write_json
from datamodules.whole_file import write_whole
from experiments.cli import UserError
from experiments.runs.digests import slugs

Results = dict[str, dict[str, dict[str, dict[str, float | None]]]]
"""Model → protocol → condition → measure."""

RESULTS, TABLE, GIVEN, EARLIER = "results.json", "results.csv", "given.json", "earlier"
DET, DET_OF_SEARCHES = "det.png", "det_of_searches.png"
COMPARISON, PAGE = "comparison.csv", "report.html"
"""Of several models: written when all is measured, so that those of an earlier call must not stay until then."""
FILES = (RESULTS, TABLE, GIVEN, DET, DET_OF_SEARCHES, COMPARISON, PAGE)
SCORES = "cosine similarities"
"""What the thresholds among the results are compared with."""


class EvaluationFolder:
    """A folder of results and figures.

    Args:
        path: The folder.
        models: Names of the models.
        protocols: What to call each protocol's folder of figures.

    Raises:
        UserError: If the folder cannot be made or written.
    """

    def __init__(self, path: Path, models: Sequence[str], protocols: Sequence[str]) -> None:
        self.path = path
        self._models = slugs(models, reserved=[*FILES, EARLIER])
        self._protocols = slugs(protocols)
        check_writable(path, "--out")

    def begin(self, given: Mapping[str, object]) -> None:
        """Set an earlier evaluation aside, in ``earlier/<number>``, and write what is evaluated now."""
        if (self.path / RESULTS).exists():
            aside = next(aside for n in count(1) if not (aside := self.path / EARLIER / str(n)).exists())
            aside.mkdir(parents=True)
            for name in self._written_before():
                if (self.path / name).exists():
                    shutil.move(self.path / name, aside / name)
            print(f"Earlier results: {aside}")
        write_json(self.path / GIVEN, {**given, "folders": list(self._models.values())})

    def figures(self, model: str, protocol: str) -> Path:
        """Return the folder of a model's figures by a protocol."""
        return self.path / self._models[model] / self._protocols[protocol]

    def write(self, results: Results) -> None:
        """Write all results that there are, each file whole or not at all."""
        write_json(self.path / RESULTS, results)
        write_whole(self.path / TABLE, as_csv(results))

    def _written_before(self) -> list[str]:
        names = list(FILES)
        for file in (RESULTS, GIVEN):
            try:
                content = json.loads((self.path / file).read_text(encoding="utf-8"))
                names += list(slugs(content).values()) if file == RESULTS else content["folders"]
            except (OSError, ValueError, KeyError, TypeError):  # damaged: its figures stay where they are
                continue
        return list(dict.fromkeys(names))


def check_writable(folder: Path, option: str) -> None:
    """Make a folder and write into it, so that a mistake shows before anything is computed.

    Raises:
        UserError: If that cannot be done.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            file.write(b"0")
    except OSError as error:
        raise UserError(f"Expected a folder that can be written as {option}, got {folder}: {error.strerror}") from error


def as_csv(results: Results) -> str:
    """Return one line for each measure; without a value where it is not measurable."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("model", "protocol", "condition", "measure", "value"))
    for model, protocols in results.items():
        for protocol, conditions in protocols.items():
            for condition, values in conditions.items():
                for measure, value in values.items():
                    said = "" if value is None else json.dumps(value, allow_nan=False)
                    writer.writerow((model, protocol, condition, measure, said))
    return text.getvalue()
