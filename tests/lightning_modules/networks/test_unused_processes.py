"""Networks of others, cut as this suite cuts them, train on two processes."""

from pathlib import Path

import pytest

from tests.helpers.processes import run_in_two

CODE = """
from torch.nn.parallel import DistributedDataParallel
from functools import partial
from pathlib import Path
from lightning_modules.networks import FaceNet, IResNetHead, IResNetTrunk, OnnxHead, OnnxTrunk, SMPSegmenter, TimmTrunk
from tests.helpers.onnx_faces import face_file

path = str(face_file(Path(folder) / f"face{rank}.onnx", side=64, flatten="Average"))
networks = {
    "IResNet": (FaceNet(IResNetTrunk(18, 0.125), partial(IResNetHead, embedding_dim=8), 64), torch.sum),
    "ONNX": (FaceNet(OnnxTrunk(path), partial(OnnxHead, path=path), 64), torch.sum),
    "efficientnet_b0": (TimmTrunk("efficientnet_b0", out_index=2), lambda features: features.sum()),
    "mobilenetv4_conv_small": (TimmTrunk("mobilenetv4_conv_small", out_index=3), lambda features: features.sum()),
    "PSPNet": (SMPSegmenter("PSPNet", "mobilenet_v2"), lambda output: output.logits.sum()),
}
for name, (network, loss) in networks.items():
    wrapped = DistributedDataParallel(network)
    for step in range(2):  # the second waits for what the first has left without gradient
        loss(wrapped(torch.randn(2, 3, 64, 64))).backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad), name
"""


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_wait_for_no_gradient_in_vain(tmp_path: Path) -> None:
    run_in_two(CODE, tmp_path)
