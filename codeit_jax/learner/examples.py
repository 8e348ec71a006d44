"""From experiences to the token sequences that the policy reads and learns to write."""

from collections.abc import Iterable, Iterator

import numpy as np

from codeit_jax.arc import Grid, Task
from codeit_jax.config import PolicyConfig
from codeit_jax.learner.batching import Example
from codeit_jax.policy.prompt import dense_text, make_prompt, sparse_text
from codeit_jax.policy.tokenizers import Tokenizer
from codeit_jax.replay import Experience


class ExampleMaker:
    """Writes prompts and programs as tokens.

    Args:
        tokenizer: the policy's.
        config: how much of a task is shown, and how long a program may be.
    """

    def __init__(self, tokenizer: Tokenizer, config: PolicyConfig) -> None:
        self._tokenizer = tokenizer
        self._config = config

    @property
    def fingerprint(self) -> str:
        """The tokenizer's."""
        return self._tokenizer.fingerprint

    def num_tokens(self, program: str) -> int:
        """Returns the length of a program, its end included."""
        return len(self._tokenizer.encode_program(program))

    def fits(self, program: str) -> bool:
        """Whether a program is no longer than the policy can write."""
        return self.num_tokens(program) <= self._config.max_program_length

    def prompt(self, pairs: Iterable[tuple[Grid, Grid]]) -> np.ndarray:
        """Returns the prompt of some demonstrations, int32 `[source]`."""
        write = dense_text if self._config.grid_text == "dense" else sparse_text
        prompt = make_prompt(pairs, self._config.max_demonstrations, grid_text=write)
        return self._tokenizer.encode_prompt(prompt, self._config.section_length)

    def task_prompt(self, task: Task) -> np.ndarray:
        """Returns the prompt of a task, int32 `[source]`."""
        return self.prompt((pair.input, pair.output) for pair in task.train if pair.output is not None)

    def make(self, experiences: Iterable[Experience]) -> Iterator[Example]:
        """Yields each experience as an example: its grids are the prompt, its program the target."""
        for experience in experiences:
            yield Example(
                self.prompt(zip(experience.inputs, experience.outputs, strict=True)),
                self._tokenizer.encode_program(experience.program),
            )
