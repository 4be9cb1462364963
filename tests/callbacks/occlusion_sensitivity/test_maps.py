"""Occlusion maps: the fast way gives what the slow one does, and the slow one what the definition says."""

import warnings
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from callbacks.occlusion_sensitivity import OcclusionMaps, engine, occlusion_error_map, occlusion_maps, plan, windows
from callbacks.occlusion_sensitivity.maps import Fill
from tests.callbacks.occlusion_sensitivity.networks import NETWORKS, Sample, head, sample, sample_of

Warns = partial[warnings.catch_warnings]
Pair = tuple[int, int]


def both(
    given: Sample, occluder_size: Pair, *, fill: Fill = 0.5, stride: int = 1
) -> tuple[OcclusionMaps, OcclusionMaps]:
    maps = partial(
        occlusion_maps, *given, occluder_size=occluder_size, fill=fill, stride=stride, all_scores=True, batch_size=64
    )
    return maps(method="incremental"), maps(method="dense")


def assert_same_maps(ours: OcclusionMaps, reference: OcclusionMaps, tolerance: float = 1e-4) -> None:
    assert ours.scores.shape == reference.scores.shape
    largest = (ours.scores - reference.scores).abs().max()
    assert largest <= tolerance * reference.scores.abs().max()
    assert torch.equal(ours.errors, reference.errors)
    assert all(torch.equal(a, b) for a, b in zip(ours[2:], reference[2:], strict=True))


def occluders(size: tuple[int, int, int]) -> list[Pair]:
    """Square, rectangular, one pixel, larger than half, and the whole image."""
    height, width = size[1:]
    return [(6, 6), (7, 3), (1, 1), (height // 2 + 3, width // 2 + 2), (height, width)]


def slow_map(given: Sample, occluder_size: Pair, fill: list[float]) -> Tensor:
    """Return all logits ``(N, H, W, n)`` by the definition, one picture at a time."""
    network, images, _ = given
    (number, channels, height, width), (h, w) = images.shape, occluder_size
    logits = []
    with torch.no_grad():
        for n in range(number):
            for i in range(height):
                for j in range(width):
                    picture = images[n].clone()
                    for row in range(i - h // 2, i - h // 2 + h):
                        for column in range(j - w // 2, j - w // 2 + w):
                            if 0 <= row < height and 0 <= column < width:
                                for channel in range(channels):
                                    picture[channel, row, column] = fill[channel]
                    logits.append(network(picture[None])[0])
    return torch.stack(logits).view(number, height, width, -1)


# ---------------------------------------------------------------------------------------------------- exactness


# a margin head is a product of vectors behind the last map, which is for tracing to get right
@pytest.mark.usefixtures("traced_once")
@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.endswith("with a margin head")])
def test_windows_give_the_logits_and_decisions_of_whole_pictures_at_every_centre(name: str) -> None:
    given = sample(name)
    fill = [0.3, -0.5, 0.9][: given.images.shape[1]]
    for occluder_size, stride in zip(occluders(NETWORKS[name][1]), (1, 2, 1, 3, 3), strict=True):
        assert_same_maps(*both(given, occluder_size, fill=fill, stride=stride))


NO_MERGERS, AS_ON_A_GPU, ALL_MERGED = ({"CHUNK_COST": {"cpu": cost, "cuda": cost}} for cost in (0.0, 5e9, 1e15))
NEVER_DENSE, SOON_DENSE = {"TURN_DENSE": 2.0}, {"TURN_DENSE": 0.3}


@pytest.mark.usefixtures("traced_once")
@pytest.mark.parametrize("name", ["ResNet-like", "pools", "maps used again"])
def test_what_the_plan_finds_worth_it_changes_no_logit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = sample(name)
    for occluder_size in [(7, 9), (1, 2)]:
        maps = partial(occlusion_maps, *given, occluder_size=occluder_size, fill=0.5, stride=3, all_scores=True)
        reference = maps(method="dense")
        for settings in (NO_MERGERS, AS_ON_A_GPU, ALL_MERGED, NEVER_DENSE, NEVER_DENSE | ALL_MERGED, SOON_DENSE):
            with monkeypatch.context() as patched:
                for key, value in settings.items():
                    patched.setattr(plan, key, value)
                assert_same_maps(maps(), reference)


@pytest.mark.parametrize("occluder_size", [(1, 1), (2, 3), (5, 4), (6, 7)])
def test_dense_is_the_definition(occluder_size: Pair) -> None:
    given = sample_of(nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), *head(4)), (2, 6, 7))
    fill = [0.8, -1.5]
    maps = occlusion_maps(*given, occluder_size=occluder_size, fill=fill, method="dense", all_scores=True)
    expected = slow_map(given, occluder_size, fill)
    assert_close(maps.scores, expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(maps.errors, expected.argmax(-1) != given.labels[:, None, None])


@pytest.mark.parametrize("method", ["incremental", "dense"])
def test_the_score_is_the_logit_of_the_correct_class(method: engine.Method) -> None:
    given = sample("VGG-like")
    maps = partial(occlusion_maps, *given, occluder_size=(5, 5), fill=1.0, stride=4, method=method)
    every = maps(all_scores=True).scores
    expected = every.gather(3, given.labels.view(-1, 1, 1, 1).expand(*every.shape[:3], 1))[..., 0]
    assert torch.equal(maps().scores, expected)


@pytest.mark.parametrize("method", ["incremental", "dense"])
def test_an_occluder_of_the_image_s_own_colour_changes_nothing(method: engine.Method) -> None:
    network = sample("VGG-like").network
    colour = torch.tensor([0.2, -0.7, 1.1])
    images = colour.view(1, 3, 1, 1).expand(1, 3, 21, 26).contiguous()
    with torch.no_grad():
        clean = network(images)
    maps = occlusion_maps(
        network, images, clean.argmax(1), occluder_size=(6, 5), fill=colour, method=method, all_scores=True
    )
    assert not maps.errors.any()
    assert_close(maps.scores, clean[:, None, None].expand_as(maps.scores), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", ["incremental", "dense"])
def test_an_occluder_over_the_whole_image_leaves_a_picture_of_its_colour(method: engine.Method) -> None:
    given = sample("ResNet-like")
    fill = torch.tensor([0.4, 0.1, -0.2])
    # ⌊h/2⌋ rows before the centre: the middle alone is covered from border to border
    maps = occlusion_maps(*given, occluder_size=(31, 25), fill=fill, method=method, all_scores=True)
    with torch.no_grad():
        expected = given.network(fill.view(1, 3, 1, 1).expand(2, 3, 31, 25))
    assert_close(maps.scores[:, 15, 12], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("traced_once")
def test_one_fill_stands_for_all_channels() -> None:
    given = sample("VGG-like")
    maps = partial(occlusion_maps, *given, occluder_size=(5, 5), stride=5)
    assert torch.equal(maps(fill=0.3).scores, maps(fill=[0.3, 0.3, 0.3]).scores)
    assert torch.equal(maps(fill=0.3).scores, maps(fill=torch.full((3,), 0.3)).scores)


def test_bfloat16_agrees_up_to_its_rounding() -> None:
    given = sample_of(
        nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3), *head(8)), (1, 15, 13)
    )
    network, images = given.network.bfloat16(), given.images.bfloat16()
    with torch.no_grad():
        labels = network(images).argmax(1)
    ours, reference = both(Sample(network, images, labels), (4, 5))
    assert ours.scores.dtype == reference.scores.dtype == torch.bfloat16
    allowed = 4 * torch.finfo(torch.bfloat16).eps * float(reference.scores.abs().max())
    assert float((ours.scores.float() - reference.scores.float()).abs().max()) <= allowed
    best = reference.scores.float().topk(2, -1).values
    clear = best[..., 0] - best[..., 1] > 2 * allowed
    assert clear.any()
    assert torch.equal(ours.errors[clear], reference.errors[clear])


def test_double_precision_agrees_to_ten_digits() -> None:
    given = sample("DenseNet-like")
    network, images = given.network.double(), given.images.double()
    ours, reference = both(Sample(network, images, given.labels), (6, 5))
    assert_same_maps(ours, reference, tolerance=1e-10)


@pytest.mark.usefixtures("traced_once")
def test_a_later_block_of_images_does_not_see_an_earlier_one() -> None:
    given = sample("ResNet-like")
    images = torch.randn(3, 3, 31, 25)
    with torch.no_grad():
        labels = given.network(images).argmax(1)
    whole = occlusion_maps(given.network, images, labels, occluder_size=(9, 9), stride=3, all_scores=True)
    tiny = occlusion_maps(given.network, images, labels, occluder_size=(9, 9), stride=3, all_scores=True, memory=1)
    assert_same_maps(tiny, whole, tolerance=1e-5)
    for n in range(3):
        alone = occlusion_maps(
            given.network, images[n : n + 1], labels[n : n + 1], occluder_size=(9, 9), stride=3, all_scores=True
        )
        assert_close(alone.scores[0], whole.scores[n], atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("traced_once")
def test_the_batch_size_changes_no_decision() -> None:
    given = sample("pools")
    maps = [occlusion_maps(*given, occluder_size=(5, 6), stride=2, batch_size=size) for size in (3, 17, 1000)]
    assert torch.equal(maps[0].errors, maps[1].errors)
    assert torch.equal(maps[0].errors, maps[2].errors)


@pytest.mark.usefixtures("traced_once")
def test_kept_images_stay_within_memory_whatever_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, allowed = list[int](), list[int]()
    load = windows.WindowedNetwork.load

    def spy(self: windows.WindowedNetwork, images: Tensor) -> None:
        loaded.append(len(images))
        load(self, images)
        kept = sum(m.untyped_storage().nbytes() for m in self._maps.values())
        kept += self._bank._values.untyped_storage().nbytes() if self._bank else 0
        assert kept <= len(images) * self.bytes_per_image
        allowed.append(memory // self.bytes_per_image)

    monkeypatch.setattr(windows.WindowedNetwork, "load", spy)
    given = sample("VGG-like")
    memory = 400_000
    for number in (2, 40):
        images = torch.randn(number, 3, 21, 26)
        with torch.no_grad():
            labels = given.network(images).argmax(1)
        for occluder_size in [(3, 3), (10, 10)]:
            occlusion_maps(given.network, images, labels, occluder_size=occluder_size, stride=9, memory=memory)
    assert 1 < max(loaded) < 40
    assert all(ours <= most for ours, most in zip(loaded, allowed, strict=True))


# ------------------------------------------------------------------------------------------- which images, order


@pytest.mark.parametrize("method", ["incremental", "dense"])
def test_only_images_classified_correctly_are_used(method: engine.Method) -> None:
    given = sample_of(nn.Sequential(nn.Conv2d(1, 4, 3), *head(4)), (1, 9, 11), number=6)
    labels = given.labels.clone()
    labels[[1, 4]] = (labels[[1, 4]] + 1) % 5
    maps = occlusion_maps(given.network, given.images, labels, occluder_size=(3, 4), fill=2.0, method=method)
    assert maps.indices.tolist() == [0, 2, 3, 5]
    alone = occlusion_maps(
        given.network, given.images[maps.indices], labels[maps.indices], occluder_size=(3, 4), fill=2.0, method=method
    )
    assert torch.equal(maps.errors, alone.errors)
    error_map = occlusion_error_map(given.network, given.images, labels, occluder_size=(3, 4), fill=2.0, method=method)
    assert_close(error_map, maps.errors.float().mean(0))
    assert 0 < error_map.mean() < 1


@pytest.mark.parametrize("method", ["incremental", "dense"])
def test_the_error_map_is_the_mean_of_binary_maps(method: engine.Method) -> None:
    given = sample_of(nn.Sequential(nn.Conv2d(1, 4, 3), *head(4)), (1, 10, 8), number=7)
    errors = occlusion_maps(*given, occluder_size=(4, 3), fill=2.0, method=method).errors
    error_map = occlusion_error_map(*given, occluder_size=(4, 3), fill=2.0, method=method)
    assert error_map.shape == (10, 8)
    assert error_map.dtype == torch.float32
    assert_close(error_map, errors.float().mean(0), atol=1e-7, rtol=0)
    assert error_map.min() >= 0
    assert 0 < error_map.max() <= 1


def test_between_centres_the_error_map_is_bilinear_and_at_centres_exact() -> None:
    given = sample_of(nn.Sequential(nn.Conv2d(1, 4, 3), *head(4)), (1, 12, 9), number=5)
    every = occlusion_error_map(*given, occluder_size=(4, 3), fill=2.0)
    sparse = occlusion_error_map(*given, occluder_size=(4, 3), fill=2.0, stride=4)
    rows, columns = [0, 4, 8, 11], [0, 4, 8]
    at = torch.meshgrid(torch.tensor(rows), torch.tensor(columns), indexing="ij")
    assert torch.equal(sparse[at], every[at])
    for i in range(12):
        top = max(k for k in range(3) if rows[k] <= i)
        down = (i - rows[top]) / (rows[top + 1] - rows[top])
        for j in range(9):
            left = max(k for k in range(2) if columns[k] <= j)
            across = (j - columns[left]) / (columns[left + 1] - columns[left])
            corners = every[rows[top] : rows[top + 1] + 1, columns[left] : columns[left + 1] + 1]
            expected = (
                (1 - down) * (1 - across) * corners[0, 0]
                + (1 - down) * across * corners[0, -1]
                + down * (1 - across) * corners[-1, 0]
                + down * across * corners[-1, -1]
            )
            assert sparse[i, j] == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.parametrize("stride", [2, 5, 100])
def test_the_last_row_and_column_are_always_centres(stride: int) -> None:
    given = sample_of(nn.Sequential(nn.Conv2d(1, 4, 3), *head(4)), (1, 8, 11))
    every = occlusion_maps(*given, occluder_size=(3, 3), fill=2.0)
    maps = occlusion_maps(*given, occluder_size=(3, 3), fill=2.0, stride=stride)
    assert maps.rows.tolist() == sorted({*range(0, 8, stride), 7})
    assert maps.columns.tolist() == sorted({*range(0, 11, stride), 10})
    assert torch.equal(maps.errors, every.errors[:, maps.rows][:, :, maps.columns])


# ------------------------------------------------------------------------------------------------ left as it was


@pytest.mark.parametrize("method", ["incremental", "dense"])
def test_network_images_and_labels_are_left_as_they_were(method: engine.Method) -> None:
    given = sample("ResNet-like")
    given.network.train()
    given.network[4].eval()  # type: ignore[index]  # a Sequential
    modes = [module.training for module in given.network.modules()]
    before = {name: tensor.clone() for name, tensor in given.network.state_dict().items()}
    images, labels = given.images.clone(), given.labels.clone()
    occlusion_maps(*given, occluder_size=(8, 8), stride=6, method=method)
    occlusion_error_map(*given, occluder_size=(8, 8), stride=6, method=method)
    assert [module.training for module in given.network.modules()] == modes
    after = given.network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert all(p.requires_grad and p.grad is None for p in given.network.parameters())
    assert torch.equal(given.images, images)
    assert torch.equal(given.labels, labels)


@pytest.mark.parametrize("method", ["incremental", "dense"])
def test_images_are_left_as_they_were_by_a_network_that_writes_to_its_input(
    method: engine.Method, may_warn: Warns
) -> None:
    given = sample_of(nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 4, 3), *head(4)), (1, 9, 9))
    before = given.images.clone()
    with may_warn():
        occlusion_maps(*given, occluder_size=(3, 3), method=method)
    assert torch.equal(given.images, before)


def test_modes_come_back_after_a_refusal() -> None:
    given = sample_of(nn.Sequential(nn.Conv2d(1, 4, 3), *head(4)), (1, 9, 9))
    given.network.train()
    with pytest.raises(ValueError, match="no occlusion map can be made"):
        occlusion_maps(given.network, given.images * float("nan"), given.labels, occluder_size=(3, 3))
    assert all(module.training for module in given.network.modules())


def test_maps_have_no_gradient() -> None:
    given = sample_of(nn.Sequential(nn.Conv2d(1, 4, 3), *head(4)), (1, 9, 9))
    assert not occlusion_maps(*given, occluder_size=(3, 3)).scores.requires_grad
    assert not occlusion_error_map(*given, occluder_size=(3, 3)).requires_grad


# ------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("function", [occlusion_maps, occlusion_error_map])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"occluder_size": (10, 3)}, "Expected `occluder_size` from 1 × 1 to the images' 9 × 8, got 10 × 3"),
        ({"occluder_size": (3, 9)}, "Expected `occluder_size` from 1 × 1 to the images' 9 × 8, got 3 × 9"),
        ({"occluder_size": (0, 3)}, "Expected `occluder_size` from 1 × 1 to the images' 9 × 8, got 0 × 3"),
        ({"stride": 0}, "Expected `stride` of at least 1, got 0"),
        ({"labels": torch.zeros(3, dtype=torch.int64)}, r"Expected `labels` of shape \(2,\), got \(3,\)"),
        ({"labels": torch.zeros(2, 1, dtype=torch.int64)}, r"Expected `labels` of shape \(2,\), got \(2, 1\)"),
        ({"labels": torch.tensor([0, 5])}, "Expected `labels` from 0 to 4, got 0 to 5"),
        ({"labels": torch.tensor([-1, 0])}, "Expected `labels` from 0 to 4, got -1 to 0"),
        ({"fill": [0.0, 1.0, 2.0]}, "Expected `fill` of 1 or 2 values, got 3"),
        ({"fill": []}, "Expected `fill` of 1 or 2 values, got 0"),
        ({"images": torch.zeros(2, 9, 8)}, r"Expected `images` of shape \(N, C, H, W\), at least one, got \(2, 9, 8\)"),
        ({"images": torch.zeros(0, 2, 9, 8)}, r"Expected `images` of shape \(N, C, H, W\), at least one"),
    ],
)
def test_settings_out_of_range_are_refused(function: object, change: dict[str, object], message: str) -> None:
    network, images, labels = sample_of(nn.Sequential(nn.Conv2d(2, 4, 3), *head(4)), (2, 9, 8))
    given = {"images": images, "labels": labels, "occluder_size": (3, 3), **change}
    with pytest.raises(ValueError, match=message):
        function(network, **given)  # type: ignore[operator]  # one of two functions


@pytest.mark.parametrize("function", [occlusion_maps, occlusion_error_map])
def test_no_map_is_made_of_images_that_are_all_misclassified(function: object) -> None:
    given = sample_of(nn.Sequential(nn.Conv2d(1, 4, 3), *head(4)), (1, 9, 9))
    with pytest.raises(ValueError, match="got none among 2: no occlusion map can be made"):
        function(given.network, given.images, (given.labels + 1) % 5, occluder_size=(3, 3))  # type: ignore[operator]  # see above


class BreaksAbove(nn.Module):
    """NaN where a pixel is brighter than 50."""

    def forward(self, x: Tensor) -> Tensor:
        return x + (50.0 - x).sqrt() * 0


@pytest.mark.parametrize("method", ["incremental", "dense"])
@pytest.mark.parametrize("function", [occlusion_maps, occlusion_error_map])
def test_logits_that_are_not_finite_are_refused_with_or_without_an_occluder(
    function: object, method: engine.Method, may_warn: Warns
) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), BreaksAbove(), *head(4))
    given = sample_of(network, (1, 9, 9))
    message = r"Expected finite logits, got NaN or infinity for image \d+: no occlusion map can be made"
    with may_warn():
        function(*given, occluder_size=(3, 3), fill=1.0, method=method)  # type: ignore[operator]  # see above
        with pytest.raises(ValueError, match=message):
            function(*given, occluder_size=(3, 3), fill=1e4, method=method)  # type: ignore[operator]  # see above
        with pytest.raises(ValueError, match=message):
            function(network, given.images * 1e4, given.labels, occluder_size=(3, 3), method=method)  # type: ignore[operator]  # see above


@pytest.mark.parametrize("method", ["incremental", "dense"])
def test_equal_logits_are_no_prediction(method: engine.Method) -> None:
    first, last = nn.Conv2d(1, 2, 1, bias=False), nn.Linear(32, 2, bias=False)
    network = nn.Sequential(first, nn.ReLU(), nn.Flatten(), last)
    nn.init.ones_(first.weight)
    with torch.no_grad():
        last.weight[:] = torch.tensor([1.0, 0.0])[:, None]  # the brighter, the more of class 0
    images, labels = torch.cat([torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)]), torch.zeros(2, dtype=torch.int64)
    made = occlusion_maps(network, images, labels, occluder_size=(4, 4), method=method)
    assert made.indices.tolist() == [0]  # a black image ties, and so does one that is covered
    assert made.errors[0].nonzero().tolist() == [[2, 2]]
    with pytest.raises(ValueError, match="got none among 1"):
        occlusion_maps(network, images[1:], labels[1:], occluder_size=(1, 1), method=method)


@pytest.mark.parametrize("shape", [(2, 5, 1), (10,)])
def test_a_network_that_gives_no_logits_is_refused(shape: tuple[int, ...]) -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, 0, 0, :5].reshape(shape)

    with pytest.raises(ValueError, match=r"Expected a network with logits \(B, n\), got"):
        occlusion_maps(Odd(), torch.randn(2, 1, 5, 5), torch.zeros(2, dtype=torch.int64), occluder_size=(2, 2))
