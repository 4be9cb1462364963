"""The configurations: each parses, and SOIDN's four systems of a scale differ where the paper's do, nowhere else."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.cli import join_values, parse
from experiments.runs.layers import CONFIGS, CONFIGURATIONS, SYSTEMS, expanded, layers, merged, overlaid
from tests.helpers.system_groups import FINE_TUNED, OCCLUDED, OCCLUSION_SYSTEMS, SOIDN_SYSTEMS

WHERE_SYSTEMS_DIFFER = (
    "system",
    "trainer.logger.0.init_args.name",
    "trainer.logger.1.init_args.name",
    "trainer.callbacks.2.init_args.monitor",  # the OS network has no accuracy
    "model.class_path",
    "model.init_args.network.",
    "model.init_args.segmentation_weight",
    "data.init_args.training_occluder",
)
ONLY_IN_THE_DEMO = ("trainer.max_epochs",)  # of the clean trunk, from which Baseline and SOIDN start
WHERE_SCALES_DIFFER = (
    "trainer.devices",
    "trainer.max_epochs",
    "trainer.num_sanity_val_steps",
    "trainer.gradient_clip_val",
    "trainer.logger.",
    "model.init_args.network.init_args.trunk.init_args.width",
    "model.init_args.optimizer.",
    "model.init_args.lr_schedule.",
    "data.init_args.source.",
    "model.init_args.channels_last",
    "data.init_args.landmarks.",
    "data.init_args.image_size",
    "data.init_args.loading.batch_size",
    "data.init_args.loading.num_workers",
    "data.init_args.split.min_images",
    "data.init_args.split.num_unseen",
)
WHERE_FINE_TUNING_DIFFERS = (
    "system",
    "trainer.logger.0.init_args.name",
    "trainer.logger.1.init_args.name",
    "trainer.max_epochs",
    "model.init_args.optimizer.init_args.lr",
    "model.init_args.lr_schedule.init_args.warmup_share",
    "model.init_args.continue_classifier",
    "data.init_args.training_occluder",
    "data.init_args.occlude_validation",
)
WHERE_TRIPLETS_DIFFER = (
    "system",
    "trainer.logger.0.init_args.name",
    "trainer.logger.1.init_args.name",
    "trainer.callbacks.2.init_args.monitor",  # there is no accuracy
    "trainer.callbacks.3.",
    "trainer.callbacks.4.",
    "trainer.callbacks.5.",
    "trainer.callbacks.6.",
    "trainer.callbacks.7.",
    "trainer.max_epochs",
    "trainer.num_sanity_val_steps",
    "model.class_path",
    "model.init_args.dropout",
    "model.init_args.loss.",
    "model.init_args.strategy",
    "model.init_args.optimizer.init_args.lr",
    "model.init_args.lr_schedule.init_args.warmup_share",
    "data.init_args.loading.batch_size",
    "data.init_args.identity_batches.",
)
DIFFERENCES = {"casia": WHERE_SYSTEMS_DIFFER, "demo": WHERE_SYSTEMS_DIFFER + ONLY_IN_THE_DEMO}


def config(system: str, scale: str) -> dict[str, Any]:
    return merged(f"{system}_{scale}")


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list | tuple) else ()
    if not items:
        return {prefix.rstrip("."): str(node) if isinstance(node, Path) else node}
    return {key: value for name, child in items for key, value in flat(child, f"{prefix}{name}.").items()}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_parser_makes_of_the_layers_what_they_say(name: str) -> None:
    parsed = parse(["fit", f"--config={name}"])
    resolved, said = flat(parsed), flat(merged(name))
    assert {key: resolved.get(key, "not there") for key in said} == said
    occluders = ("training_occluder", "evaluation_occluders")  # the order of weights is that of the draws
    for part in (parsed, merged(name)):
        mixtures = [part["data"]["init_args"][key] for key in occluders]
        assert [list(one["init_args"]["probabilities"]) for one in mixtures if one] == order_of_draws(name)
    assert parsed["model"]["init_args"]["network"]["init_args"].get("image_size", 64) in {50, 64, 100, 224}
    assert [logger["init_args"]["name"] for logger in parsed["trainer"]["logger"]] == [name] * 2
    assert parsed["seed_everything"] == 0


def order_of_draws(name: str) -> list[list[str]]:
    templates = ["none", "sunglasses", "party_mask", "scarf", "doctor_mask", "cup", "sunglasses+scarf"]
    if name.startswith(("soidn", "baseline", "segmentation")):
        return [templates, templates]
    return [["none", "noise_patch"], templates] if name.startswith(OCCLUDED) else [templates]


def test_every_layer_is_of_a_configuration() -> None:
    trunks = set((CONFIGS / "trunks").glob("*.yaml"))  # stand for another network: test_trunk_layers.py
    assert {path for name in CONFIGURATIONS for path in layers(name)} == set(CONFIGS.rglob("*.yaml")) - trunks
    assert set(CONFIGURATIONS) == {f"{system}_{scale}" for system in SYSTEMS for scale in DIFFERENCES}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_no_layer_says_again_what_those_before_it_say(name: str) -> None:
    below: dict[str, Any] = {}
    for content in (yaml.safe_load(path.read_text()) for path in layers(name)):
        own = {key: value for key, value in flat(content).items() if ".callbacks." not in key}  # a list is replaced
        before, below = flat(below), overlaid(below, content)
        assert [key for key, value in own.items() if key in before and before[key] == value] == []


def test_a_system_is_a_short_change_of_its_bases() -> None:
    for path in (CONFIGS / "systems").glob("*.yaml"):
        assert len(path.read_text().splitlines()) < 30


def test_the_default_mixture_is_written_once() -> None:
    mixtures = [path.name for path in CONFIGS.rglob("*.yaml") if "num_instances:" in path.read_text()]
    assert mixtures == ["all.yaml"]


@pytest.mark.parametrize("scale", DIFFERENCES)
@pytest.mark.parametrize(("one", "other"), list(combinations(OCCLUSION_SYSTEMS, 2)))
def test_systems_differ_only_where_the_paper_does(one: str, other: str, scale: str) -> None:
    a, b = flat(config(one, scale)), flat(config(other, scale))
    different = {key for key in a | b if a.get(key, "not there") != b.get(key, "not there")}
    assert {key for key in different if not key.startswith(DIFFERENCES[scale])} == set()


@pytest.mark.parametrize("scale", DIFFERENCES)
def test_shared_parts_are_alike(scale: str) -> None:
    configs = {system: config(system, scale) for system in SOIDN_SYSTEMS}
    networks = {system: c["model"]["init_args"]["network"] for system, c in configs.items()}
    soidn = networks["soidn"]["init_args"]
    for system in ("baseline", "trunk"):
        assert networks[system]["init_args"] == {"trunk": soidn["trunk"], "head": soidn["head"]}
    assert networks["segmentation"] == soidn["segmenter"]
    shared = config("soidn_shared", scale)["model"]["init_args"]["network"]["init_args"]
    assert {part: shared[part] for part in ("trunk", "head")} == {part: soidn[part] for part in ("trunk", "head")}
    occluders = {system: c["data"]["init_args"]["training_occluder"] for system, c in configs.items()}
    assert occluders["trunk"] is None
    assert occluders["soidn"] == occluders["baseline"] == occluders["segmentation"]
    assert len({configs[system]["trainer"]["max_epochs"] for system in SOIDN_SYSTEMS if system != "trunk"}) == 1


def test_a_configuration_that_is_called_by_its_name_may_stand_anywhere() -> None:
    words = [word for path in layers("soidn_demo") for word in [f"--config={path}"]]
    for given in (["--config", "soidn_demo"], ["--config=soidn_demo"], ["-c", "soidn_demo"]):
        expected = ["fit", "--config=mine.yaml", *words, "--system=soidn_demo"]
        found = expanded(join_values(["fit", "--config=mine.yaml", *given, "--system=soidn_demo"]))
        assert [word for word in found if "{" not in word] == expected


def test_paper_settings() -> None:
    data = config("soidn", "casia")["data"]["init_args"]
    assert (data["image_size"], data["split"]["min_images"]) == (224, 51)
    assert config("soidn", "casia")["trainer"]["max_epochs"] == 20
    assert config("soidn", "casia")["model"]["init_args"]["segmentation_weight"] == 1.0
    assert config("soidn", "casia")["model"]["init_args"]["network"]["init_args"]["mask_positions"] == "top"


def test_model_a_paper_settings() -> None:
    model, data = (config("model_a", "casia")[part]["init_args"] for part in ("model", "data"))
    assert model["network"] == {
        "class_path": "lightning_modules.networks.FaceNet",
        "init_args": {
            "trunk": {"class_path": "lightning_modules.networks.CasiaNetTrunk"},
            "head": {"class_path": "lightning_modules.networks.AveragePoolHead"},
            "in_channels": 1,
        },
    }
    assert (model["normalize"]["init_args"], model["dropout"]) == ({"grey": True}, 0.4)
    assert (data["image_size"], data["split"]["validation_share"], data["training_occluder"]) == (100, 0.1, None)


def test_model_a_s_demo_is_the_papers_at_half_its_size() -> None:
    demo, casia = (flat(config("model_a", scale)) for scale in ("demo", "casia"))
    different = {key for key in demo | casia if demo.get(key, "not there") != casia.get(key, "not there")}
    assert {key for key in different if not key.startswith(WHERE_SCALES_DIFFER)} == set()
    assert demo["data.init_args.image_size"] * 2 == casia["data.init_args.image_size"]


def different_keys(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    a, b = flat(one), flat(other)
    return {key for key in a | b if a.get(key, "not there") != b.get(key, "not there")}


@pytest.mark.parametrize("scale", DIFFERENCES)
def test_fine_tuning_changes_the_occluder_and_the_schedule_of_model_a(scale: str) -> None:
    strategic, normal = (config(name, scale) for name in OCCLUDED)
    changed = different_keys(config("model_a", scale), strategic)
    assert {key for key in changed if not key.startswith(WHERE_FINE_TUNING_DIFFERS)} == set()
    placement = "data.init_args.training_occluder.init_args.occluders.noise_patch.init_args.placement"
    named = ("system", "trainer.logger.0.init_args.name", "trainer.logger.1.init_args.name", placement)
    assert {key for key in different_keys(strategic, normal) if not key.startswith(named)} == set()


@pytest.mark.parametrize(("scale", "size"), [("demo", [10, 10]), ("casia", [20, 20])])
def test_the_patch_is_the_papers_on_the_scales_images(scale: str, size: list[int]) -> None:
    occluder = config("model_a_strategic", scale)["data"]["init_args"]["training_occluder"]["init_args"]
    patch = occluder["occluders"]["noise_patch"]["init_args"]
    assert (patch["size"], patch["colour"]) == (size, False)  # grey images
    assert patch["placement"]["init_args"]["temperature"] == 0.25


@pytest.mark.parametrize("scale", DIFFERENCES)
def test_triplets_change_the_loss_and_the_batches_of_model_a(scale: str) -> None:
    b, c = (config(name, scale) for name in FINE_TUNED)
    changed = different_keys(config("model_a", scale), b)
    assert {key for key in changed if not key.startswith(WHERE_TRIPLETS_DIFFER)} == set()
    named = ("system", "trainer.logger.0.init_args.name", "trainer.logger.1.init_args.name", "model.init_args.loss.")
    assert {key for key in different_keys(b, c) if not key.startswith(named)} == set()


@pytest.mark.parametrize("scale", DIFFERENCES)
def test_triplet_losses_have_the_papers_settings(scale: str) -> None:
    b, c = (config(name, scale)["model"]["init_args"] for name in FINE_TUNED)
    assert b["loss"] == {"class_path": "losses.TripletLoss", "init_args": {"margin": 0.5}}
    assert c["loss"] == {"class_path": "losses.BatchTripletLoss", "init_args": {"margin": 0.5, "beta": 0.7}}
    assert b["strategy"] == "semi_hard"
