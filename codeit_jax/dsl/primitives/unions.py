"""Unions of what a primitive gives on many arguments, found without making each of them."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

from codeit_jax.dsl.primitives.patches import shift
from codeit_jax.dsl.types import Location, Value

_MAX_AREA = 100_000  # of the rectangle that holds the union; beyond, there are too many bits
_NUMBERS = frozenset({int, bool})


def union_of_shifts(patch: frozenset[Value], directions: Sequence[Value]) -> frozenset[Value]:
    """Returns the union of a patch shifted by each of some directions.

    The locations of one colour are the bits of a number, row after row of the rectangle that holds the union,
    and to shift them is to shift the bits. What several rows of directions share is shifted once.
    """
    groups = _by_colour(patch)
    if groups is None or not _are_locations(directions):
        return frozenset().union(*[shift(patch, direction) for direction in directions])
    rows, columns = zip(*chain.from_iterable(groups.values()), strict=True)
    down, right = zip(*directions, strict=True)
    top, left, least_down, least_right = min(rows), min(columns), min(down), min(right)
    height = max(rows) - top + max(down) - least_down + 1
    width = max(columns) - left + max(right) - least_right + 1
    if height * width > _MAX_AREA:
        return frozenset().union(*[shift(patch, direction) for direction in directions])
    rights_of: dict[int, set[int]] = defaultdict(set)
    for i, j in directions:
        rights_of[i - least_down].add(j - least_right)
    downs_of: dict[frozenset[int], list[int]] = defaultdict(list)
    for i, rights in rights_of.items():
        downs_of[frozenset(rights)].append(i)
    items: list[Value] = []
    for colour, locations in groups.items():
        mask = 0
        for i, j in locations:
            mask |= 1 << (i - top) * width + j - left
        union = 0
        for offsets, lines in downs_of.items():
            row_union = 0
            for offset in offsets:
                row_union |= mask << offset
            for line in lines:
                union |= row_union << line * width
        found = _locations(union, width, top + least_down, left + least_right)
        items += found if colour is None else [(colour[0], location) for location in found]
    return frozenset(items)


def _by_colour(patch: frozenset[Value]) -> dict[tuple[Value] | None, list[Location]] | None:
    """Returns an object's locations by colour, or indices under None; None for a patch that is neither."""
    groups: dict[tuple[Value] | None, list[Location]] = defaultdict(list)
    if not patch or set(map(type, patch)) != {tuple}:
        return None
    if _are_locations(patch):
        groups[None] = list(patch)
        return groups
    if set(map(len, patch)) != {2} or not _are_locations([place for _, place in patch]):
        return None
    for colour, place in patch:
        groups[(colour,)].append(place)
    return groups


def _are_locations(values: Sequence[Value] | frozenset[Value]) -> bool:
    return (
        set(map(type, values)) == {tuple}
        and set(map(len, values)) == {2}
        and set(map(type, chain.from_iterable(values))) <= _NUMBERS
    )


def _locations(bits: int, width: int, top: int, left: int) -> list[Location]:
    """Returns the locations whose bits are set."""
    digits = bin(bits)[:1:-1]
    return [
        (top + start // width, j)
        for start in range(0, len(digits), width)
        for j, digit in enumerate(digits[start : start + width], start=left)
        if digit == "1"
    ]
