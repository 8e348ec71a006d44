"""Measurements: as rows of a table, and as JSON."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COLUMNS = ("measured", "ours", "peer", "unit", "ratio", "")
_ROW = "{:<50}{:>10}{:>20}  {:<9}{:>7}  {}"


@dataclass(frozen=True)
class Measurement:
    """One figure of ours beside the peer's.

    Attributes:
        name: what was measured.
        ours: our figure.
        peer: the peer's; None where there is no peer.
        unit: of both, such as "s" or "ms/run".
        peer_error: standard error of the peer's figure, 0 where it is no estimate.
        more_is_better: False for figures such as seconds.
        ours_by_cpu: our figure by CPU time in place of the wall clock, which other work on the machine makes
            longer; None where it was not taken.
        note: what else a reader should know, in a few words.
    """

    name: str
    ours: float
    peer: float | None
    unit: str
    peer_error: float = 0.0
    more_is_better: bool = False
    ours_by_cpu: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer we are; None without a peer, or where that divides by zero."""
        if self.peer is None:
            return None
        better, worse = (self.ours, self.peer) if self.more_is_better else (self.peer, self.ours)
        return better / worse if worse else None

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "ratio": self.ratio}


@dataclass(frozen=True)
class Ended:
    """A part of a suite that has come to its end, or a case of one that has no figure.

    Attributes:
        name: the part's, or the case's.
        seconds: how long it took.
        why: what kept it from being done, in one line; "" where it was done.
        log: the end of what it wrote beside its measurements; "" where it was done.
    """

    name: str
    seconds: float
    why: str = ""
    log: str = ""


def header() -> str:
    """Returns the table's head: the titles, and a line below them."""
    titles = _ROW.format(*_COLUMNS).rstrip()
    return f"{titles}\n{'-' * len(titles)}"


def row(measured: Measurement | Ended) -> str:
    """Returns a measurement, or a part's end, as a line of the table."""
    if isinstance(measured, Ended):
        return f"{measured.name}: {measured.why or 'done'} ({measured.seconds:.0f} s)"
    measurement = measured
    peer = _number(measurement.peer)
    if measurement.peer_error:
        peer += f" ±{_number(measurement.peer_error)}"
    figures = (_number(measurement.ours), peer, measurement.unit, _number(measurement.ratio))
    notes = [f"by CPU time {_number(measurement.ours_by_cpu)}"] if measurement.ours_by_cpu is not None else []
    notes += [measurement.note] if measurement.note else []
    return _ROW.format(measurement.name, *figures, "; ".join(notes)).rstrip()


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def check_is_file_path(path: Path) -> None:
    """Raises OSError unless `path` can be written as a file; leaves nothing behind that was not there."""
    is_new = not path.exists()
    with path.open("a"):
        pass
    if is_new:
        path.unlink()
