"""Numbers as people read them."""

import math
from collections.abc import Sequence

_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: float) -> str:
    """Returns a number with as many digits as one reads: `1,234`, `0.62`, `1.3e-05`; "" for NaN."""
    if math.isnan(value):
        return ""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def short_number(value: float) -> str:
    """Returns a number in few characters, for an axis, say: `800`, `1.5k`, `64M`."""
    for size, unit in _UNITS:
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """Returns a share as `41.4%`; "" for NaN."""
    if math.isnan(share):
        return ""
    return f"{share:.0%}" if share in (0, 1) else f"{share:.1%}"


def duration(seconds: float) -> str:
    """Returns a time as `12.3 s`, `7 min 35 s` or `3 h 02 min`; "" for NaN."""
    if math.isnan(seconds):
        return ""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60:,} h {minutes % 60:02d} min"


def counted(count: int, noun: str) -> str:
    """Returns a number of things: `1 line`, `2 lines`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Returns names in a sentence: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
