"""Occlusion maps in a run: which images they are made of, when, and what is saved; a placement that follows them."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import nn

from callbacks import MapRefresh, OcclusionMapping
from callbacks.occlusion_mapping import Subset, in_placement_half
from callbacks.occlusion_sensitivity import occlusion_error_map
from datamodules import FaceDataModule, Loading, SplitSettings
from datamodules.errors import DataError
from datamodules.occluders import NoisePatch, OccluderMixture, StrategicPlacement
from datamodules.seams.occlusion_map_file import OcclusionMap
from lightning_modules import ClassifierModule, SegmentationModule
from lightning_modules.networks import AveragePoolHead, CasiaNetTrunk, FaceNet, FCN8s, Normalize, fingerprint
from tests.helpers.doubles import PlainSource

SIZE = 16
OCCLUDER = (4, 6)


def module(num_classes: int = 3) -> ClassifierModule:
    torch.manual_seed(0)
    network = FaceNet(CasiaNetTrunk(width=0.0625), AveragePoolHead, image_size=SIZE, in_channels=1)
    return ClassifierModule(network, num_classes, normalize=Normalize(grey=True))


def data(**settings: Any) -> FaceDataModule:
    # images of one identity are of one grey level each, all different
    return FaceDataModule(
        PlainSource([12, 12, 12, 12, 12], size=(SIZE, SIZE)),
        image_size=SIZE,
        loading=Loading(batch_size=8, evaluation_batch_size=7, num_workers=0),
        split=SplitSettings(min_images=12, num_unseen=2, validation_share=0.5),
        **settings,
    )


def trainer(folder: Path, *callbacks: Callback, epochs: int = 2, **settings: Any) -> Trainer:
    return Trainer(
        **settings,
        default_root_dir=folder,
        max_epochs=epochs,
        callbacks=list(callbacks),
        accelerator="cpu",
        logger=CSVLogger(folder),
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
    )


def middle_pixel_network() -> nn.Module:
    """Classifies every image as identity 1, unless the middle is grey, as it never is without an occluder."""
    convolution, linear = nn.Conv2d(1, 2, 1), nn.Linear(2 * SIZE**2, 3)
    network = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), linear)
    middle = SIZE**2 // 2 + SIZE // 2
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        convolution.weight[:, 0, 0, 0] = torch.tensor([1.0, -1.0])  # their ReLUs add up to the absolute value
        linear.weight[0, [middle, SIZE**2 + middle]] = -1000.0
        linear.bias[:2] = torch.tensor([1.0, 0.5])
    return network


class Fixed(ClassifierModule):
    """A module whose logits are known."""

    def logits_network(self) -> nn.Module:
        return middle_pixel_network()


def fixed() -> Fixed:
    network = FaceNet(CasiaNetTrunk(width=0.0625), AveragePoolHead, image_size=SIZE, in_channels=1)
    return Fixed(network, 3, normalize=Normalize(grey=True))


def test_map_is_that_of_the_engine_on_the_halfs_images(tmp_path: Path) -> None:
    faces = data()
    subsets: tuple[Subset, ...] = ("scoring", "placement")
    for subset in subsets:
        run = trainer(tmp_path / subset, mapping := OcclusionMapping([OCCLUDER], subset=subset, stride=1))
        run.validate(fixed(), faces, verbose=False)
        assert mapping.subset == subset
        made = OcclusionMap.load(Path(str(run.log_dir)) / f"occlusion_maps/{subset}-4x6.npz")
        of_class_1 = [
            i for i in faces.split.validation if faces.source.identities[i] == faces.split.train_identities[1]
        ]
        half = [i for i in of_class_1 if in_placement_half(int(i)) == (subset == "placement")]
        assert made.indices.tolist() == sorted(half)
        # the middle is covered from rows i − 2 to i + 1 and columns j − 3 to j + 2
        expected = np.zeros((SIZE, SIZE), np.float32)
        expected[SIZE // 2 - 1 : SIZE // 2 + 3, SIZE // 2 - 2 : SIZE // 2 + 4] = 1
        np.testing.assert_array_equal(made.error, expected)
        measures = {key.rpartition("/")[2]: float(value) for key, value in run.callback_metrics.items()}
        assert measures["accuracy"] == pytest.approx(1 - 24 / SIZE**2)
        assert measures["minimum"] == 0
        assert (Path(str(run.log_dir)) / f"occlusion_maps/{subset}-4x6.png").stat().st_size > 0


def test_metadata_say_what_was_measured(tmp_path: Path) -> None:
    model, faces = module(), data()
    run = trainer(tmp_path, OcclusionMapping([OCCLUDER, (2, 2)], num_images=1, stride=3, fill=200.0))
    run.validate(model, faces, verbose=False)
    made = OcclusionMap.load(Path(str(run.log_dir)) / "occlusion_maps/scoring-4x6.npz", occluder_size=OCCLUDER)
    assert (made.stride, made.fill.tolist(), len(made.indices)) == (3, [200.0] * 3, 1)
    assert made.model == fingerprint(model.state_dict())
    image = torch.from_numpy(faces.clean_face(int(made.indices[0]))).permute(2, 0, 1)[None]
    label = np.searchsorted(faces.split.train_identities, faces.source.identities[made.indices])
    error = occlusion_error_map(
        model.logits_network(),
        model.pixels(image),
        torch.from_numpy(label),
        occluder_size=OCCLUDER,
        fill=float((200 - 127.5) / 127.5),
        stride=3,
        method="dense",
    )
    np.testing.assert_allclose(made.error, error.numpy(), atol=1e-6)


def test_maps_are_made_at_the_chosen_epochs(tmp_path: Path) -> None:
    run = trainer(tmp_path, OcclusionMapping([OCCLUDER], every_n_epochs=2, stride=8), epochs=4)
    run.fit(fixed(), data())
    names = {path.name for path in (Path(str(run.log_dir)) / "occlusion_maps").glob("*.npz")}
    assert names == {"scoring-4x6-epoch1.npz", "scoring-4x6-epoch3.npz"}


def test_maps_can_be_made_after_the_last_epoch_only(tmp_path: Path) -> None:
    run = trainer(tmp_path, OcclusionMapping([OCCLUDER], every_n_epochs=None, stride=8), epochs=3)
    run.fit(fixed(), data())
    names = {path.name for path in (Path(str(run.log_dir)) / "occlusion_maps").glob("*.npz")}
    assert names == {"scoring-4x6.npz"}


def test_occluded_validation_images_are_not_used(tmp_path: Path) -> None:
    start = saved(tmp_path / "start.npz")
    patch = NoisePatch(OCCLUDER, StrategicPlacement(start, 1.0), colour=False)
    mixture = OccluderMixture({"noise_patch": patch}, {"noise_patch": 1.0})
    with pytest.raises(ValueError, match="clean validation images of the scoring half, got none"):
        trainer(tmp_path, OcclusionMapping([OCCLUDER])).validate(fixed(), data(training_occluder=mixture))
    clean = data(training_occluder=mixture, occlude_validation=False)
    trainer(tmp_path, OcclusionMapping([OCCLUDER], stride=8)).validate(fixed(), clean, verbose=False)


def test_refresh_replaces_the_map_that_training_reads(tmp_path: Path) -> None:
    start = saved(tmp_path / "map.npz")
    placement = StrategicPlacement(start, 0.001)
    patch = NoisePatch(OCCLUDER, placement, colour=False)
    faces = data(training_occluder=patch, occlude_validation=False)
    run = trainer(tmp_path, MapRefresh(start, OCCLUDER, refresh_every=1), epochs=2)
    run.fit(fixed(), faces)
    # the first map has its peak in a corner, that of the model is in the middle
    row, column = placement(SIZE, SIZE, np.random.default_rng(0))
    assert abs(row - SIZE // 2) <= 3
    assert abs(column - SIZE // 2) <= 4


class Saver(Callback):
    """Saves at the end of batches and validations, as long as it is asked to."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def on_train_batch_end(self, trainer: Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._save(trainer, f"{trainer.current_epoch}-batch-{batch_idx}")

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        self._save(trainer, f"{trainer.current_epoch}-validation-after-{trainer.fit_loop.batch_idx}")

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        self._save(trainer, f"{trainer.current_epoch}-end")

    def _save(self, trainer: Trainer, name: str) -> None:
        if self.folder is not None:
            trainer.save_checkpoint(self.folder / name)


@pytest.mark.parametrize(
    ("often", "workers", "places"),
    [(1.0, 0, ["0-batch-0", "1-batch-1", "2-batch-0"]), (0.5, 1, ["1-validation-after-0", "1-batch-1"])],
)
def test_a_resumed_run_places_occluders_as_an_undisturbed_one(
    often: float, workers: int, places: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_weights(network: nn.Module, *_: Any, **__: Any) -> torch.Tensor:
        """Return any map, in no time, that tells the last bit of a weight."""
        bits = next(network.parameters()).detach().flatten()[0].view(torch.int32)
        return torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(int(bits)))

    monkeypatch.setattr("callbacks.occlusion_mapping.occlusion_error_map", of_weights)
    monkeypatch.setattr("callbacks.occlusion_mapping.save_map", lambda made, path: path)
    where = tmp_path / "map.npz"

    def fitted(folder: Path | None, checkpoint: Path | None = None) -> dict[str, torch.Tensor]:
        patch = NoisePatch(OCCLUDER, StrategicPlacement(where, 0.01), colour=False)
        faces = data(training_occluder=patch, occlude_validation=False)
        faces.loading = replace(faces.loading, num_workers=workers)
        refresh = MapRefresh(where, OCCLUDER, refresh_every=2, stride=5)
        run = trainer(tmp_path, refresh, Saver(folder), epochs=3, val_check_interval=often)
        model = module()
        run.fit(model, faces, ckpt_path=checkpoint)
        return model.state_dict()

    saved(where)
    undisturbed = fitted(tmp_path)
    left, last = where.read_bytes(), OcclusionMap.load(where)
    assert (last.error != OcclusionMap.load(saved(tmp_path / "first.npz")).error).any()
    for place in places:
        where.write_bytes(left)  # as a later epoch of the killed run has left it
        resumed = fitted(None, tmp_path / place)
        np.testing.assert_array_equal(OcclusionMap.load(where).error, last.error)
        for name, weight in undisturbed.items():
            assert torch.equal(weight, resumed[name]), (place, name)


def test_a_run_that_begins_leaves_the_file_until_its_first_refresh(tmp_path: Path) -> None:
    start = saved(tmp_path / "map.npz")
    before, refresh = start.stat().st_ino, MapRefresh(start, OCCLUDER, refresh_every=2)
    trainer(tmp_path, refresh, epochs=1).fit(fixed(), data())
    assert start.stat().st_ino == before
    later = MapRefresh(start, OCCLUDER, refresh_every=1)
    later.load_state_dict(refresh.state_dict())
    assert later.state_dict()["error"].equal(torch.from_numpy(OcclusionMap.load(start).error))


def saved(path: Path) -> Path:
    """Save a map whose only errors are in the corner."""
    error = np.zeros((SIZE, SIZE), np.float32)
    error[0, 0] = 1
    made = OcclusionMap(error, OCCLUDER, np.zeros(3, np.float32), 1, np.arange(1), "none", "none")
    made.save(path)
    return path


class BreaksWhereBlack(nn.Module):
    """NaN where a picture is black in the middle, else an untouched picture."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0 * (x[:, :, SIZE // 2 : SIZE // 2 + 1, SIZE // 2 : SIZE // 2 + 1] + 0.99).sqrt()


class Breaking(Fixed):
    """A module whose logits are NaN under a black occluder of the middle."""

    def logits_network(self) -> nn.Module:
        return nn.Sequential(BreaksWhereBlack(), middle_pixel_network())


@pytest.mark.filterwarnings("ignore:Sequential. .* of the work is computed densely")
def test_scores_that_are_not_finite_name_the_image(tmp_path: Path) -> None:
    network = FaceNet(CasiaNetTrunk(width=0.0625), AveragePoolHead, image_size=SIZE, in_channels=1)
    model, faces = Breaking(network, 3, normalize=Normalize(grey=True)), data()
    of_class_1 = [i for i in faces.split.validation if faces.source.identities[i] == faces.split.train_identities[1]]
    first = min(int(i) for i in of_class_1 if not in_placement_half(int(i)))
    with pytest.raises(DataError, match=f"^image-{first}: expected finite scores with and without an occluder"):
        trainer(tmp_path, OcclusionMapping([OCCLUDER], fill=0.0, stride=4)).validate(model, faces)
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize("sizes", [[OCCLUDER], [(2, 2), OCCLUDER]])
def test_two_callbacks_for_maps_of_one_name_are_refused(sizes: list[tuple[int, int]], tmp_path: Path) -> None:
    one, other = OcclusionMapping([OCCLUDER], fill=0.0), OcclusionMapping(sizes)
    with pytest.raises(ValueError, match="Expected one callback for scoring maps of 4 × 6, got several"):
        trainer(tmp_path, one, other).validate(fixed(), data(), verbose=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"occluder_sizes": [OCCLUDER, list(OCCLUDER)]}, "`occluder_sizes` that differ"),
        ({"occluder_sizes": []}, "`occluder_sizes`"),
        ({"occluder_sizes": [(0, 4)]}, "`occluder_sizes`"),
        ({"occluder_sizes": [OCCLUDER], "stride": 0}, "`stride` of at least 1"),
        ({"occluder_sizes": [OCCLUDER], "fill": 300.0}, r"`fill` in \[0, 255\]"),
    ],
)
def test_refuses_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OcclusionMapping(**settings)


def test_refuses_a_refresh_that_never_comes() -> None:
    with pytest.raises(ValueError, match="`refresh_every` of at least 1, got 0"):
        MapRefresh("map.npz", OCCLUDER, 0)


def test_refuses_a_module_that_does_not_classify(tmp_path: Path) -> None:
    segmenter = SegmentationModule(FCN8s(width=0.125))
    with pytest.raises(ValueError, match=r"a module that classifies .*, got SegmentationModule"):
        trainer(tmp_path, OcclusionMapping([OCCLUDER])).validate(segmenter, data())


def test_refuses_an_occluder_larger_than_the_images_before_the_first_step(tmp_path: Path) -> None:
    run = trainer(tmp_path, OcclusionMapping([(20, 4)]))
    with pytest.raises(DataError, match="occluders of at most the images' 16 × 16, got 20 × 4"):
        run.fit(fixed(), data())
    assert run.global_step == 0
    assert not list(tmp_path.rglob("*.npz"))


def test_says_so_where_every_image_is_misclassified(tmp_path: Path) -> None:
    model, faces = fixed(), data()
    keep = faces.source.identities[faces.split.validation] != faces.split.train_identities[1]
    faces.split = faces.split._replace(validation=faces.split.validation[keep])
    with pytest.raises(DataError, match=r"classified correctly .* got none .* no occlusion map"):
        trainer(tmp_path, OcclusionMapping([OCCLUDER])).validate(model, faces)
    assert not list(tmp_path.rglob("*.npz"))


def test_a_request_to_stop_ends_a_map_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: Any, **__: Any) -> torch.Tensor:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("went on")

    monkeypatch.setattr("callbacks.occlusion_mapping.occlusion_error_map", asked)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SIGTERMException):
        trainer(tmp_path, OcclusionMapping([OCCLUDER])).fit(fixed(), data())
    assert signal.getsignal(signal.SIGTERM) is before
