"""A run is the same run whoever asks for it and however its configuration is spelt, and another where its result is."""

from pathlib import Path
from typing import Any

import pytest

from experiments.launch import planned
from experiments.reproduction.paper_file import load, papers
from experiments.reproduction.paper_runs import add_paper
from experiments.runs.digests import digits_of
from experiments.runs.layers import SYSTEMS
from experiments.runs.resolution import resolved
from experiments.runs.run_graph import Node, RunGraph
from experiments.runs.run_identity import run_digest
from experiments.runs.setting import Setting, add_system, shared_overrides
from experiments.runs.spec import RunSpec
from tests.experiments.conftest import Options
from tests.helpers.system_groups import FROM_MODEL_A

LR = "model.init_args.optimizer.init_args.lr"


def digest_of(*overrides: str, config: str = "soidn_demo", **changes: Any) -> str:
    digits_of.cache_clear()  # as another process would
    return run_digest(resolved(RunSpec(config, changes, overrides)))


def test_spelling_does_not_matter(tmp_path: Path) -> None:
    layer = tmp_path / "mine.yaml"
    layer.write_text("model: {init_args: {segmentation_weight: 0.5}}\n")
    changes: dict[str, Any] = {"model.init_args.segmentation_weight": 0.5}
    same = [
        digest_of("--model.init_args.segmentation_weight=0.5"),
        digest_of(**changes),
        digest_of(f"--config={layer}"),
        digest_of("--model.init_args.segmentation_weight=0.50", "--model.init_args.dropout=0.0"),  # a default
        digest_of("--model.init_args.segmentation_weight=2", f"--config={layer}"),
    ]
    assert len(set(same)) == 1
    assert digest_of() not in same


@pytest.mark.parametrize(
    "option",
    [
        "--trainer.logger=false",
        "--trainer.callbacks+=callbacks.History",
        "--trainer.enable_progress_bar=false",
        "--trainer.enable_model_summary=false",
        "--trainer.default_root_dir=elsewhere",
        "--data.init_args.loading.num_workers=3",
        "--data.init_args.source.init_args.cache_dir=elsewhere",
        "--system=Mine",
        "--evaluate=false",
    ],
)
def test_what_changes_no_figure_makes_no_other_run(option: str) -> None:
    assert digest_of(option) == digest_of()


def test_how_clean_validation_faces_are_occluded_makes_no_other_run() -> None:
    option = "--data.init_args.occlude_validation=false"
    assert digest_of(option, config="trunk_demo") == digest_of(config="trunk_demo")
    assert digest_of(option) != digest_of()


@pytest.mark.parametrize(
    "option",
    [
        "--seed_everything=1",
        f"--{LR}=0.5",
        "--trainer.max_epochs=9",
        "--trainer.precision=bf16-mixed",
        "--data.init_args.source.init_args.seed=1",
        "--trainer.callbacks+=callbacks.TripletStatistics",  # it is asked for by what it leaves
    ],
)
def test_what_may_change_a_figure_makes_another_run(option: str) -> None:
    assert digest_of(option) != digest_of()


def test_the_order_of_a_mixture_counts_and_that_of_settings_does_not() -> None:
    key = "--data.init_args.evaluation_occluders.init_args.probabilities"
    assert digest_of(f"{key}={{scarf: 1, cup: 1}}") != digest_of(f"{key}={{cup: 1, scarf: 1}}")
    key = "--data.init_args.source"
    path = "class_path: datamodules.sources.SyntheticFaces"
    assert digest_of(f"{key}={{{path}, init_args: {{num_identities: 9, seed: 1}}}}") == digest_of(
        f"{key}={{init_args: {{seed: 1, num_identities: 9}}, {path}}}"
    )


def test_files_count_by_what_they_hold_and_those_of_runs_by_their_names(tmp_path: Path) -> None:
    def named(path: Path) -> str:
        return digest_of(**{"model.init_args.segmenter_weights": str(path)})

    one, other = tmp_path / "one.pth", tmp_path / "other.pth"
    left = Path("runs/trunk/0123456789ab/checkpoints/last.ckpt")
    one.write_text("weights")
    other.write_text("weights")
    assert named(one) == named(other)
    other.write_text("others")
    assert named(one) != named(other)
    before = named(left)
    left.parent.mkdir(parents=True)
    left.write_text("weights")
    assert named(left) == named(left.absolute()) == before


def by_name(graph: RunGraph) -> dict[str, Node]:
    return {node.name: node for node in graph.nodes.values()}


def test_systems_that_start_from_the_same_start_from_one_run() -> None:
    graph, setting = RunGraph(), Setting("demo")
    for system in SYSTEMS:
        add_system(graph, setting, system)
    nodes = by_name(graph)
    patches = ("Model A_20×20", "Model A_20×20R", "Occlusion maps of Model A")
    others = ("Trunk", "Baseline", "SOIDN", "SOIDN, shared encoder", "OS network", "Model A", "Model B", "Model C")
    assert set(nodes) == {*others, *patches}
    assert {name for name, node in nodes.items() if nodes["Trunk"].folder in node.needs} == {
        *("Baseline", "SOIDN", "SOIDN, shared encoder", "OS network")
    }
    assert {name for name, node in nodes.items() if nodes["Model A"].folder in node.needs} == {
        *("Model B", "Model C", "Model A_20×20", "Model A_20×20R", "Occlusion maps of Model A")
    }
    placed = nodes["Model A_20×20"]
    assert nodes["Occlusion maps of Model A"].folder in placed.needs
    for need in placed.needs:
        assert any(str(need) in str(value) for value in placed.spec.inputs.values())


@pytest.mark.parametrize("name", ["soidn", "occlusion_maps"])
def test_a_paper_s_rows_are_the_systems_where_nothing_differs(name: str) -> None:
    graph, setting = RunGraph(), Setting("demo")
    paper = load(papers()[name])
    found = {row.row: row.node for row in add_paper(graph, paper, setting, [], [0], paper.rows)}
    assert found.keys() == paper.rows.keys()
    before = set(graph.nodes)
    same = {"soidn": ("trunk", "baseline", "soidn", "segmentation"), "occlusion_maps": ("a", "b", "c")}[name]
    for key in same:
        node = add_system(graph, setting, paper.rows[key].system)
        assert node.folder == found[key].folder
    assert set(graph.nodes) == before
    other = add_paper(graph, paper, setting, [], [1], same)
    assert not before & {row.node.folder for row in other}  # other faces


def test_the_first_stage_has_the_user_s_faces_parts_and_trainer_but_not_the_length(tiny: Options) -> None:
    head = "--model.init_args.network.init_args.head.init_args.embedding_dim=32"
    graph, wanted = planned(["soidn", *tiny, head, "--seed_everything=5", "--trainer.max_epochs=3"])
    (first,) = (graph.nodes[folder].config for folder in wanted.needs)
    assert first["seed_everything"] == 5
    assert first["model"]["init_args"]["network"]["init_args"]["head"]["init_args"]["embedding_dim"] == 32
    data = first["data"]["init_args"]
    assert (data["training_occluder"], data["split"]["min_images"], data["loading"]["batch_size"]) == (None, 4, 8)
    assert (first["trainer"]["max_epochs"], first["trainer"]["accelerator"]) == (6, "cpu")
    assert first["trainer"]["log_every_n_steps"] == 1


def test_batches_of_identities_are_not_the_first_stage_s(tiny: Options) -> None:
    batches = "--data.init_args.identity_batches={identities: 2, images: 2}"
    options = [option for option in tiny if "batch_size" not in option]
    nodes = [planned([system, *options, *([batches] if "triplet" in system else [])]) for system in FROM_MODEL_A]
    firsts = {node.folder for graph, _ in nodes for node in graph.nodes.values() if node.name == "Model A"}
    assert len(firsts) == 1


def test_the_first_stage_shares_settings_of_the_trainer_and_batch_size_but_not_its_length() -> None:
    shared = ["--trainer.accelerator=cpu", "--trainer.limit_train_batches=2", "--data.init_args.loading.batch_size=8"]
    own = [
        "--trainer.max_epochs=3",
        "--seed_everything=1",
        "--trainer.callbacks=[]",
        "--trainer.callbacks+=callbacks.History",
    ]
    assert shared_overrides([*own, *shared]) == tuple(shared)


def test_weights_of_the_user_s_take_the_place_of_the_first_stage(tmp_path: Path) -> None:
    weights = tmp_path / "w.pth"
    weights.write_text("weights")
    for words in (["--weights", str(weights)], [f"--model.init_args.initial_weights={weights}"]):
        graph, wanted = planned(["soidn", *words])
        assert list(graph.nodes) == [wanted.folder]
        assert wanted.config["model"]["init_args"]["initial_weights"] == str(weights)
