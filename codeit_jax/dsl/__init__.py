"""The language: its values, primitives and signatures, and programs as data."""

from codeit_jax.dsl.corpus import CorpusError, load_training_programs
from codeit_jax.dsl.program import Call, Program, ProgramError, parse_program, without_dead_lines

__all__ = [
    "Call",
    "CorpusError",
    "Program",
    "ProgramError",
    "load_training_programs",
    "parse_program",
    "without_dead_lines",
]
