"""Our prompts beside those of a second reading of the documentation, which golden_prompts.py made.

The byte pairs need CodeT5's tokenizer, which is not ours to bring along: the folder that `CODET5_TOKENIZER`
names, or that of one of its models in the local cache of Hugging Face's hub.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from codeit_jax.arc import Task, load_tasks
from codeit_jax.config import PolicyConfig
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.policy.prompt import make_prompt
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.policy.tokenizers import make_tokenizer

GOLDEN = dict(np.load(Path(__file__).with_name("golden") / "prompts.npz"))
NAMES = GOLDEN["tasks"].tolist()
FOLDER = "CODET5_TOKENIZER"
MODELS = ("Salesforce/codet5p-220m", "Salesforce/codet5p-770m", "Salesforce/codet5-small")
SYMBOLIC = SymbolicTokenizer()
NUM_SPECIAL = 2  # padding and the end


def expected(kind: str, name: str) -> np.ndarray:
    """Returns the golden row of a task, `[length]`."""
    ends = np.cumsum(GOLDEN[f"{kind}_lengths"])
    return np.split(GOLDEN[kind], ends[:-1])[NAMES.index(name)]


def find_codet5() -> str | None:
    """Returns a folder with CodeT5's tokenizer, or None where there is none; it asks no network."""
    if FOLDER in os.environ:
        return os.environ[FOLDER]
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(model, "tokenizer_config.json") for model in MODELS)
    return next((str(Path(path).parent) for path in found if isinstance(path, str)), None)


@pytest.fixture(scope="module")
def tasks() -> dict[str, Task]:
    """The golden tasks by name; one that is several joined by `+` has the demonstrations of all of them."""
    loaded = {task.id: task for part in ("training", "evaluation") for task in load_tasks(f"arc1/{part}")}
    parts = {name: [loaded[task_id] for task_id in name.split("+")] for name in NAMES}
    return {
        name: Task(name, tuple(pair for task in each for pair in task.train), each[0].test)
        for name, each in parts.items()
    }


@pytest.fixture(scope="module")
def codet5() -> ExampleMaker:
    folder = find_codet5()
    if folder is None:
        pytest.skip(f"CodeT5's tokenizer is neither in the folder {FOLDER} nor in Hugging Face's cache")
    return ExampleMaker(make_tokenizer(folder), PolicyConfig())


def test_there_are_25_tasks_of_each_part_and_two_of_more_than_ten_demonstrations(tasks):
    assert len(NAMES) == len(set(NAMES)) == 52
    assert [len(task.train) > 10 for task in tasks.values()] == ["+" in name for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_that_of_the_second_reading(tasks, name):
    text = make_prompt((pair.input, pair.output) for pair in tasks[name].train).text
    assert text == expected("text", name).tobytes().decode()


@pytest.mark.parametrize("name", NAMES)
def test_symbolic_tokens_are_those_of_the_second_reading(tasks, name):
    ids = expected("symbolic", name).astype(np.int32)
    # Between the special tokens and the prompt's lie those that programs are written with.
    ids[ids >= NUM_SPECIAL] += SYMBOLIC.program_vocabulary_size - NUM_SPECIAL
    np.testing.assert_array_equal(ExampleMaker(SYMBOLIC, PolicyConfig()).task_prompt(tasks[name]), ids)


@pytest.mark.parametrize("name", NAMES)
def test_byte_pairs_are_those_of_the_second_reading(tasks, codet5, name):
    np.testing.assert_array_equal(codet5.task_prompt(tasks[name]), expected("codet5", name))
