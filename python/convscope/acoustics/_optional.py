"""Libraries of the extra ``acoustics``: reading a sound needs neither pandas nor Praat."""

from functools import partial

from .._libraries import imported

library = partial(imported, extra="acoustics")
