"""What a run says at its start is about the run: no advertisement, no table of zeros, no warning about a library."""

import pytest
from pytorch_lightning.callbacks import ModelSummary

from experiments.cli import build, wandb_runs
from tests.experiments.conftest import Options


def test_libraries_do_not_speak_of_themselves(
    tiny: Options, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "false")
    with caplog.at_level("INFO", "pytorch_lightning"), caplog.at_level("INFO", "lightning_fabric"):
        built = build(["fit", "--config=soidn_demo", *tiny])
        wandb_runs.start(built.trainer)
    wandb_runs.finish()
    said = caplog.text + "".join(capsys.readouterr())
    for chatter in ("Tip", "TPU", "Seed set", "anonymous"):
        assert chatter not in said
    assert "GPU available" in said


def test_a_table_of_modules_is_printed_to_those_who_ask_for_it(tiny: Options) -> None:
    def has_table(*words: str) -> bool:
        built = build(["fit", "--config=trunk_demo", *tiny, *words])
        return any(isinstance(callback, ModelSummary) for callback in built.trainer.callbacks)  # type: ignore[attr-defined]  # Lightning sets it elsewhere

    assert not has_table()
    assert has_table("--trainer.enable_model_summary=true")
