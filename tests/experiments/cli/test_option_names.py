"""Names of options are checked from sources alone: in the parser's words, and never refusing what the parser takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import UserError, parse, run
from experiments.cli.called_cli import ParsingCLI
from experiments.cli.command_line import prepared
from experiments.cli.messages import parameters as parameters_of_class
from experiments.cli.option_names import SHOWING, SUBCOMMANDS, check_option_names
from experiments.cli.signatures import TRAINER, parameters
from experiments.runs.layers import CONFIGURATIONS

SIBLINGS = ("data", "scale", "alignment", "weights")
TRUNK = "model.init_args.network.init_args.trunk"


def class_paths(node: Any) -> Iterator[str]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key == "class_path":
            yield value
        yield from class_paths(value)


def refused(words: list[str]) -> str:
    with pytest.raises(UserError) as error:
        check_option_names(prepared(words), SIBLINGS)
    return str(error.value)


@pytest.mark.parametrize(
    "words",
    [
        ["--misspelt"],
        ["--misspelt=3", "--trainer.max_epoch=3"],
        ["--trainer.max_epoch", "3"],
        ["--max_epochs=3"],
        ["--scal=demo"],
        ["--dat.init_args.num_unseen=3"],
        ["--data.init_args.image_siz=32"],
        ["--data.init_args.num_unsen=32"],
        ["--data.image_siz=32"],
        ["--data.init_args.split.num_unsen=3"],
        ["--data.init_args.batch_size=3"],  # of a group: loading.batch_size
        ["--model.init_args.segmentation_wait=1"],
        ["--model.init_args.network.init_args.trnk=3"],
        [f"--{TRUNK}.init_args.wdth=0.5"],
        ["--data.init_args.training_occluder.init_args.folders=x"],
    ],
    ids=" ".join,
)
def test_refusals_are_the_parsers_to_the_letter(words: list[str]) -> None:
    words = ["fit", "--config=soidn_demo", *words]
    with pytest.raises(UserError) as error:
        parse(words, siblings=SIBLINGS)
    assert refused(words) == str(error.value)


def test_a_subcommand_that_is_none_is_refused_in_the_parsers_words() -> None:
    with pytest.raises(UserError) as error:
        parse(["fitt"])
    assert refused(["fitt"]) == str(error.value)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_setting_of_every_class_in_use_is_known(name: str) -> None:
    resolved = parse(["fit", f"--config={name}"])
    own = [path for path in class_paths({"model": resolved["model"], "data": resolved["data"]}) if parameters(path)]
    assert len(own) > 5
    for path in own:
        assert set(parameters(path) or ()) >= set(parameters_of_class(path)), path


def test_every_option_of_the_parser_is_known() -> None:
    cli = run(["fit", "--config=soidn_demo"], cli=ParsingCLI)
    assert set(cli._subcommand_parsers) == set(SUBCOMMANDS)
    for name, parser in cli._subcommand_parsers.items():
        options = {option for action in parser._actions for option in action.option_strings if option[:2] == "--"}
        names = {option.removeprefix("--").partition(".")[0] for option in options}
        assert names == {*SUBCOMMANDS[name], *SHOWING}
        settings = {option.split(".")[1].removesuffix("+") for option in options if option.startswith("--trainer.")}
        assert settings == set(parameters(TRAINER) or ())


@pytest.mark.parametrize(
    "words",
    [
        [
            "--data.split.num_unseen=3",
            "--data.init_args.checks.duplicate=drop",
            "--trainer.callbacks+=History",
            "--trainer.logger=false",
        ],
        [f"--{TRUNK}=lightning_modules.networks.TimmTrunk", f"--{TRUNK}.init_args.model_name=resnet18"],
        [f"--{TRUNK}.class_path=lightning_modules.networks.TimmTrunk", f"--{TRUNK}.init_args.model_name=resnet18"],
        ["--data.init_args.training_occluder.init_args.probabilities.none=0.5"],
        ["--model.init_args.optimizer.init_args.lr=0.1", "--seed_everything", "1", "--system=mine"],
        [
            "--model.init_args.margin_head=lightning_modules.networks.ArcFaceHead",
            "--model.init_args.margin_head.margin=15",
        ],
    ],
    ids=" ".join,
)
def test_what_the_parser_takes_is_taken(words: list[str]) -> None:
    words = ["fit", "--config=soidn_demo", *words]
    parse(words)
    check_option_names(prepared(words))


def test_what_only_the_parser_can_know_is_left_to_it(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("data: {class_path: theirs.Data}\n")
    for line in ([], ["--help"], ["fit", "--config", str(tmp_path / "own.yaml"), "--data.init_args.anything=1"]):
        check_option_names(prepared(line))
