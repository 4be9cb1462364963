"""Importing the networks is cheap: the libraries behind optional parts load when those are built."""

import subprocess
import sys
from pathlib import Path

# an empty parent package, so that only the networks' own imports count
CODE = """
import sys, types
parent = types.ModuleType("lightning_modules")
parent.__path__ = ["lightning_modules"]
sys.modules["lightning_modules"] = parent
import lightning_modules.networks
heavy = {"timm", "segmentation_models_pytorch", "torchvision", "pytorch_lightning", "safetensors"}
print(sorted(heavy & set(sys.modules)))
"""


def test_import_pulls_in_no_heavy_library() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, cwd=root)  # noqa: S603  our own code
    assert done.stdout.strip() == "[]"
