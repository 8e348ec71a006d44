"""Deterministic budgets: what a program may spend, counted in work and never in seconds."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one run of a program.

    Attributes:
        max_work: cells touched and calls made, by the whole program.
        max_items: items in a container that a line assigns (the paper's limit on intermediate containers).
        max_weight: cells in any grid and items in any container that are made on the way, those of a nest of
            containers counted through all of its levels.
        max_magnitude: absolute value of any integer.
        max_depth: calls within calls: an `apply` of a function that itself applies one, and so on.
    """

    max_work: int = 1_000_000
    max_items: int = 50_000
    max_weight: int = 100_000
    max_magnitude: int = 1_000_000_000
    max_depth: int = 20

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"budget.{field.name} must be at least 1")


# The paper allows an intermediate container so many items; seven training programs need more, up to 22,320.
PAPER_LIMITS = Budget(max_items=1_000)

# 9,600 mutants solve as many evaluation tasks within this as within 10,000 units of work, 30; most of a
# search's time would go to the few programs that take the most.
SEARCH_LIMITS = Budget(max_work=6_000, max_items=1_000)
