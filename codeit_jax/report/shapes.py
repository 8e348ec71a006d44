"""What values of a folder's files have to be so that they can be shown: files are edited, and get damaged."""

from collections.abc import Callable
from typing import Any

from codeit_jax.arc import is_grid

Shape = Callable[[Any], bool]

_LARGEST = 1e15  # up to which a float tells whole numbers apart


def is_text(value: Any) -> bool:
    """Returns whether a value is a text."""
    return isinstance(value, str)


def is_number(value: Any) -> bool:
    """Returns whether a value is a number of a size that can be reckoned with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def or_null(shape: Shape) -> Shape:
    """Returns the shape of what may be null."""
    return lambda value: value is None or shape(value)


def list_of(shape: Shape) -> Shape:
    """Returns the shape of a list whose items have a shape."""
    return lambda value: isinstance(value, list) and all(map(shape, value))


def object_of(shape: Shape) -> Shape:
    """Returns the shape of an object whose values have a shape."""
    return lambda value: isinstance(value, dict) and all(map(shape, value.values()))


def having(**shapes: Shape) -> Shape:
    """Returns the shape of an object with some fields; those that are missing do no harm."""
    return lambda value: (
        isinstance(value, dict) and all(shape(value[name]) for name, shape in shapes.items() if name in value)
    )


def _is_rows(value: Any) -> bool:
    return list_of(list_of(is_number))(value) and is_grid(tuple(map(tuple, value)))


_PROGRAM = having(program=is_text)
_FOUND = having(program=is_text, meta_iteration=is_number, number=is_number, found_by=or_null(is_text))
_ATTEMPT = having(
    output=or_null(_is_rows),
    program=or_null(is_text),
    demonstrations_given=is_number,
    programs_that_agree=is_number,
)

is_near_miss = _PROGRAM
is_candidates = list_of(_PROGRAM)


def is_solution(value: Any) -> bool:
    """Returns whether a value is an entry of `solutions.json`."""
    return _FOUND(value) and having(solved_by=list_of(is_text), history=list_of(_FOUND))(value)


is_answer = having(num_demonstrations=is_number, test=list_of(object_of(_ATTEMPT)))
is_score = having(
    prize_score=is_number,
    solved_by_attempts=is_number,
    num_tasks=is_number,
    tasks=object_of(having(prize_score=is_number)),
)


# Made once: a run has a million samples.
_TEXT_OR_NULL, _NUMBER_OR_NULL, _TEXTS = or_null(is_text), or_null(is_number), list_of(is_text)


def is_sample(value: Any) -> bool:
    """Returns whether a value is a line of `samples/NNNN.jsonl.gz`, which has all fields."""
    return (
        isinstance(value["task"], str)
        and isinstance(value["text"], str)
        and _TEXT_OR_NULL(value["error"])
        and _TEXTS(value["outcomes"])
        and _NUMBER_OR_NULL(value["demonstration_performance"])
        and _NUMBER_OR_NULL(value["test_performance"])
    )
