"""Models of others as feature extractors, each with its own preprocessing: timm, TorchScript, ONNX and IResNets."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from lightning_modules.extractors.extractor import Extractor
    from lightning_modules.extractors.iresnet_extractor import IResNetExtractor
    from lightning_modules.extractors.onnx_extractor import OnnxExtractor
    from lightning_modules.extractors.timm_extractor import TimmExtractor
    from lightning_modules.extractors.torchscript_extractor import TorchScriptExtractor

__all__ = ["Extractor", "IResNetExtractor", "OnnxExtractor", "TimmExtractor", "TorchScriptExtractor"]

export_lazily(__name__)
