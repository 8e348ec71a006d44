"""The meter: counts the work of a run, call by call, and ends it when its budget is spent."""

from collections.abc import Callable

from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.dsl.types import Function, Value
from codeit_jax.execution.budget import Budget, BudgetExceeded, work_exceeded
from codeit_jax.execution.costs import (
    COMBINATORS,
    CONSTANT_TIME,
    FORESEEN_WORK,
    GROWS_NUMBERS,
    MAX_LEVELS,
    MAY_NEST,
    extent,
    joined_items,
    magnitude,
    weight,
)

Primitive = Callable[..., Value]

_HIGHER_ORDER = frozenset(
    {
        "apply",
        "argmax",
        "argmin",
        "extract",
        "mapply",
        "mfilter",
        "mpapply",
        "order",
        "papply",
        "prapply",
        "rapply",
        "sfilter",
        "valmax",
        "valmin",
    }
)


class Meter:
    """Counts the work of one run and ends it when the budget is spent.

    Attributes:
        budget: the limits.
        work: units charged so far.
        depth: calls of higher-order primitives that have not returned.
    """

    __slots__ = ("budget", "depth", "work")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.work = 0
        self.depth = 0

    def begin(self, work: int) -> None:
        """Makes ready for a line of a program, before which some work was done."""
        self.work = work
        self.depth = 0

    def check(self) -> None:
        """Raises `BudgetExceeded` if more work was charged than the budget allows."""
        if self.work > self.budget.max_work:
            raise BudgetExceeded(work_exceeded(self.budget.max_work))

    def functions(self) -> dict[str, Function]:
        """Returns every primitive as a value of the language that charges this meter when called."""
        return {
            name: Function(self._charged(name, primitive), len(SIGNATURES[name].parameters), name)
            for name, primitive in PRIMITIVES.items()
        }

    def _charged(self, name: str, primitive: Primitive) -> Primitive:
        if name in GROWS_NUMBERS:
            return _charge_number(self, name, primitive)
        if name in COMBINATORS:
            primitive = _limit_levels(name, primitive)
        if name in CONSTANT_TIME:
            return _charge_one(self, primitive)
        if name in _HIGHER_ORDER:
            primitive = _count_depth(self, primitive)
        if name in FORESEEN_WORK:
            charged = _charge_foreseen(self, primitive, FORESEEN_WORK[name])
        else:
            charged = _charge_items(self, primitive)
        return _limit_result(self, name, charged)


# The closures below run once a call of a primitive, the most frequent thing there is: hence each is made for
# what its primitives need, and limits are looked up once.


def _charge_one(meter: Meter, primitive: Primitive) -> Primitive:
    max_work = meter.budget.max_work

    def call(*arguments: Value) -> Value:
        meter.work += 1
        if meter.work > max_work:
            raise BudgetExceeded(work_exceeded(max_work))
        return primitive(*arguments)

    return call


def _charge_number(meter: Meter, name: str, primitive: Primitive) -> Primitive:
    max_work, max_magnitude, max_weight = (
        meter.budget.max_work,
        meter.budget.max_magnitude,
        meter.budget.max_weight,
    )

    def call(*arguments: Value) -> Value:
        meter.work += 1
        if meter.work > max_work:
            raise BudgetExceeded(work_exceeded(max_work))
        joined = joined_items(arguments)
        if joined:
            meter.work += joined
            meter.check()
        result = primitive(*arguments)
        if magnitude(result) > max_magnitude:
            raise BudgetExceeded(f"{name} made a number beyond {max_magnitude:,}")
        if joined and weight(result, max_weight) > max_weight:
            raise BudgetExceeded(f"{name} made a nest of more than {max_weight:,} items")
        return result

    return call


def _charge_items(meter: Meter, primitive: Primitive) -> Primitive:
    max_work = meter.budget.max_work

    def call(*arguments: Value) -> Value:
        work = meter.work + 1
        for argument in arguments:
            kind = type(argument)
            if kind is frozenset:
                work += len(argument)
            elif kind is tuple:
                work += extent(argument)
        meter.work = work
        if work > max_work:
            raise BudgetExceeded(work_exceeded(max_work))
        return primitive(*arguments)

    return call


def _charge_foreseen(meter: Meter, primitive: Primitive, foresee: Callable[..., int]) -> Primitive:
    max_work = meter.budget.max_work

    def call(*arguments: Value) -> Value:
        meter.work += 1 + foresee(*arguments)
        if meter.work > max_work:
            raise BudgetExceeded(work_exceeded(max_work))
        return primitive(*arguments)

    return call


def _count_depth(meter: Meter, primitive: Primitive) -> Primitive:
    max_depth = meter.budget.max_depth

    def call(*arguments: Value) -> Value:
        meter.depth += 1
        if meter.depth > max_depth:
            raise BudgetExceeded(f"functions applied more than {max_depth} deep")
        result = primitive(*arguments)
        meter.depth -= 1
        return result

    return call


def _limit_levels(name: str, primitive: Primitive) -> Primitive:
    def call(*arguments: Value) -> Value:
        result = primitive(*arguments)
        if isinstance(result, Function) and result.levels > MAX_LEVELS:
            raise BudgetExceeded(f"{name} made a function of functions more than {MAX_LEVELS} deep")
        return result

    return call


def _limit_result(meter: Meter, name: str, primitive: Primitive) -> Primitive:
    max_items, max_weight = meter.budget.max_items, meter.budget.max_weight
    may_nest = MAY_NEST.get(name)

    def call(*arguments: Value) -> Value:
        result = primitive(*arguments)
        kind = type(result)
        if kind is frozenset or kind is tuple:
            size = extent(result)
            if size > max_items:
                raise BudgetExceeded(f"{name} made a container of more than {max_items:,} items")
            if may_nest is not None and may_nest(*arguments):
                size = weight(result, max_weight)
                if size > max_weight:
                    raise BudgetExceeded(f"{name} made a nest of more than {max_weight:,} items")
            meter.work += size
        return result

    return call
