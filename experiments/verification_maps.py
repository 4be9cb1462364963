"""Occlusion maps of verification: which parts of a face a recogniser relies on, by the genuine pairs of a protocol.

    python -m experiments.verification_maps --model runs/…/checkpoints/last.ckpt --protocol generated
    python -m experiments.verification_maps --model sface.yaml --protocol lfw --root LFW --limit 60 --stride 8
        [--occluder 20x20] [--fill 127.5] [--covered both first second] [--far 0.001 | --threshold 0.3 0.4]
        [--steps 10] [--classifier-map FILE] [--out FOLDER]

An occluder is centred at every ``--stride``-th pixel of both images of a pair, or of one, and the pair's cosine
similarity is taken anew. Written are, for each threshold, the share of genuine pairs that it rejects there, an
occlusion map (.npz) by which patches can be placed in training; pictures over a drawn face; measures.json with
intervals over identities; and the curves of deletion and insertion. Scores are kept as they are computed, so that an
interrupted call goes on. ``--model`` is what --checkpoint and --extractor of experiments.evaluate take; ONNX and
TorchScript files are run densely. See docs/verification_maps.md.
"""

from collections.abc import Sequence
from pathlib import Path

from experiments import cli
from experiments.cli.arguments import check_writable
from experiments.cli.user_errors import main
from experiments.verification_mapping.map_options import parsed
from experiments.verification_mapping.mapping_report import report
from experiments.verification_mapping.mapping_run import MappingRun


def verification_maps(args: Sequence[str]) -> None:
    """Check what can be checked, embed, map, measure, draw.

    Raises:
        UserError: If an option is wrong, or the model cannot be used.
        DataError: If the protocol's files cannot be used, or a face's embedding is none.
    """
    options = parsed(args, __doc__ or "")
    cli.silence()
    check_writable(Path(options.out), "maps")
    report(MappingRun(options))


if __name__ == "__main__":
    main(verification_maps)
