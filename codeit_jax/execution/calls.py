"""Primitives that charge a meter, called on columns: many calls at once, one a row.

Rows may come in any order, a set's. What a column of calls ends in, and the work charged by then, depends on
what rows there are and not on their order:

* Quick primitives are charged for all rows before any of them is called, and all fail together.
* Of others, each row is charged and called by itself, and a row that fails does not keep the others from
  being tried. Such calls are remembered: functions of functions, and mutants of one program above all, ask
  the same again and again.
"""

import functools
from collections.abc import Callable, Iterable
from contextlib import suppress

from codeit_jax.dsl.foreseen import reads
from codeit_jax.dsl.primitives import PRIMITIVES
from codeit_jax.dsl.primitives.unions import union_of_shifts
from codeit_jax.dsl.records import TRAITS
from codeit_jax.dsl.sizes import (
    MAX_LEVELS,
    are_light,
    arguments_work,
    described,
    ends_work,
    extent,
    extents,
    joined_items,
    largest_magnitude,
    num_rows,
    weight,
)
from codeit_jax.dsl.traits import Charge
from codeit_jax.dsl.types import Column, Fixed, Function, Value
from codeit_jax.execution.meter import Meter, PrimitiveFailure
from codeit_jax.execution.outcome import BudgetExceeded, work_exceeded

Primitive = Callable[..., Value]
Each = Callable[..., list[Value]]

_TABLE_ITEMS = 10  # as many as take the memory of an empty table: functions built row by row each have one


def metered_functions(meter: Meter) -> dict[str, Function]:
    """Returns every primitive as a value of the language that charges a meter when called."""
    functions = {}
    for name, primitive in PRIMITIVES.items():
        each = _metered(meter, name, primitive)
        functions[name] = Function(each, len(TRAITS[name].signature.parameters), name)
        if isinstance(each, _Rows):
            functions[name].single = each.single
    functions["shift"].join = functools.partial(_join_shifts, meter, functions["shift"])
    return functions


def _metered(meter: Meter, name: str, primitive: Primitive) -> Each:
    traits = TRAITS[name]
    if traits.charge is Charge.REMEMBERED:
        return _Rows(meter, name, primitive)
    primitive = traits.in_c or primitive
    each: Each = functools.partial(_map, name, primitive)
    if traits.on_tuples:
        each = functools.partial(_map_tuples, name, primitive, traits.on_tuples)
    if traits.charge is Charge.NUMBERS:
        return _charge_numbers(meter, name, primitive)
    if traits.builds_function:
        each = _limit_levels(name, each)
    if traits.may_nest:
        each = _limit_weight(meter, name, traits.may_nest, each)
    if traits.charge is Charge.CALLS:
        return _charge_calls(meter, each)
    return _charge_items(meter, name, each)


class _Table(dict[Value, tuple[Value, int]]):
    """Results of calls and the work they took, by what they were given; what is not in it is called.

    Attributes:
        failures: why other calls gave nothing, and the work that they took.
    """

    def __init__(self, meter: Meter, call: Callable[[Value], tuple[Value, int]]) -> None:
        super().__init__()
        self._meter = meter
        self._call = call
        self.failures: dict[Value, tuple[type[Exception], str, int]] = {}

    def __missing__(self, key: Value) -> tuple[Value, int]:
        if key in self.failures:
            raise self.failures[key][0]
        begun = self._meter.work
        try:
            result = self[key] = self._call(key)
        except (PrimitiveFailure, BudgetExceeded) as failure:
            # What ends because all work is spent may end otherwise where more is left.
            if self._meter.work <= self._meter.budget.max_work:
                self.failures[key] = type(failure), str(failure), self._meter.work - begun
            raise
        return result


class _Rows:
    """A primitive whose rows are called one by one, and remembered.

    Args:
        meter: what is charged.
        name: the primitive's name.
        primitive: the primitive.
    """

    def __init__(self, meter: Meter, name: str, primitive: Primitive) -> None:
        self._meter = meter
        self._name = name
        self._loops = TRAITS[name].loop is not None
        self._call = _charge_call(meter, name, _count_depth(meter, primitive) if self._loops else primitive)

    def single(self, *row: Value) -> Value:
        """Calls the primitive for one row."""
        if self._meter.depth == 0:  # the call of a line, which is not worth remembering
            return self._call(*row)[0]
        return self(*[[value] for value in row])[0]

    def __call__(self, *columns: Column) -> list[Value]:
        """Calls the primitive for every row."""
        meter = self._meter
        if meter.depth == 0 and num_rows(columns) == 1:
            return [self._call(*next(zip(*columns, strict=False)))[0]]
        begun, depth = meter.work, meter.depth
        table = self._table(columns)
        try:
            values, works = zip(*map(table.__getitem__, _keys(columns)), strict=True)
        except (PrimitiveFailure, BudgetExceeded):
            if meter.work > meter.budget.max_work:
                raise
            meter.work, meter.depth = begun, depth
            # All rows are tried: else it would depend on their order what was charged, and what for.
            raise self._failure(table, _keys(columns)) from None
        meter.work = begun
        meter.charge(sum(works))
        return list(values)

    def _failure(self, table: _Table, keys: Iterable[Value]) -> Exception:
        """Returns the failure of a column after it has charged every row of it."""
        meter, depth = self._meter, self._meter.depth
        failures = []
        for key in keys:
            begun = meter.work
            with suppress(PrimitiveFailure, BudgetExceeded):
                table[key]
            meter.depth = depth
            if meter.work > meter.budget.max_work:
                break
            if key in table:
                work = table[key][1]
            else:
                kind, reason, work = table.failures[key]
                failures.append((kind is PrimitiveFailure, reason, kind))
            meter.work = begun + work
        if meter.work > meter.budget.max_work:
            return BudgetExceeded(work_exceeded(meter.budget.max_work))
        _, reason, kind = min(failures, key=lambda failure: failure[:2])
        return kind(reason)

    def _table(self, columns: tuple[Column, ...]) -> _Table:
        """Returns what is remembered of calls with the columns' fixed values."""
        fixed = [(place, column.value) for place, column in enumerate(columns) if isinstance(column, Fixed)]
        # How deep a call may loop depends on how deep it is made; a call may be of any number of arguments.
        name = (self._name, self._meter.depth if self._loops else 0, len(columns), *fixed)
        memory = self._meter.memory
        if name not in memory:
            self._meter.items_remembered += _TABLE_ITEMS
            memory[name] = _Table(self._meter, self._caller(columns))
        table: _Table = memory[name]
        return table

    def _caller(self, columns: tuple[Column, ...]) -> Callable[[Value], tuple[Value, int]]:
        """Returns the function that calls the primitive with what `_keys` gives for a row of such columns."""
        call = self._call
        match columns:
            case [list()]:
                return call
            case [Fixed() as left, list()]:
                return lambda key: call(left.value, key)
            case [list(), Fixed() as right]:
                return lambda key: call(key, right.value)
        free = [place for place, column in enumerate(columns) if not isinstance(column, Fixed)]
        if len(free) == len(columns):
            return lambda key: call(*key)
        values = [column.value if isinstance(column, Fixed) else None for column in columns]

        def call_with_fixed(key: Value) -> tuple[Value, int]:
            row = list(values)
            for place, value in zip(free, (key,) if len(free) == 1 else key, strict=True):
                row[place] = value
            return call(*row)

        return call_with_fixed


def _charge_call(meter: Meter, name: str, primitive: Primitive) -> Callable[..., tuple[Value, int]]:
    """Returns the function that calls a primitive and returns its value and the work charged for it."""
    max_work, max_weight = meter.budget.max_work, meter.budget.max_weight
    traits = TRAITS[name]
    foresee, foresee_items, may_nest = traits.work or reads, traits.items, traits.may_nest

    def call(*row: Value) -> tuple[Value, int]:
        begun = meter.work
        try:
            work = 1 + foresee(*row)
            meter.work += work
            meter.items_remembered += work
            if meter.work > max_work:
                raise BudgetExceeded(work_exceeded(max_work))
            if foresee_items is not None:
                charge_result(foresee_items(*row))
            value = primitive(*row)
        except (PrimitiveFailure, BudgetExceeded, RecursionError, MemoryError):
            raise
        except Exception:
            # What Python says depends on its version, and on which fault in a set it came upon first.
            raise PrimitiveFailure(f"{name} fails on {described(row)}") from None
        if foresee_items is None:
            charge_result(extent(value))
        if may_nest is not None and may_nest(*row) and weight(value, max_weight) > max_weight:
            raise _too_heavy(name, max_weight)
        return value, meter.work - begun

    def charge_result(items: int) -> None:
        if items > max_weight:
            raise _too_heavy(name, max_weight)
        meter.work += items
        if meter.work > max_work:
            raise BudgetExceeded(work_exceeded(max_work))
        meter.items_remembered += items

    return call


def _keys(columns: tuple[Column, ...]) -> Iterable[Value]:
    """Returns for each row a key to what is remembered: its values that are not fixed, or the only one."""
    free = [column for column in columns if not isinstance(column, Fixed)]
    return free[0] if len(free) == 1 else zip(*free, strict=False)


def _count_depth(meter: Meter, primitive: Primitive) -> Primitive:
    max_depth = meter.budget.max_depth

    def counted(*row: Value) -> Value:
        meter.depth += 1
        if meter.depth > max_depth:
            raise BudgetExceeded(f"functions applied more than {max_depth} deep")
        value = primitive(*row)
        meter.depth -= 1
        return value

    return counted


def _map(name: str, primitive: Primitive, *columns: Column) -> list[Value]:
    """Returns what a quick primitive gives for each row."""
    try:
        return list(map(primitive, *columns))
    except (RecursionError, MemoryError):
        raise
    except Exception:
        rows = num_rows(columns)
        arguments = described(next(zip(*columns, strict=False))) if rows == 1 else f"one of {rows} rows"
        raise PrimitiveFailure(f"{name} fails on {arguments}") from None


def _map_tuples(name: str, primitive: Primitive, on_tuples: Primitive, values: Column) -> list[Value]:
    """Returns what a quick primitive of one argument gives for each row, by the faster way for tuples."""
    is_fast = set(map(type, values)) == {tuple}
    return _map(name, on_tuples if is_fast else primitive, values)


def _charge_calls(meter: Meter, each: Each) -> Each:
    max_work = meter.budget.max_work

    def charged(*columns: Column) -> list[Value]:
        meter.work += num_rows(columns)
        if meter.work > max_work:
            raise BudgetExceeded(work_exceeded(max_work))
        return each(*columns)

    return charged


def _charge_items(meter: Meter, name: str, each: Each) -> Each:
    """Charges what the arguments ask for before the calls, and the items of the results."""
    max_work, max_weight = meter.budget.max_work, meter.budget.max_weight
    traits = TRAITS[name]
    foresee: Callable[..., int] = ends_work if traits.on_tuples else arguments_work
    if traits.work and traits.work is not reads:
        foresee = functools.partial(_foreseen, name, traits.work)
    foresee_items = traits.items

    def charged(*columns: Column) -> list[Value]:
        meter.work += foresee(*columns)
        if meter.work > max_work:
            raise BudgetExceeded(work_exceeded(max_work))
        if foresee_items is not None:
            charge_results(_map(name, foresee_items, *columns))
            return each(*columns)
        results = each(*columns)
        items = extents(results)
        if items > max_weight:
            charge_results(list(map(extent, results)))
        else:
            meter.charge(items)
        return results

    def charge_results(items: list[int]) -> None:
        if max(items) > max_weight:
            raise _too_heavy(name, max_weight)
        meter.charge(sum(items))

    return charged


def _foreseen(name: str, foresee: Callable[..., int], *columns: Column) -> int:
    works = _map(name, foresee, *columns)
    return len(works) + sum(works)


def _charge_numbers(meter: Meter, name: str, primitive: Primitive) -> Each:
    max_work, max_weight = meter.budget.max_work, meter.budget.max_weight
    max_magnitude = meter.budget.max_magnitude

    def charged(*columns: Column) -> list[Value]:
        joined = joined_items(columns)
        meter.work += num_rows(columns) + joined
        if meter.work > max_work:
            raise BudgetExceeded(work_exceeded(max_work))
        results = _map(name, primitive, *columns)
        if largest_magnitude(results) > max_magnitude:
            raise BudgetExceeded(f"{name} made a number beyond {max_magnitude:,}")
        if joined and max([weight(result, max_weight) for result in results]) > max_weight:
            raise _too_heavy(name, max_weight)
        return results

    return charged


def _limit_levels(name: str, each: Each) -> Each:
    def limited(*columns: Column) -> list[Value]:
        results = each(*columns)
        for result in results:
            if isinstance(result, Function) and result.levels > MAX_LEVELS:
                raise BudgetExceeded(f"{name} made a function of functions more than {MAX_LEVELS} deep")
        return results

    return limited


def _limit_weight(meter: Meter, name: str, may_nest: Callable[..., bool], each: Each) -> Each:
    max_weight = meter.budget.max_weight
    multiplies = name == "repeat"
    nests = meter.nests if name == "astuple" else None

    def limited(*columns: Column) -> list[Value]:
        results = each(*columns)
        if multiplies or not are_light(columns):
            for result, *row in zip(results, *columns, strict=False):
                if nests is not None and nests.are_light(result, row, max_weight):
                    continue
                if may_nest(*row) and weight(result, max_weight) > max_weight:
                    raise _too_heavy(name, max_weight)
        return results

    return limited


def _too_heavy(name: str, max_weight: int) -> BudgetExceeded:
    return BudgetExceeded(f"{name} made more than {max_weight:,} items")


def _join_shifts(meter: Meter, shift: Function, *columns: Column) -> Value:
    patch, directions = columns
    if not (isinstance(patch, Fixed) and isinstance(patch.value, frozenset) and isinstance(directions, list)):
        return frozenset().union(*shift.each(*columns))
    meter.charge(arguments_work(patch, directions) + len(directions) * len(patch.value))
    return union_of_shifts(patch.value, directions)
