"""How fast this package is beside the engines people use today, measured on the machine at hand.

    report = cs.bench.run(["generator"], batches=[1, 64])
    print(report.verdict())
    report.plot(save="speeds.png")

The engines run in processes of their own, each number of threads in another. Peers that are not installed are listed as
such: ``pip install "convscope[bench]"`` brings them.
"""

from ._case import Case, Role
from ._engines import ENGINES, Arrays, Engine
from ._floor import Floor
from ._machine import Machine
from ._report import Report
from ._results import Memory, Result, Row, Spread
from ._run import run
from ._tables import Table

__all__ = [
    "ENGINES",
    "Arrays",
    "Case",
    "Engine",
    "Floor",
    "Machine",
    "Memory",
    "Report",
    "Result",
    "Role",
    "Row",
    "Spread",
    "Table",
    "run",
]
