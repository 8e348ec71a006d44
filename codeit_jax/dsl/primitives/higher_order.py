"""Primitives that build functions, and those that call functions on the items of containers.

A function is called on all items at once, column by column: `compose(outer, inner)` first calls `inner` on
every item and then `outer` on every answer. As in arc-dsl, anything else in a function's place fails only
once it is called.
"""

from collections.abc import Callable
from functools import partial
from itertools import chain as _flatten
from itertools import compress

from codeit_jax.dsl.primitives.containers import merge
from codeit_jax.dsl.types import Column, Fixed, Function, Value, canonical_min, canonical_sorted, in_order

__all__ = [
    "apply",
    "argmax",
    "argmin",
    "chain",
    "compose",
    "extract",
    "fork",
    "identity",
    "lbind",
    "mapply",
    "matcher",
    "mfilter",
    "mpapply",
    "order",
    "papply",
    "power",
    "prapply",
    "rapply",
    "rbind",
    "sfilter",
    "valmax",
    "valmin",
]


_NUMBERS = frozenset({int, bool})


def _each(function: Value) -> Callable[..., list[Value]]:
    """Returns how to call a value on columns; what is no function fails when it is called."""
    return function.each if isinstance(function, Function) else _fail_to_call


def _fail_to_call(*columns: Column) -> list[Value]:
    raise TypeError("what is called is no function")


def identity(x: Value) -> Value:
    """Returns its argument."""
    return x


def compose(outer: Value, inner: Value) -> Function:
    """Returns the function `x -> outer(inner(x))`."""
    outer_each, inner_each = _each(outer), _each(inner)
    return Function(lambda x: outer_each(inner_each(x)), 1, "compose", (outer, inner))


def chain(h: Value, g: Value, f: Value) -> Function:
    """Returns the function `x -> h(g(f(x)))`."""
    h_each, g_each, f_each = _each(h), _each(g), _each(f)
    return Function(lambda x: h_each(g_each(f_each(x))), 1, "chain", (h, g, f))


def fork(outer: Value, a: Value, b: Value) -> Function:
    """Returns the function `x -> outer(a(x), b(x))`."""
    outer_each, a_each, b_each = _each(outer), _each(a), _each(b)
    return Function(lambda x: outer_each(a_each(x), b_each(x)), 1, "fork", (outer, a, b))


def matcher(function: Value, target: Value) -> Function:
    """Returns the function that tells whether `function(x)` equals a target."""
    each = _each(function)
    return Function(lambda x: [answer == target for answer in each(x)], 1, "matcher", (function, target))


def power(function: Value, n: int) -> Value:
    """Returns the function that applies a function `n` times over.

    Raises:
        ValueError: `n` is no positive integer.
    """
    if n == 1:
        return function
    if not isinstance(n, int) or n < 1:
        raise ValueError("power takes a positive number of times")
    each = _each(function)

    def repeated(x: list[Value]) -> list[Value]:
        for _ in range(n):
            x = each(x)
        return x

    return Function(repeated, 1, "power", (function, n))


def rbind(function: Function, fixed: Value) -> Function:
    """Fixes a function's last argument: its second or third, and in all other cases its fourth.

    Raises:
        AttributeError: the first argument is no function.
    """
    each, column = function.each, Fixed(fixed)
    if function.arity == 2:
        return Function(lambda x: each(x, column), 1, "rbind", (function, fixed))
    if function.arity == 3:
        return Function(lambda x, y: each(x, y, column), 2, "rbind", (function, fixed))
    return Function(lambda x, y, z: each(x, y, z, column), 3, "rbind", (function, fixed))


def lbind(function: Function, fixed: Value) -> Function:
    """Fixes the first argument of a function of two, three, or (assumed in all other cases) four.

    Raises:
        AttributeError: the first argument is no function.
    """
    each, column = function.each, Fixed(fixed)
    if function.arity == 2:
        bound = Function(lambda y: each(column, y), 1, "lbind", (function, fixed))
        if function.join is not None:
            bound.join = partial(function.join, column)
        return bound
    if function.arity == 3:
        return Function(lambda y, z: each(column, y, z), 2, "lbind", (function, fixed))
    return Function(lambda y, z, w: each(column, y, z, w), 3, "lbind", (function, fixed))


def _answers(function: Value, *columns: list[Value]) -> list[Value]:
    """Returns what a function answers on each row of some columns of one length."""
    return _each(function)(*columns) if columns[0] else []


def apply(function: Value, container: Value) -> Value:
    """Calls a function on each item; the answers form a container of the same kind."""
    return type(container)(_answers(function, list(container)))


def mapply(function: Value, container: Value) -> Value:
    """Calls a function on each item and joins the containers it returns."""
    if isinstance(container, frozenset) and container:
        items = list(container)
        if isinstance(function, Function) and function.join is not None:
            return function.join(items)
        return frozenset().union(*_answers(function, items))
    return merge(apply(function, container))


def rapply(functions: Value, value: Value) -> Value:
    """Calls each function of a container on one value; the answers form a container of the same kind."""
    return type(functions)([function.call(value) for function in in_order(functions)])


def papply(function: Value, a: Value, b: Value) -> tuple[Value, ...]:
    """Calls a function on two containers' items taken by position, as far as the shorter one goes."""
    xs, ys = list(in_order(a)), list(in_order(b))
    count = min(len(xs), len(ys))
    return tuple(_answers(function, xs[:count], ys[:count]))


def mpapply(function: Value, a: Value, b: Value) -> tuple[Value, ...]:
    """Calls a function on two containers' items taken by position and joins what it returns."""
    return merge(papply(function, a, b))


def prapply(function: Value, a: Value, b: Value) -> frozenset[Value]:
    """Calls a function on every pair of an item of `a` and an item of `b`; the answers form a set."""
    ys = list(b)
    xs = list(a) if ys else []  # Against nothing, the first may be anything at all.
    return frozenset(_answers(function, xs * len(ys), [y for y in ys for _ in xs]))


def sfilter(container: Value, condition: Value) -> Value:
    """Keeps the items for which a condition holds."""
    items = list(container)
    return type(container)(compress(items, _answers(condition, items)))


def mfilter(container: Value, condition: Value) -> Value:
    """Keeps the containers for which a condition holds, and joins them."""
    return merge(sfilter(container, condition))


def extract(container: Value, condition: Value) -> Value:
    """Returns the first item for which a condition holds; it is not looked at for the items after.

    Raises:
        ValueError: it holds for none.
    """
    each = _each(condition)
    for item in in_order(container):
        if each([item])[0]:
            return item
    raise ValueError("no item meets the condition")


def _orders_totally(keys: list[Value]) -> bool:
    """Whether Python's `<` compares any two of the keys: all are numbers, or all are tuples of numbers."""
    types = set(map(type, keys))
    if types == {tuple}:
        types = set(map(type, _flatten.from_iterable(keys)))
    return types <= _NUMBERS


def _with_keys(container: Value, function: Value, distinct: bool = False) -> tuple[list[Value], list[Value]]:
    """Returns a container's items and what a function answers on each, by which they are compared.

    A set's items come in canonical order, except where any order will do: the answers order totally, and are
    distinct if the caller needs that too.
    """
    items = list(container)
    keys = _answers(function, items)
    if isinstance(container, frozenset):
        settled = _orders_totally(keys) and not (distinct and len(set(keys)) < len(keys))
        if not settled:
            by_item = dict(zip(items, keys, strict=True))
            items = canonical_sorted(items)
            keys = [by_item[item] for item in items]
    return items, keys


_ITSELF = Function.from_call(identity, 1, "identity")


def _extreme_item(container: Value, function: Value, select: Callable[[list[Value]], Value]) -> Value:
    items, keys = _with_keys(container, _ITSELF if function is None else function)
    if not items:
        return None
    extreme = select(keys)
    if isinstance(container, frozenset):
        return canonical_min([item for item, key in zip(items, keys, strict=True) if key == extreme])
    return items[keys.index(extreme)]


def _extreme_value(container: Value, function: Value, select: Callable[[list[Value]], Value]) -> Value:
    _, keys = _with_keys(container, function)
    return select(keys) if keys else _each(function)([0])[0]


def argmax(container: Value, function: Value) -> Value:
    """Returns the first item for which a function is largest; None if there are no items."""
    return _extreme_item(container, function, max)


def argmin(container: Value, function: Value) -> Value:
    """Returns the first item for which a function is smallest; None if there are no items."""
    return _extreme_item(container, function, min)


def valmax(container: Value, function: Value) -> Value:
    """Returns a function's largest value on the items; if there are none, its value on 0."""
    return _extreme_value(container, function, max)


def valmin(container: Value, function: Value) -> Value:
    """Returns a function's smallest value on the items; if there are none, its value on 0."""
    return _extreme_value(container, function, min)


def order(container: Value, function: Value) -> tuple[Value, ...]:
    """Returns the items sorted by a function of each; items it does not tell apart stay in order."""
    items, keys = _with_keys(container, _ITSELF if function is None else function, distinct=True)
    return tuple([items[i] for i in sorted(range(len(items)), key=keys.__getitem__)])
