"""What the page is started with is checked before anything is loaded, and its photographs go when it is ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.cli import UserError
from experiments.demo import parsed

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--port", "70000"], "Expected --port of at most 65535, got 70000"),
        (["--host", "no host"], "Expected --host to be an address of this machine, got 'no host': "),
        (["--host", "a" * 300], "Expected --host to be an address of this machine"),
        (["--gallery", "nowhere"], "Expected --gallery to be a folder, with a name of letters, got nowhere"),
        (["--detector-model", "yunet.onnx"], "Expected --detector with --detector-model, got none"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(args: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        parsed(args)
    assert "\n" not in str(refused.value)


def test_a_gallery_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    with pytest.raises(UserError, match=r"with a name of letters, got .*\ufffd$"):
        parsed(["--gallery", str(folder)])


def test_by_default_it_is_served_on_this_machine_alone() -> None:
    assert parsed([]).host == "127.0.0.1"


@pytest.mark.parametrize("ended", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_photographs_are_removed_however_the_page_is_ended(ended: signal.Signals) -> None:
    program = "import signal, time\nfrom experiments.demo import until_ended\n"
    program += (
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    )
    program += "with until_ended() as folder:\n"  # what the tests are started by may ignore signals
    program += " (folder / 'face.png').touch()\n print(folder, flush=True)\n time.sleep(60)"
    words = [sys.executable, "-c", program]
    page = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
    with page:
        assert page.stdout is not None
        folder = Path(page.stdout.readline().strip())
        assert (folder / "face.png").exists()
        page.send_signal(ended)
        page.wait(30)
    assert not folder.exists()
