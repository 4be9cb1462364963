"""Objects from YAML files, whatever else has been imported."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
CODE = """
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from experiments.evaluation.described import described
print(described("mine.yaml", EvaluationProtocol).name)
"""


def test_a_function_that_returns_a_protocol_is_called_in_a_process_that_has_no_training_commands(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.yaml").write_text("class_path: datamodules.protocols.generated_protocol.generated_protocol")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", CODE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "generated\n", done.stderr
