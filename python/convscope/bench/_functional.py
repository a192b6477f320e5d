"""The network as the peers get it: a module whose outputs are the layers' channel means.

None of the peers is handicapped: no gradients, no hooks where a compiler would stumble over them, and the means are part of
the graph, so that an engine may fuse them and need not return a single map.

Letters: B batch, C channels, L positions.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..models import SpeechNetwork


def channel_means(h: Tensor) -> Tensor:
    """(B, C, L) -> (B, L); what has no positions, the logits, stays as it is."""
    return h.mean(1) if h.dim() == 3 else h


class LayerMeans(nn.Module):
    """The first ``depth`` layers, with the mean of each as an output."""

    def __init__(self, network: SpeechNetwork, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(list(network.children())[:depth])
        self.reads_sound = not network.spec.reads_latents

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(B, latent variables) or (B, samples) -> one (B, L) per layer."""
        means, h = [], x.unsqueeze(1) if self.reads_sound else x  # (B, C, L) or (B, F)
        for layer in self.layers:
            h = layer(h)
            means.append(channel_means(h))
        return tuple(means)
