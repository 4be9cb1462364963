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
from tests.helpers.demo_models import Quarters, face_model

CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
WAIT = 60_000
"""Milliseconds that anything on the page may take: the machine may be busy."""


class ToyModels:
    """Two models, of which the second is not measured."""

    def __init__(self) -> None:
        self._models = {"toy": face_model(name="toy"), "other": face_model(Quarters(), "other")}
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


@contextmanager
def page_at_work(folder: Path) -> Iterator[PageAtWork]:
    """Serve a page until the context ends."""
    faces = folder / "faces"
    with tempfile.TemporaryDirectory() as temporary:
        quiet_environment(Path(temporary))
        write_samples(faces)
        protocol = generated_protocol(20, 2, cache_dir=None)
        keeper = DecisionKeeper(lambda: protocol, "generated", folder / "thresholds")
        models = cast(ModelChoice, ToyModels())
        answers = DemoAnswers(models, FaceCropper(), keeper, [faces])
        answers.measured("toy", lambda share, said: None)
        page: Any = build_page(answers, faces)
        try:
            yield PageAtWork(serve(page, host="127.0.0.1", port=0, blocks=False), answers, faces)
        finally:
            page.close(verbose=False)
