"""onnxruntime on the exported network; the means are ReduceMean nodes of the graph, whose shapes are fixed."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

from ..models import SpeechNetwork
from ._case import Case
from ._engines import Arrays, Run
from ._functional import LayerMeans
from ._phases import Phases

OPSET = 17


def onnxruntime(network: SpeechNetwork, case: Case) -> Run:
    """The network as it is: ConvTranspose and strided Conv nodes."""
    return _session(LayerMeans(network, len(case.layers)), case)


def onnxruntime_sub_pixel(network: SpeechNetwork, case: Case) -> Run:
    """The network as `Phases`."""
    return _session(Phases(network, len(case.layers)), case)


def _session(module: LayerMeans, case: Case) -> Run:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.onnx's own, about its older exporter and about tracing
        path = str(Path(folder) / "network.onnx")
        torch.onnx.export(
            module.eval(),
            (torch.zeros(case.batch, *case.spec.input_shape),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=["x"],
            output_names=list(case.layers),
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = case.threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(x: np.ndarray) -> Arrays:
        return dict(zip(case.layers, session.run(None, {"x": x}), strict=True))

    return run
