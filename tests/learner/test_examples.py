"""Experiences as token sequences: the grids a prompt, the program what is to be written."""

import numpy as np
import pytest

from codeit_jax.arc import Pair, Task
from codeit_jax.config import PolicyConfig
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.policy.prompt import make_prompt
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.replay import Experience

TOKENIZER = SymbolicTokenizer()
SMALL, LARGE = ((1,),), ((1, 2), (3, 4))
PROGRAM = "x1 = vmirror(I)\nO = hconcat(x1, I)"  # 8 tokens, its end included


def make_maker(**settings: int) -> ExampleMaker:
    return ExampleMaker(TOKENIZER, PolicyConfig(**{"section_length": 64, "max_program_length": 8} | settings))


def experience(inputs, outputs, program: str = PROGRAM) -> Experience:
    return Experience.of("task", program, tuple(inputs), tuple(outputs), 0.5, 1)


def test_an_experience_is_a_prompt_of_its_grids_and_its_program() -> None:
    (example,) = make_maker().make([experience([LARGE, SMALL], [SMALL, LARGE])])
    expected = TOKENIZER.encode_prompt(make_prompt([(LARGE, SMALL), (SMALL, LARGE)]), 64)
    np.testing.assert_array_equal(example.prompt, expected)
    assert TOKENIZER.decode_program(example.program) == PROGRAM
    assert example.program[-1] == TOKENIZER.eos_id
    assert example.prompt.dtype == example.program.dtype == np.int32


def test_examples_are_in_the_order_of_the_experiences() -> None:
    programs = ["O = vmirror(I)", "O = hmirror(I)", "O = rot90(I)"]
    examples = list(make_maker().make(experience([SMALL], [LARGE], program) for program in programs))
    assert [TOKENIZER.decode_program(example.program) for example in examples] == programs


def test_a_task_is_asked_as_it_will_be_learned() -> None:
    pairs = (Pair(SMALL, LARGE), Pair(LARGE, SMALL))
    task = Task("task", pairs, (Pair(LARGE, LARGE),))
    maker = make_maker()
    (example,) = maker.make([experience([SMALL, LARGE], [LARGE, SMALL])])
    np.testing.assert_array_equal(maker.task_prompt(task), example.prompt)


def test_test_pairs_are_not_shown() -> None:
    pairs = (Pair(SMALL, LARGE),)
    maker = make_maker()
    with_test = maker.task_prompt(Task("task", pairs, (Pair(LARGE, LARGE),)))
    np.testing.assert_array_equal(with_test, maker.task_prompt(Task("task", pairs, ())))


def test_sections_are_cut_and_demonstrations_left_out() -> None:
    pairs = [(LARGE, LARGE), (SMALL, SMALL)]
    assert len(make_maker(section_length=3).prompt(pairs)) == 2 * 3 + 2
    np.testing.assert_array_equal(
        make_maker(max_demonstrations=1).prompt(pairs), make_maker().prompt([(SMALL, SMALL)])
    )


@pytest.mark.parametrize(("length", "fits"), [(7, False), (8, True), (9, True)])
def test_a_program_fits_with_its_end(length: int, fits: bool) -> None:
    assert len(TOKENIZER.encode_program(PROGRAM)) == 8
    assert make_maker(max_program_length=length).fits(PROGRAM) is fits
