"""Hypothesis strategies for programs.

Names are in scope and arities are right; types need not fit.
"""

from hypothesis import strategies as st

from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import INPUT, Call, Program, variable
from codeit_jax.dsl.signatures import SIGNATURES

PRIMITIVE_NAMES = sorted(SIGNATURES)
CONSTANT_NAMES = sorted(CONSTANTS)


@st.composite
def calls(draw: st.DrawFn, line: int) -> Call:
    """Calls that may stand on a line, counted from 1; every variable before it is assigned."""
    variables = [variable(number) for number in range(1, line)]
    terms = st.sampled_from([INPUT, *variables]) | st.sampled_from(CONSTANT_NAMES + PRIMITIVE_NAMES)
    if variables and draw(st.integers(0, 5)) == 0:
        arguments = draw(st.lists(terms, min_size=1, max_size=4))
        return Call(draw(st.sampled_from(variables)), tuple(arguments))
    function = draw(st.sampled_from(PRIMITIVE_NAMES))
    return Call(function, tuple(draw(terms) for _ in SIGNATURES[function].parameters))


@st.composite
def programs(draw: st.DrawFn, max_lines: int = 8) -> Program:
    """Programs in canonical form."""
    num_lines = draw(st.integers(1, max_lines))
    return Program(tuple(draw(calls(line)) for line in range(1, num_lines + 1)))
