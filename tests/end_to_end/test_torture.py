"""A run that is ended in every way at random moments, and whose files are damaged, comes to the same.

`torture.py` does the same as often as one likes.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from .run_process import Place, small_disk
from .trials import Whole, damaged_run, ended_run, possible_damages, whole_run

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")

KINDS = ("kill", "term", "full", "int", "kill", "full")
SHORTER = ("--config.num_meta_iterations=2", "--config.learner.num_epochs=1")


@pytest.fixture(scope="module")
def place(tmp_path_factory, compiled_folder: str) -> Place:
    folder = tmp_path_factory.mktemp("torture") / "place"
    return Place(folder, SHORTER, {"JAX_COMPILATION_CACHE_DIR": compiled_folder})


@pytest.fixture(scope="module")
def whole(place: Place) -> Whole:
    whole = whole_run(place)
    # It may have compiled, too, which others need not.
    return dataclasses.replace(whole, seconds=0.7 * whole.seconds)


def test_a_run_that_is_ended_in_every_way_comes_to_the_same(place: Place, whole: Whole) -> None:
    with small_disk(place.folder / "disk") as disk:
        workdir = (place.folder if disk is None else disk.folder) / "ended"
        trial = ended_run(place, whole, workdir, KINDS, np.random.default_rng(0), disk)
        assert trial.problems == []


def test_a_run_that_is_damaged_comes_to_the_same_or_says_what_is_damaged(place: Place, whole: Whole) -> None:
    damages = possible_damages(whole.workdir)
    for number in np.random.default_rng(0).choice(len(damages), 2, replace=False):
        workdir = place.folder / f"damaged_{number}"
        trial = damaged_run(place, whole, whole.workdir, workdir, *damages[number])
        assert (trial.name, trial.problems) == (trial.name, [])
