"""Ranking: which programs answer a task.

A task's candidates are ranked by demonstration performance, then shorter first, and the best three answer it
(the paper's evaluation protocol).
"""

import dataclasses
from fractions import Fraction

NUM_ANSWERS = 3

Shortness = tuple[int, int, str]
Rank = tuple[float, int, int, str]
AnswerRank = tuple[float, Fraction, int, int, str]


def shortness(text: str) -> Shortness:
    """Returns what programs of equal performance are sorted by: lines, length, and the text itself."""
    return text.count("\n"), len(text), text


def rank(demonstration_performance: float, text: str) -> Rank:
    """Returns what a task's candidates are sorted by; no two programs share it.

    Args:
        demonstration_performance: share of demonstrations that the program gives.
        text: the program's canonical text.
    """
    return -demonstration_performance, *shortness(text)


def answer_rank(demonstration_performance: float, num_programs: int, text: str) -> AnswerRank:
    """Returns what answers that differ are sorted by: demonstrations given, support, and then as by `rank`.

    An answer has the more support the more programs agree on it and the shorter the best of them is; one more
    line counts as much as a quarter of the programs.

    Args:
        demonstration_performance: share of demonstrations that the best of its programs gives.
        num_programs: programs that agree.
        text: the canonical text of the best.
    """
    lines, length, _ = shortness(text)
    return -demonstration_performance, -num_programs * Fraction(3, 4) ** lines, lines, length, text


@dataclasses.dataclass(frozen=True, slots=True)
class Performance:
    """The shares of a task that a program gives.

    Attributes:
        demonstration: share of demonstrations.
        test: share of test outputs; one that is withheld counts as not given.
    """

    demonstration: float
    test: float

    @property
    def is_strict(self) -> bool:
        """Whether the program gives all demonstrations and all test outputs."""
        return self.demonstration == self.test == 1


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """A program that gives at least one of a task's demonstrations.

    Attributes:
        program: its canonical text.
        performance: what it gives.
        meta_iteration: when it was found; 0 for mutated programs.
    """

    program: str
    performance: Performance
    meta_iteration: int = 0

    @property
    def rank(self) -> Rank:
        """The key that candidates are sorted by; the text decides between programs of equal length."""
        return rank(self.performance.demonstration, self.program)
