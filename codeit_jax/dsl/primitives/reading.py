"""How primitives read grids and patches, the ill-formed ones included.

A patch is an object (cells) or indices (locations); its first item tells which. What is expected to be a
pair, a location or a row may turn out to be a set, and is then read in canonical order. Nearly all values are
well-formed, and the functions here make sure of that at the price of one short pass.
"""

from collections.abc import Callable, Iterable
from typing import Any

from codeit_jax.dsl.types import Value, canonical_sorted, in_order

Pairs = Iterable[tuple[Any, Any]]


def tuples(items: Iterable[Value]) -> Iterable[tuple[Value, ...]]:
    """Returns the items, any set among them as a tuple.

    Raises:
        TypeError: an item is neither a tuple nor a set.
    """
    if set(map(type, items)) == {tuple}:
        return items
    return [tuple(in_order(item)) for item in items]


def rows(grid: Value) -> Iterable[tuple[Value, ...]]:
    """Returns a grid's rows as tuples, in order.

    Raises:
        TypeError: the grid or one of its rows is neither a tuple nor a set.
    """
    if isinstance(grid, tuple) and set(map(type, grid)) == {tuple}:
        return grid
    return tuples(in_order(grid))


def cell_locations(patch: Value) -> list[tuple[Value, ...]] | None:
    """Returns the locations of an object's cells, one a cell, in the order of its iteration.

    Returns:
        The locations; none at all for a patch of locations; None for one that mixes the two or holds
        anything else, which `read` can still make sense of.
    """
    try:
        # Unpacking ensures that an item is a pair, subscription that it is no set: one pass does it all.
        found = [index for item in patch for _, index in (item,) if type(item[1]) is tuple]
    except (TypeError, ValueError, IndexError):
        return None
    return found if not found or len(found) == len(patch) else None


def are_cells(items: Iterable[Value]) -> bool:
    """Whether the first of a patch's items makes it an object: its second entry is a tuple."""
    return isinstance(next(iter(items))[1], tuple)


def read(patch: Value) -> tuple[bool, Pairs, Pairs]:
    """Reads any patch as pairs.

    Returns:
        Whether it has cells; its items as tuples, of a colour and a tuple if they are cells; and its
        locations, one an item.

    Raises:
        TypeError, ValueError, IndexError: the patch cannot be read.
    """
    found = cell_locations(patch)
    if found is not None:
        return (True, patch, found) if found else (False, patch, patch)
    items = list(in_order(patch))
    pairs = tuples(items)
    if not are_cells(items):
        return False, pairs, pairs
    cells = [(value, tuple(in_order(index))) for value, index in pairs]
    return True, cells, [index for _, index in cells]


def locations(patch: Value) -> Pairs:
    """Returns the locations of a patch; those of an object may repeat.

    Raises:
        TypeError, ValueError, IndexError: the patch cannot be read.
    """
    found = cell_locations(patch)
    if found is None:
        return read(patch)[2]
    return found or patch


def extreme(choose: Callable[..., Any], coordinates: Iterable[Value], patch: Value) -> Value:
    """Returns the least or greatest coordinate of a patch.

    Unless coordinates are numbers the answer may depend on their order, which is the patch's own if it is a
    tuple of locations, and else canonical; and on whether a location that several cells share counts once.

    Args:
        choose: `min` or `max`.
        coordinates: one coordinate of each of the patch's `locations`.
        patch: where they come from.

    Raises:
        TypeError: the coordinates do not compare.
        ValueError: there are none.
    """
    try:
        found = choose(coordinates)
    except TypeError:
        found = None
    if isinstance(found, int):
        return found
    if isinstance(patch, tuple) and patch and not are_cells(patch):
        return choose(coordinates)
    once = dict(zip(locations(patch), coordinates, strict=True))
    return choose(canonical_sorted(once.values()))
