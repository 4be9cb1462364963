"""Take a trained model away: as ONNX and safetensors, with a description for programs and a page for people.

    python -m experiments.export --checkpoint runs/…/checkpoints/last.ckpt --out FOLDER [--results FILE]
                                 [--pixel-range 0-255|0-1] [--licence TEXT] [--config FILE]

Written are model.onnx, of any number of RGB images with the normalisation inside, which is refused where onnxruntime
does not agree with torch to 1e-4; model.safetensors, weights without the classifier; model.yaml; and README.md, a model
card. All of it is written, or nothing. Figures are those of the run, thresholds those of an evaluation of the same
weights: of runs/evaluation, or of --results. See docs/exporting.md.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from datamodules.whole_file import write_whole
from experiments import cli, exporting
from experiments.cli.arguments import Parser
from experiments.cli.user_errors import main
from experiments.evaluation.embedding_key import module_key
from experiments.evaluation.trained_module import load_trained
from experiments.exporting.exported_folder import CARD, ONNX, WEIGHTS
from experiments.exporting.model_description import Exported
from lightning_modules.extractors.declared_pixels import RANGES


def export(args: Sequence[str]) -> None:
    """Write a model's folder.

    Raises:
        UserError: If the checkpoint, the results or the place cannot be used, or onnxruntime does not agree.
    """
    options = _parse(args)
    cli.silence()
    out = Path(options.out)
    exporting.check_place(out)
    trained = load_trained(options.checkpoint, options.config)
    key = module_key(trained.module, trained.image_size)
    kept = exporting.kept_figures(Path(options.checkpoint), key, options.results)
    network = exporting.ExportedNetwork(trained.module, options.pixel_range).eval()
    exported = Exported(trained, network, kept, options.pixel_range, options.licence)
    with exporting.whole_folder(out) as folder:
        exporting.write_onnx(network, trained.image_size, folder / ONNX, exported.declared)
        difference = exporting.check_agreement(network, trained.image_size, folder / ONNX)
        exporting.write_weights(network, folder / WEIGHTS)
        content = exporting.described_model(exported, folder)
        write_whole(folder / CARD, exporting.model_card(exported, content))
    print(f"onnxruntime and torch differ by {difference:.1g} at most")
    print(f"Thresholds and figures of protocols: {kept.source or 'none; an evaluation has them: --results'}")
    print(f"{trained.system}: {out}")


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m experiments.export",
        description=__doc__,
    )
    parser.add_argument("--checkpoint", required=True, help="of a run of this suite")
    parser.add_argument("--config", help="the run's config.yaml, where it is not in the folder above the checkpoint's")
    parser.add_argument("--out", required=True, help="the folder that is written")
    parser.add_argument("--results", help="results.json of an evaluation of this checkpoint")
    parser.add_argument("--pixel-range", choices=tuple(RANGES), default="0-255", help="of the images that it takes")
    parser.add_argument("--licence", default="Not stated", help="that you give the weights")
    return parser.parse_args(args)


if __name__ == "__main__":
    main(export)
