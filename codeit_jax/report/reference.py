"""The figures that a run's are held against: the paper's, and those of the code released with it.

They are tasks solved of the 400 evaluation tasks of ARC-1, so they stand beside runs on these alone.
"""

import dataclasses

from codeit_jax.report.charts import Point

PAPER_TASKS = "arc1/evaluation"


@dataclasses.dataclass(frozen=True)
class Published:
    """A published run.

    Attributes:
        name: what it is.
        policy: tasks solved by the last meta-iteration's candidates; None where that is not told.
        cumulative: tasks solved by all candidates; None where that is not told.
    """

    name: str
    policy: int | None
    cumulative: int | None


# Results and ablations; the paper's policy has 220M pretrained parameters.
CODEIT = Published("CodeIt", 49, 59)
RELEASED = Published("its released run", 47, 64)
PUBLISHED = (
    CODEIT,
    RELEASED,
    Published("without expert iteration", 13, 45),
    Published("without relabeling", 24, 42),
    Published("without priority", 38, 58),
    Published("from random weights", 9, 35),
    Published("one demonstration", 34, 51),
    Published("without mutation", 17, 20),
    Published("mutation alone, d1", None, 42),
    Published("mutation alone, d∞", None, 38),
    Published("random programs", None, 6),
)

# Tasks solved by so many mutants at depth 1, as measured by the released code.
RELEASED_MUTANTS: tuple[Point, ...] = ((9_600, 28), (19_200, 32), (48_000, 36), (77_000, 40), (600_000, 43))
