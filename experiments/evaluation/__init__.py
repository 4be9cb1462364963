"""Evaluation of models by protocols: models, embeddings, measures, figures and results."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from experiments.evaluation.alignments import check_alignments
    from experiments.evaluation.brought_models import check_pixel_options
    from experiments.evaluation.carried_threshold import carried_thresholds, given
    from experiments.evaluation.evaluation_tasks import EvaluationRun, begun
    from experiments.evaluation.face_outputs import Computing
    from experiments.evaluation.given_models import given_models, probed
    from experiments.evaluation.matching.variants import compared_models
    from experiments.evaluation.measure_table import measure_table
    from experiments.evaluation.named_protocols import folder_name, named_protocols
    from experiments.evaluation.quality.image_quality import read_discarding
    from experiments.evaluation.results_folder import EvaluationFolder, Results, check_writable
    from experiments.evaluation.trainer_options import trainer_options

__all__ = [
    "Computing",
    "EvaluationFolder",
    "EvaluationRun",
    "Results",
    "begun",
    "carried_thresholds",
    "check_alignments",
    "check_pixel_options",
    "check_writable",
    "compared_models",
    "folder_name",
    "given",
    "given_models",
    "measure_table",
    "named_protocols",
    "probed",
    "read_discarding",
    "trainer_options",
]

export_lazily(__name__)
