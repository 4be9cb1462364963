"""A teacher's targets: directions of clean images, alike for mirror images, computed once, of a frozen copy."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from datamodules.seams.face_batch import FaceBatch
from lightning_modules.clean_teacher import CleanTeacher
from lightning_modules.networks import FaceNet, Normalize


def pixels(images: Tensor) -> Tensor:
    normalized: Tensor = Normalize()(images)
    return normalized


class Counting(nn.Module):
    """Flattens, and counts the images that it has seen."""

    seen = 0

    def forward(self, x: Tensor) -> Tensor:
        type(self).seen += len(x)
        return x.flatten(1)


def test_a_target_is_the_direction_between_an_image_and_its_mirror_image(face_net: FaceNet, batch: FaceBatch) -> None:
    image = pixels(batch["image"])
    targets = CleanTeacher(face_net).targets(batch["image"], batch["index"], pixels)
    with torch.no_grad():
        face_net.eval()
        one, other = normalize(face_net(image)), normalize(face_net(image.flip(-1)))
    torch.testing.assert_close(targets, normalize(one + other))


def test_mirror_images_have_one_target(face_net: FaceNet, batch: FaceBatch) -> None:
    first, second = (
        CleanTeacher(face_net).targets(image, batch["index"], pixels)
        for image in (batch["image"], batch["image"].flip(-1))
    )
    torch.testing.assert_close(first, second)


def test_each_image_is_embedded_once_whatever_the_batches(batch: FaceBatch) -> None:
    Counting.seen = 0
    teacher = CleanTeacher(Counting())
    whole = teacher.targets(batch["image"], batch["index"], pixels)
    order = [3, 1, 1]
    again = teacher.targets(batch["image"][order], batch["index"][order], pixels)
    assert torch.equal(again, whole[order])
    assert (Counting.seen, len(teacher)) == (2 * 4, 4)


def test_is_frozen_as_it_was_whatever_becomes_of_the_network(face_net: FaceNet, batch: FaceBatch) -> None:
    reference = CleanTeacher(face_net).targets(batch["image"], batch["index"], pixels)
    teacher = CleanTeacher(face_net.train())
    for weight in face_net.parameters():
        weight.data.zero_()
    face_net(pixels(batch["image"]))  # moves the means of its batch normalisation
    targets = teacher.targets(batch["image"], batch["index"], pixels)
    assert torch.equal(targets, reference)
    assert not targets.requires_grad
    assert not any(weight.requires_grad for weight in teacher.network.parameters())
    assert all(weight.requires_grad for weight in face_net.parameters())
