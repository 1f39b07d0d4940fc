"""ONNX Runtime, for inference: the same network, exported by PyTorch."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnxruntime
import torch

from common.task import Runner, Task, by_steps, parts
from contenders.pytorch_networks import NETWORKS


def predict(task: Task) -> Runner:
    """Compute the logits with all graph optimizations, which are the default."""
    x = task.scaled()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        network = NETWORKS[task.network](in_place=False).eval()
        torch.onnx.export(network, torch.from_numpy(x[: task.batch]), path, input_names=["x"], dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = task.threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    which = parts(len(x), task.batch)
    return by_steps(lambda: session.run(None, {"x": x[next(which)]}), task.batch)
