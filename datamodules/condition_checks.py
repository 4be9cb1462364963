"""Whether the conditions of an evaluation can be told from each other."""

from collections.abc import Callable

from datamodules.errors import DataError
from datamodules.occluders.mixture import OccluderMixture
from datamodules.seams.conditions import check_conditions
from datamodules.seams.face_source import FaceSource


def check_told_apart(source: FaceSource, occluders: OccluderMixture | None) -> None:
    """Refuse names of drawn occluders that stand for something else, such as for what covers a photograph.

    Args:
        source: Its ``kind``, where it has one, says what covers each photograph.
        occluders: The conditions of the evaluation.

    Raises:
        ValueError: If a name is none of a condition.
        DataError: If photographs are covered by what is called as a drawn occluder: the two would be measured as one.
    """
    drawn = occluders.names if occluders else ()
    check_conditions(drawn)
    kind_of: Callable[[int], str] | None = getattr(source, "kind", None)
    if kind_of is None or not drawn:
        return
    for index in range(len(source)):
        if (kind := kind_of(index)) in drawn:
            raise DataError(
                f"{source.name(index)}: expected its occluder called other than those that are drawn "
                f"({', '.join(drawn)}), got {kind!r}: another name, such as 'real {kind}', tells the two apart"
            )
