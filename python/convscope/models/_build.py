"""From a description to a torch module with seeded weights."""

from __future__ import annotations

from ._initialise import initialise
from ._network import SpeechNetwork
from ._spec import NetworkSpec


def build(spec: NetworkSpec, *, seed: int = 0) -> SpeechNetwork:
    """Make the torch module of a description.

    Parameters
    ----------
    spec : from `preset`, or made by hand.
    seed : of the initial weights, drawn as the dialect's own code draws them; torch's global random state is not used.

    Returns
    -------
    SpeechNetwork
        float32, on the CPU, in training mode like any new module.

    Examples
    --------
    >>> from convscope.models import build, preset
    >>> build(preset("tf1-ciwgan", role="generator", dim=2), seed=1).conv1.weight.shape
    torch.Size([32, 16, 25])
    """
    if not isinstance(spec, NetworkSpec):
        raise TypeError(f"spec: expected a NetworkSpec (convscope.models.preset), got {type(spec).__name__}")
    if seed < 0:
        raise ValueError(f"seed: expected a number of at least 0, got {seed}")
    network = SpeechNetwork(spec)
    initialise(network, seed=seed)
    return network
