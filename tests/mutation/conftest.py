"""Two tasks that their programs solve and one that its program does not."""

import pytest
from etils import epath

from codeit_jax.arc import load_tasks
from codeit_jax.config import ExecutionConfig
from codeit_jax.dsl import load_training_programs
from codeit_jax.execution import Budget
from codeit_jax.execution.host import start_pool


@pytest.fixture(scope="module")
def tasks():
    return [task for task in load_tasks("arc1/training") if task.id in ("67a3c6ac", "9dfd6313", "29ec7d0e")]


@pytest.fixture(scope="module")
def programs():
    return load_training_programs()


@pytest.fixture(scope="module")
def pool():
    with start_pool([], ExecutionConfig(num_workers=1, budget=Budget())) as pool:
        yield pool


@pytest.fixture
def path(tmp_path):
    return epath.Path(tmp_path / "distilled.json")
