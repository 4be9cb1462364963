"""A listing that is written reads back as what was written."""

from pathlib import Path

from datamodules.occluders.listing_writer import write_listing
from datamodules.occluders.own_images import OwnImage, read_listing


def test_what_is_written_is_read(tmp_path: Path) -> None:
    eyes = {"left_eye": (1.5, -20.0), "right_eye": (60.0, -20.0)}
    entries = [
        OwnImage(tmp_path / "a b.PNG", "mask", eyes),
        OwnImage(
            tmp_path / "sub" / "Brücke: 1.webp", "yes", {**eyes, "mouth": (30.0, 90.0)}, "affine", "held_out", 0.5
        ),
    ]
    path = write_listing(tmp_path, entries)
    assert path == tmp_path / "occluders.yaml"
    assert read_listing(tmp_path) == entries
    assert path.read_text().count("fit:") == path.read_text().count("opacity:") == 1
