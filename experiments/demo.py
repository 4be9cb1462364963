"""A page to look at: two photographs in, and why they match or not.

    python -m experiments.demo [--model runs/…/last.ckpt] [--detector yunet --detector-model FILE] [--gallery FOLDER]

It is served on 127.0.0.1, computes there, and asks no other machine. Models are those of all options ``--model``,
checkpoints and what ``--extractor`` of ``experiments.evaluate`` takes; by default all of ``runs``, and
where there are none, the demo's SOIDN is trained first, which takes about three minutes. Photographs are aligned by a
detector where one is given; else the middle square is taken as it is. Thresholds are measured once by ``--protocol``,
by default on generated faces, and kept below ``--out``.
"""

import argparse
import importlib.util
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.cli.arguments import Parser, check_writable, whole
from experiments.cli.user_errors import UserError, main

if TYPE_CHECKING:
    from experiments.demo_page.demo_answers import DemoAnswers

TRAINING = ["-m", "experiments.launch", "soidn"]
ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""How a page is ended that nobody ends by Ctrl+C."""
LAST_PORT = 65_535


def demo(args: Sequence[str]) -> None:
    """Check what is asked for, train if there is no model, measure thresholds if there are none, and serve the page.

    Raises:
        UserError: If an option is wrong, a model cannot be loaded, or the page cannot be served.
        DataError: If the detector or the protocol cannot be used.
    """
    options = parsed(args)
    if importlib.util.find_spec("gradio") is None:
        raise UserError("Expected gradio, which `make demo` installs (requirements-demo.txt), got none")
    out = Path(options.out)
    check_writable(out, "--out")
    with until_ended() as temporary:
        serve_page(options, out, temporary)


@contextmanager
def until_ended() -> Iterator[Path]:
    """Give a folder for photographs, and remove it however the page is ended, but for being killed."""
    for number in ENDS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, lambda number, frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="demo-", ignore_cleanup_errors=True) as temporary:
        yield Path(temporary)


def parsed(args: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line.

    Raises:
        UserError: If one is wrong.
    """
    from experiments.demo_page.gallery_folder import readable  # noqa: PLC0415  after --help's
    from experiments.evaluation.evaluation_options import add_pixels, add_protocols  # noqa: PLC0415

    parser = Parser(prog="python -m experiments.demo", description=__doc__)
    parser.add_argument("--model", action="append", default=[], help="a checkpoint, or what an evaluation takes")
    parser.add_argument("--masks", help="a model that segments, for those that do not")
    parser.add_argument("--detector", help="yunet, or module:factory")
    parser.add_argument("--detector-model", help="the detector's file")
    parser.add_argument("--gallery", action="append", default=[], type=Path, help="folder whose faces may be searched")
    parser.add_argument("--host", default="127.0.0.1", help="default %(default)s: nobody else can reach it")
    parser.add_argument("--port", type=whole("--port", 0), default=7860, help="default %(default)s; 0: any")
    parser.add_argument("--out", default="runs/demo", help="where thresholds and generated faces are kept")
    add_pixels(parser)
    add_protocols(parser)
    given = any(word.split("=")[0] == "--protocol" for word in args)
    options = parser.parse_args([*args, *([] if given else ["--protocol", "generated"])])
    for folder in options.gallery:
        if not folder.is_dir() or readable(folder) != str(folder):
            raise UserError(f"Expected --gallery to be a folder, with a name of letters, got {readable(folder)}")
    if options.port > LAST_PORT:
        raise UserError(f"Expected --port of at most {LAST_PORT}, got {options.port}")
    try:
        socket.getaddrinfo(options.host, None)
    except (OSError, UnicodeError) as error:
        raise UserError(f"Expected --host to be an address of this machine, got {options.host!r}: {error}") from error
    if options.detector is None and options.detector_model is not None:
        raise UserError("Expected --detector with --detector-model, got none")
    return options


def serve_page(options: argparse.Namespace, out: Path, temporary: Path) -> None:
    """Prepare what the page needs, and serve it until it is ended."""
    from experiments.demo_page.page_server import LOOPBACK, quiet_environment, serve  # noqa: PLC0415  heavy

    quiet_environment(temporary)
    answers = prepared(options, out)
    from experiments.demo_page.page_layout import build_page  # noqa: PLC0415  after the environment

    if options.host not in LOOPBACK:
        print(f"warning: {options.host}: whoever reaches this machine can use the page and search its galleries")
    page = build_page(answers, out / "faces")
    place = f"[{options.host}]" if ":" in options.host else options.host
    try:
        address = serve(page, host=options.host, port=options.port, blocks=False)
    except OSError as error:
        raise UserError(f"Expected --port that is free on {place}, got {options.port}: {error}") from error
    print(f"Ready: {address} (Ctrl+C ends it)", flush=True)
    page.block_thread()


def prepared(options: argparse.Namespace, out: Path) -> "DemoAnswers":
    """Return what answers, with a model that is loaded and its thresholds measured."""
    from datamodules.alignment import load_detector  # noqa: PLC0415  heavy, as what follows
    from experiments import cli  # noqa: PLC0415
    from experiments.demo_page.decision_keeper import DecisionKeeper, protocol_of  # noqa: PLC0415
    from experiments.demo_page.demo_answers import DemoAnswers  # noqa: PLC0415
    from experiments.demo_page.face_crops import FaceCropper  # noqa: PLC0415
    from experiments.demo_page.model_choice import ModelChoice  # noqa: PLC0415
    from experiments.demo_page.sample_faces import write_samples  # noqa: PLC0415

    cli.silence()
    detector = None if options.detector is None else load_detector(options.detector, options.detector_model)
    models = ModelChoice(options.model or trained_or_training(), options, options.masks)
    write_samples(out / "faces")
    keeper = DecisionKeeper(*protocol_of(options), out / "thresholds")
    answers = DemoAnswers(models, FaceCropper(detector), keeper, [*options.gallery, out / "faces"])
    name = models.begin(strict=bool(options.model))
    if keeper.kept(models.get(name), models.masks_of(name)) is None:
        print(f"Measuring the thresholds of {name} once, a minute or two; kept in {keeper.folder}", flush=True)
        answers.measured(name, lambda share, said: print(f"\r{said}: {share:.0%}  ", end="", flush=True))
        print()
    return answers


def trained_or_training() -> list[str]:
    """Return the checkpoints of all runs; where there are none, after the demo's SOIDN was trained.

    Raises:
        UserError: If it could not be.
    """
    from experiments.demo_page.model_choice import trained_checkpoints  # noqa: PLC0415  heavy

    found = trained_checkpoints()
    if found:
        return found
    print("No model in runs: training the demo's SOIDN first, as `make train-soidn` does, 2 to 4 minutes", flush=True)
    ended = subprocess.run([sys.executable, *TRAINING], check=False)  # noqa: S603  our own command
    if ended.returncode or not (found := trained_checkpoints()):
        raise UserError("Expected `make train-soidn` to leave a checkpoint, got none: see above")
    return found


if __name__ == "__main__":
    main(demo)
