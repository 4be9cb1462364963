"""The demo's page, served in a thread with models that are worked out by hand, for a browser to look at."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from datamodules.protocols.generated_protocol import generated_protocol
from experiments.demo_page.decision_keeper import DecisionKeeper
from experiments.demo_page.demo_answers import DemoAnswers
from experiments.demo_page.face_crops import FaceCropper
from experiments.demo_page.face_model import FaceModel
from experiments.demo_page.model_choice import ModelChoice
from experiments.demo_page.page_layout import build_page
from experiments.demo_page.page_server import quiet_environment, serve
from experiments.demo_page.sample_faces import write_samples
from tests.helpers.demo_models import Quarters, Slow, face_model

CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
WAIT = 60_000
"""Milliseconds that anything on the page may take: the machine may be busy."""


class ToyModels:
    """Models of which only the first is measured, and the last takes its time."""

    def __init__(self) -> None:
        self.slow = Slow()
        networks = {"toy": None, "other": Quarters(), "slow": self.slow}
        self._models = {name: face_model(network, name) for name, network in networks.items()}
        self.names = list(self._models)

    def get(self, name: str) -> FaceModel:
        """Return a model."""
        return self._models[name]

    def masks_of(self, name: str) -> FaceModel:
        """Return the model that segments."""
        return self._models["toy"]


class PageAtWork(NamedTuple):
    """A page that is served."""

    address: str
    answers: DemoAnswers
    folder: Path
    """With generated faces, which is also its gallery."""
    uploads: Path
    """Where what visitors give is kept."""
    slow: Slow
    """Network of the model that is called so."""

    def uploaded(self) -> Path:
        """Return a file as if a visitor had given it."""
        path = self.uploads / "given" / "face.png"
        path.parent.mkdir(exist_ok=True)
        return Path(shutil.copy(next(self.folder.glob("*.png")), path))


@contextmanager
def page_at_work(folder: Path) -> Iterator[PageAtWork]:
    """Serve a page until the context ends."""
    faces = folder / "faces"
    with tempfile.TemporaryDirectory() as temporary:
        quiet_environment(Path(temporary))
        write_samples(faces)
        protocol = generated_protocol(20, 2, cache_dir=None)
        keeper = DecisionKeeper(lambda: protocol, "generated", folder / "thresholds")
        models = ToyModels()
        answers = DemoAnswers(cast(ModelChoice, models), FaceCropper(), keeper, [faces])
        answers.measured("toy", lambda share, said: None)
        page: Any = build_page(answers, faces)
        try:
            address = serve(page, host="127.0.0.1", port=0, blocks=False)
            yield PageAtWork(address, answers, faces, Path(temporary), models.slow)
        finally:
            page.close(verbose=False)
