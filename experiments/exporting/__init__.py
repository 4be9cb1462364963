"""Models that are taken away: a network as ONNX and safetensors, with what one needs to know to use it."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from experiments.exporting.exported_folder import check_place, whole_folder
    from experiments.exporting.exported_network import ExportedNetwork
    from experiments.exporting.exported_weights import write_weights
    from experiments.exporting.kept_figures import KeptFigures, kept_figures
    from experiments.exporting.model_card import model_card
    from experiments.exporting.model_description import described_model
    from experiments.exporting.onnx_writing import check_agreement, write_onnx

__all__ = [
    "ExportedNetwork",
    "KeptFigures",
    "check_agreement",
    "check_place",
    "described_model",
    "kept_figures",
    "model_card",
    "whole_folder",
    "write_onnx",
    "write_weights",
]

export_lazily(__name__)
