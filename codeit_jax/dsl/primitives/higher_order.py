"""Primitives that build functions, and those that use functions on containers.

A function is a `Function` value. As in arc-dsl, anything else in its place fails only once it is called, so
each primitive here works on "what is called", from `_callee`.
"""

from collections.abc import Callable
from itertools import chain as _flatten
from typing import Any

from codeit_jax.dsl.primitives.containers import merge
from codeit_jax.dsl.types import Function, Value, canonical_min, canonical_sorted, in_order

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


def _callee(function: Value) -> Any:
    """Returns a function's Python callable; any other value is returned as it is, and fails when called."""
    return function.call if isinstance(function, Function) else function


def identity(x: Value) -> Value:
    """Returns its argument."""
    return x


def compose(outer: Value, inner: Value) -> Function:
    """Returns the function `x -> outer(inner(x))`."""
    outer_call, inner_call = _callee(outer), _callee(inner)
    return Function(lambda x: outer_call(inner_call(x)), 1, "compose", (outer, inner))


def chain(h: Value, g: Value, f: Value) -> Function:
    """Returns the function `x -> h(g(f(x)))`."""
    h_call, g_call, f_call = _callee(h), _callee(g), _callee(f)
    return Function(lambda x: h_call(g_call(f_call(x))), 1, "chain", (h, g, f))


def fork(outer: Value, a: Value, b: Value) -> Function:
    """Returns the function `x -> outer(a(x), b(x))`."""
    outer_call, a_call, b_call = _callee(outer), _callee(a), _callee(b)
    return Function(lambda x: outer_call(a_call(x), b_call(x)), 1, "fork", (outer, a, b))


def matcher(function: Value, target: Value) -> Function:
    """Returns the function that tells whether `function(x)` equals a target."""
    call = _callee(function)
    return Function(lambda x: call(x) == target, 1, "matcher", (function, target))


def power(function: Value, n: int) -> Value:
    """Returns the function that applies a function `n` times over.

    Raises:
        ValueError: `n` is no positive integer.
    """
    if n == 1:
        return function
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"power takes a positive number of times, not {n!r:.20}")
    call = _callee(function)

    def repeated(x: Value) -> Value:
        for _ in range(n):
            x = call(x)
        return x

    return Function(repeated, 1, "power", (function, n))


def rbind(function: Function, fixed: Value) -> Function:
    """Fixes a function's last argument: its second or third, and in all other cases its fourth.

    Raises:
        AttributeError: the first argument is no function.
    """
    call = function.call
    if function.arity == 2:
        return Function(lambda x: call(x, fixed), 1, "rbind", (function, fixed))
    if function.arity == 3:
        return Function(lambda x, y: call(x, y, fixed), 2, "rbind", (function, fixed))
    return Function(lambda x, y, z: call(x, y, z, fixed), 3, "rbind", (function, fixed))


def lbind(function: Function, fixed: Value) -> Function:
    """Fixes the first argument of a function of two, three, or (assumed in all other cases) four.

    Raises:
        AttributeError: the first argument is no function.
    """
    call = function.call
    if function.arity == 2:
        return Function(lambda y: call(fixed, y), 1, "lbind", (function, fixed))
    if function.arity == 3:
        return Function(lambda y, z: call(fixed, y, z), 2, "lbind", (function, fixed))
    return Function(lambda y, z, w: call(fixed, y, z, w), 3, "lbind", (function, fixed))


def apply(function: Value, container: Value) -> Value:
    """Calls a function on each item; the answers form a container of the same kind."""
    call = _callee(function)
    return type(container)([call(item) for item in container])


def mapply(function: Value, container: Value) -> Value:
    """Calls a function on each item and joins the containers it returns."""
    return merge(apply(function, container))


def rapply(functions: Value, value: Value) -> Value:
    """Calls each function of a container on one value; the answers form a container of the same kind."""
    return type(functions)([function.call(value) for function in functions])


def papply(function: Value, a: Value, b: Value) -> tuple[Value, ...]:
    """Calls a function on two containers' items taken by position, as far as the shorter one goes."""
    call = _callee(function)
    return tuple([call(x, y) for x, y in zip(in_order(a), in_order(b), strict=False)])


def mpapply(function: Value, a: Value, b: Value) -> tuple[Value, ...]:
    """Calls a function on two containers' items taken by position and joins what it returns."""
    return merge(papply(function, a, b))


def prapply(function: Value, a: Value, b: Value) -> frozenset[Value]:
    """Calls a function on every pair of an item of `a` and an item of `b`; the answers form a set."""
    call = _callee(function)
    return frozenset([call(x, y) for y in b for x in a])


def sfilter(container: Value, condition: Value) -> Value:
    """Keeps the items for which a condition holds."""
    call = _callee(condition)
    return type(container)([item for item in container if call(item)])


def mfilter(container: Value, condition: Value) -> Value:
    """Keeps the containers for which a condition holds, and joins them."""
    return merge(sfilter(container, condition))


def extract(container: Value, condition: Value) -> Value:
    """Returns the first item for which a condition holds.

    Raises:
        ValueError: it holds for none.
    """
    call = _callee(condition)
    for item in in_order(container):
        if call(item):
            return item
    raise ValueError("no item meets the condition")


def _measure(function: Value) -> Any:
    """Returns what the items are compared by: a function of each, or with None the items themselves."""
    return identity if function is None else _callee(function)


def _orders_totally(keys: list[Value]) -> bool:
    """Whether Python's `<` compares any two of the keys: all are numbers, or all are tuples of numbers."""
    types = set(map(type, keys))
    if types == {tuple}:
        types = set(map(type, _flatten.from_iterable(keys)))
    return types <= _NUMBERS


def _with_keys(
    container: Value, call: Callable[[Value], Value], distinct: bool = False
) -> tuple[list[Value], list[Value]]:
    """Returns a container's items and the key that a Python callable gives each.

    A set's items come in canonical order, except where any order will do: the keys order totally, and are
    distinct if the caller needs that too.
    """
    items = list(container)
    keys = [call(item) for item in items]
    if isinstance(container, frozenset):
        settled = _orders_totally(keys) and not (distinct and len(set(keys)) < len(keys))
        if not settled:
            by_item = dict(zip(items, keys, strict=True))
            items = canonical_sorted(items)
            keys = [by_item[item] for item in items]
    return items, keys


def _extreme_item(container: Value, function: Value, select: Callable[[list[Value]], Value]) -> Value:
    items, keys = _with_keys(container, _measure(function))
    if not items:
        return None
    extreme = select(keys)
    if isinstance(container, frozenset):
        return canonical_min([item for item, key in zip(items, keys, strict=True) if key == extreme])
    return items[keys.index(extreme)]


def _extreme_value(container: Value, function: Value, select: Callable[[list[Value]], Value]) -> Value:
    call = _callee(function)
    _, keys = _with_keys(container, call)
    return select(keys) if keys else call(0)


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
    items, keys = _with_keys(container, _measure(function), distinct=True)
    return tuple([items[i] for i in sorted(range(len(items)), key=keys.__getitem__)])
