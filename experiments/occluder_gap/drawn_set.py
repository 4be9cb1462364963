"""Faces that are covered by templates on the spot, for the comparison with real ones."""

from argparse import Namespace
from collections.abc import Iterator

import numpy as np

from datamodules.alignment import agreed_template
from datamodules.occluders import Blending, TemplateOccluder
from datamodules.randomness import sample_generator
from datamodules.sources import FixedLandmarks, ImageFolder
from experiments.cli import UserError
from experiments.cli.arguments import Parser
from experiments.cli.user_errors import as_user_errors
from experiments.occluder_gap.masked_images import MaskedImage, fitted


def add_drawing(parser: Parser) -> None:
    """Add the options by which faces are covered."""
    parser.add_argument("--faces", help="in the place of --drawn: folder of people's aligned faces, to be covered now")
    parser.add_argument("--category", help="of the templates that cover --faces")
    parser.add_argument("--occluders", help="folder of own occluder images; without it the suite's drawn ones")
    parser.add_argument("--alignment", help="of --faces, where nothing declares it: lfw (default), arcface")
    for name in ("--colour-transfer", "--feather", "--shadow"):
        parser.add_argument(name, nargs=2, type=float, default=(0.0, 0.0), metavar=("LOW", "HIGH"), help="of blending")


def drawn_images(options: Namespace, number: int) -> Iterator[MaskedImage]:
    """Yield faces of ``--faces`` under templates: every face once, from the first on, as many as asked for.

    Raises:
        UserError: If an option is wrong.
        DataError: If faces or templates cannot be used.
    """
    if not options.category:
        raise UserError("Expected --category with --faces, got none")
    faces = ImageFolder(options.faces)
    with as_user_errors(ValueError):
        landmarks = FixedLandmarks(agreed_template(options.faces, options.alignment, default="lfw"))
        ranges = (tuple(value) for value in (options.colour_transfer, options.feather, options.shadow))
        occluder = TemplateOccluder(options.category, folder=options.occluders, blending=Blending(*ranges))
    step = max(1, len(faces) // number)
    for index in range(0, min(len(faces), number * step), step):
        face = faces.image(index)
        points = landmarks(faces, index, *face.shape[:2])
        found = occluder(face, points, sample_generator(options.seed, 0, index, stream="occluder_gap"))
        yield fitted(faces.name(index), found.image, np.asarray(found.mask, np.bool_), options.size)
