"""Primitives on numbers, truth values and numerical pairs.

A *numerical* is an integer or a pair of integers; an operation on pairs acts on each coordinate, and an
integer beside a pair counts for both coordinates.
"""

from codeit_jax.dsl.types import Location, Value

__all__ = [
    "add",
    "astuple",
    "both",
    "branch",
    "crement",
    "decrement",
    "divide",
    "double",
    "either",
    "equality",
    "even",
    "flip",
    "greater",
    "halve",
    "increment",
    "invert",
    "multiply",
    "positive",
    "sign",
    "subtract",
    "toivec",
    "tojvec",
]


def add(a: Value, b: Value) -> Value:
    """Returns the sum of two numericals."""
    if isinstance(a, int):
        return a + b if isinstance(b, int) else (a + b[0], a + b[1])
    if isinstance(b, tuple):
        return (a[0] + b[0], a[1] + b[1])
    return (a[0] + b, a[1] + b)


def subtract(a: Value, b: Value) -> Value:
    """Returns the first numerical less the second."""
    if isinstance(a, int):
        return a - b if isinstance(b, int) else (a - b[0], a - b[1])
    if isinstance(b, tuple):
        return (a[0] - b[0], a[1] - b[1])
    return (a[0] - b, a[1] - b)


def multiply(a: Value, b: Value) -> Value:
    """Returns the product of two numericals."""
    if isinstance(a, int):
        return a * b if isinstance(b, int) else (a * b[0], a * b[1])
    if isinstance(b, tuple):
        return (a[0] * b[0], a[1] * b[1])
    return (a[0] * b, a[1] * b)


def divide(a: Value, b: Value) -> Value:
    """Returns the quotient of two numericals, rounded towards minus infinity."""
    if isinstance(a, int):
        return a // b if isinstance(b, int) else (a // b[0], a // b[1])
    if isinstance(b, tuple):
        return (a[0] // b[0], a[1] // b[1])
    return (a[0] // b, a[1] // b)


def invert(x: Value) -> Value:
    """Returns the numerical with its sign changed."""
    return -x if isinstance(x, int) else (-x[0], -x[1])


def double(x: Value) -> Value:
    """Returns twice the numerical."""
    return x * 2 if isinstance(x, int) else (x[0] * 2, x[1] * 2)


def halve(x: Value) -> Value:
    """Returns half the numerical, rounded towards minus infinity."""
    return x // 2 if isinstance(x, int) else (x[0] // 2, x[1] // 2)


def increment(x: Value) -> Value:
    """Returns the numerical plus one."""
    return x + 1 if isinstance(x, int) else (x[0] + 1, x[1] + 1)


def decrement(x: Value) -> Value:
    """Returns the numerical minus one."""
    return x - 1 if isinstance(x, int) else (x[0] - 1, x[1] - 1)


def _sign(x: int) -> int:
    # Comparing first makes anything but a number fail, an empty tuple included.
    return 1 if x > 0 else -1 if x < 0 else 0


def sign(x: Value) -> Value:
    """Returns -1, 0 or 1 as the numerical is negative, zero or positive."""
    return _sign(x) if isinstance(x, int) else (_sign(x[0]), _sign(x[1]))


def crement(x: Value) -> Value:
    """Moves a numerical one step away from zero, where zero stays."""
    if isinstance(x, int):
        return x + _sign(x)
    return (x[0] + _sign(x[0]), x[1] + _sign(x[1]))


def even(n: int) -> bool:
    """Whether an integer is a multiple of two."""
    return n % 2 == 0


def positive(n: int) -> bool:
    """Whether an integer exceeds zero."""
    return n > 0


def greater(a: Value, b: Value) -> bool:
    """Whether the first value exceeds the second."""
    return a > b


def equality(a: Value, b: Value) -> bool:
    """Whether two values are the same."""
    return a == b


def flip(condition: Value) -> bool:
    """Returns the opposite truth value."""
    return not condition


def both(a: Value, b: Value) -> Value:
    """Returns the first value if it counts as false, else the second."""
    return a and b


def either(a: Value, b: Value) -> Value:
    """Returns the first value if it counts as true, else the second."""
    return a or b


def branch(condition: Value, if_true: Value, if_false: Value) -> Value:
    """Chooses one of two values by a condition."""
    return if_true if condition else if_false


def astuple(a: Value, b: Value) -> tuple[Value, Value]:
    """Pairs two values."""
    return (a, b)


def toivec(i: Value) -> Location:
    """Returns the vector that points `i` rows down."""
    return (i, 0)


def tojvec(j: Value) -> Location:
    """Returns the vector that points `j` columns to the right."""
    return (0, j)
