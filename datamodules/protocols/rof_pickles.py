"""The pickles in which ROF lists its faces: addresses of photographs, and boxes of faces in them."""

from collections.abc import Mapping
from pathlib import Path

from datamodules.errors import DataError
from datamodules.protocols.guarded_tables import load_guarded_tables
from datamodules.protocols.worn import MASKED, SUNGLASSES, UNMASKED

ListedFaces = Mapping[tuple[str, str], int]
"""How many faces are listed of a person with something worn."""
FOLDERS: Mapping[str, str] = {"neutral": UNMASKED, "sunglasses": SUNGLASSES, "masked": MASKED}
_ENDINGS = ("_wearing_mask", "_wearing_sunglasses")


def person_of(name: str) -> str:
    """Return whom a pickle or a folder of crops shows.

    Example:
        >>> person_of("ada_lovelace_wearing_mask"), person_of("ada_lovelace")
        ('ada_lovelace', 'ada_lovelace')
    """
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def read_pickles(folder: Path) -> ListedFaces:
    """Return how many faces ``neutral``, ``sunglasses`` and ``masked`` of a folder list, of each person.

    Raises:
        DataError: If a pickle cannot be read or holds anything but a table of photographs with faces, or there is none.
    """
    listed = {
        (person_of(path.stem), worn): _faces(path)
        for name, worn in FOLDERS.items()
        for path in sorted((folder / name).glob("*.pkl"))
    }
    if not listed:
        raise DataError(f"{folder}: expected pickles in {', '.join(FOLDERS)}, got none")
    return listed


def _faces(path: Path) -> int:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a pickle, got {error.strerror}") from None
    table = load_guarded_tables(data, name=str(path))
    if not isinstance(table, dict):
        raise DataError(f"{path}: expected a table of photographs, got {type(table).__name__}")
    number = 0
    for key, photograph in table.items():
        faces = photograph.get("faces", photograph.get(b"faces")) if isinstance(photograph, dict) else None
        if not isinstance(faces, list):
            raise DataError(
                f"{path}: expected `faces`, a list, of photograph {str(key)[:40]!r}, got {type(faces).__name__}"
            )
        number += len(faces)
    return number
