"""OpenVINO on the network converted from PyTorch; the means are nodes of the graph, whose shapes are fixed."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from ..models import SpeechNetwork
from ._case import Case
from ._engines import Arrays, Run
from ._functional import LayerMeans
from ._phases import Phases


def openvino(network: SpeechNetwork, case: Case) -> Run:
    """The network as it is."""
    return _compiled(LayerMeans(network, len(case.layers)), case)


def openvino_sub_pixel(network: SpeechNetwork, case: Case) -> Run:
    """The network as `Phases`."""
    return _compiled(Phases(network, len(case.layers)), case)


def _compiled(module: LayerMeans, case: Case) -> Run:
    import openvino

    shape = (case.batch, *case.spec.input_shape)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit's own, about tracing
        converted = openvino.convert_model(module.eval(), example_input=torch.zeros(shape), input=[shape])
    settings = {
        "INFERENCE_NUM_THREADS": case.threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",  # all threads on the one batch
        "INFERENCE_PRECISION_HINT": "f32",  # bfloat16 otherwise, where the processor has it
    }
    request = openvino.Core().compile_model(converted, "CPU", settings).create_infer_request()

    def run(x: np.ndarray) -> Arrays:
        outputs = request.infer([x], share_inputs=True, share_outputs=False)
        return {name: outputs[i] for i, name in enumerate(case.layers)}

    return run
