"""A command line that is only parsed: what it says, whatever was parsed before."""

import pytest

from experiments.cli import UserError, build, parse
from tests.experiments.conftest import Options

LR = ["--model.init_args.optimizer.init_args.lr=0.5", "--trainer.callbacks+=callbacks.History"]


def test_what_was_parsed_before_leaves_nothing_behind() -> None:
    first = parse(["fit", "--config=trunk_demo"])
    assert first["model"]["init_args"]["optimizer"]["init_args"]["lr"] == 0.006
    changed = parse(["fit", "--config=trunk_demo", *LR])
    assert changed["model"]["init_args"]["optimizer"]["init_args"]["lr"] == 0.5
    assert len(changed["trainer"]["callbacks"]) == len(first["trainer"]["callbacks"]) + 1
    with pytest.raises(UserError, match=r"max_epoch=1; did you mean 'trainer\.max_epochs'"):
        parse(["fit", "--config=trunk_demo", "--trainer.max_epoch=1"])
    with pytest.raises(UserError, match="sclae=demo; did you mean 'scale'"):
        parse(["fit", "--config=trunk_demo", "--sclae=demo"], siblings=["scale"])
    assert parse(["validate", "--config=batch_triplet_demo"])["system"] == "Model C"
    assert parse(["fit", "--config=trunk_demo"]) == first


def test_what_is_parsed_is_what_is_built(tiny: Options) -> None:
    words = ["fit", "--config=trunk_demo", *tiny]
    built = build(words)
    assert built.trainer.global_step == 0
    assert parse(words) == built.config.fit.as_dict()
