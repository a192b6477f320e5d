"""Libraries of the extra ``stats``, and the type of tables."""

from functools import partial
from typing import Any, TypeAlias

from .._libraries import imported

Frame: TypeAlias = Any  # a pandas.DataFrame; pandas has no types of its own and is imported late
library = partial(imported, extra="stats")
