"""Which latent variables an annotation depends on."""

from ._discover import Discovery, discover_latents
from ._elbow import elbow

__all__ = ["Discovery", "discover_latents", "elbow"]
