"""Networks in plain torch: trunks, heads, segmenters and their compositions."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from lightning_modules.networks.casia_net import CasiaNet, CasiaNetTrunk
    from lightning_modules.networks.checkpoint_file import read_state_dict
    from lightning_modules.networks.classifier import Classifier, MarginHeadCallable, check_single_loss
    from lightning_modules.networks.copy_weights import copy_matching_weights
    from lightning_modules.networks.drop_block import DropBlock
    from lightning_modules.networks.face_net import FaceNet
    from lightning_modules.networks.fcn8s import FCN8s
    from lightning_modules.networks.fingerprint import fingerprint
    from lightning_modules.networks.head import AveragePoolHead, PooledHead, VGG16Head
    from lightning_modules.networks.iresnet import IResNetTrunk
    from lightning_modules.networks.iresnet_head import IResNetHead
    from lightning_modules.networks.is_best import is_best
    from lightning_modules.networks.margin_head import ArcFaceHead, CosFaceHead, MarginHead
    from lightning_modules.networks.masked_network import MaskedNetwork, SOIDNOutput
    from lightning_modules.networks.normalize import IMAGENET_MEAN, IMAGENET_STD, VGGFACE_MEAN, VGGFACE_STD, Normalize
    from lightning_modules.networks.occlusion_mask_adaptor import OcclusionMaskAdaptor
    from lightning_modules.networks.onnx_trunk import OnnxHead, OnnxTrunk
    from lightning_modules.networks.part_weights import load_classifier_weights, load_segmenter_weights
    from lightning_modules.networks.segmenter import Segmenter, SegmenterOutput, occluder_probability
    from lightning_modules.networks.shared_soidn import SharedSOIDN
    from lightning_modules.networks.smp_segmenter import SMPSegmenter
    from lightning_modules.networks.soidn import SOIDN
    from lightning_modules.networks.subpixel_decoder import SubpixelDecoder
    from lightning_modules.networks.timm_trunk import TimmTrunk
    from lightning_modules.networks.trunk import Trunk
    from lightning_modules.networks.unused import freeze, parts_of, unused_parameters
    from lightning_modules.networks.vgg16 import VGG16Trunk
    from lightning_modules.networks.weights import (
        imagenet_trunk_weights,
        load_network_weights,
        load_trunk_weights,
    )

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "SOIDN",
    "VGGFACE_MEAN",
    "VGGFACE_STD",
    "ArcFaceHead",
    "AveragePoolHead",
    "CasiaNet",
    "CasiaNetTrunk",
    "Classifier",
    "CosFaceHead",
    "DropBlock",
    "FCN8s",
    "FaceNet",
    "IResNetHead",
    "IResNetTrunk",
    "MarginHead",
    "MarginHeadCallable",
    "MaskedNetwork",
    "Normalize",
    "OcclusionMaskAdaptor",
    "OnnxHead",
    "OnnxTrunk",
    "PooledHead",
    "SMPSegmenter",
    "SOIDNOutput",
    "Segmenter",
    "SegmenterOutput",
    "SharedSOIDN",
    "SubpixelDecoder",
    "TimmTrunk",
    "Trunk",
    "VGG16Head",
    "VGG16Trunk",
    "check_single_loss",
    "copy_matching_weights",
    "fingerprint",
    "freeze",
    "imagenet_trunk_weights",
    "is_best",
    "load_classifier_weights",
    "load_network_weights",
    "load_segmenter_weights",
    "load_trunk_weights",
    "occluder_probability",
    "parts_of",
    "read_state_dict",
    "unused_parameters",
]

export_lazily(__name__)
