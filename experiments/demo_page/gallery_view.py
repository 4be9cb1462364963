"""What a search of a gallery finds, as the page shows it."""

from collections.abc import Sequence

from experiments.demo_page.face_gallery import SHOWN, Candidate, Found, Gallery
from experiments.demo_page.gallery_folder import readable
from experiments.demo_page.page_parts import figure, paragraph, part, row


def gallery_page(gallery: Gallery) -> str:
    """Return what was enrolled, and what was left out."""
    said = [paragraph(f"{len(gallery.names):,} faces of {readable(gallery.folder.name)} are enrolled.", kind="verdict")]
    if gallery.left_out:
        said.append(paragraph(f"Left out: {len(gallery.left_out):,}; the first: {gallery.left_out[0]}", kind="note"))
    return part(*said)


def search_page(gallery: Gallery, found: Found) -> str:
    """Return the first candidates of a search, by both ways of comparing."""
    parts = [gallery_page(gallery), _ranked("Most alike, compared as they are", found.plain)]
    if found.reranked is None:
        parts.append(part(paragraph("No model says what is covered, so none are compared covered alike.", kind="note")))
    else:
        parts.append(_ranked("Compared once more, covered alike", found.reranked))
    return "".join(parts)


def _ranked(heading: str, candidates: Sequence[Candidate]) -> str:
    shown = [
        figure(
            one.face,
            alt=f"Number {rank} of {min(SHOWN, len(candidates))}: {one.name}, score {one.score:.3f}",
            caption=f"{rank}. {one.name}: {one.score:.3f}",
        )
        for rank, one in enumerate(candidates, 1)
    ]
    return part(row(shown), heading=heading)
