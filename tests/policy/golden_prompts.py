"""Writes golden/prompts.npz: what prompts the documentation asks for, by a second reading of it.

For test_golden_prompts.py to hold ours against. Needs CodeT5's tokenizer, a folder with its `vocab.json` and
`merges.txt`, which the tests themselves do not:

    python -m tests.policy.golden_prompts --codet5=FOLDER

It was written from docs/policy.md and docs/fidelity.md by someone who had not read `codeit_jax.policy`, and
imports nothing of it: where the prompt's rules change, it is changed by hand, from these pages.

For each of `tasks`, ids of ARC or several joined by `+`, the file holds three rows, end to end, with their
lengths: the `text` of its prompt as bytes, and its `symbolic` and `codet5` tokens. Symbolic tokens are
counted as if the vocabulary had no words of programs, whose number grows with the language: padding is 0, the
end 1 and the first word of prompts 2.
"""

import argparse
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from codeit_jax.arc import Grid, Pair, Task, load_tasks

FILE = Path(__file__).with_name("golden") / "prompts.npz"
PARTS = ("arc1/training", "arc1/evaluation")
TASKS_PER_PART = 25
SEED = 2402
MAX_DEMONSTRATIONS = 10
SECTION_LENGTH = 512
SYMBOLIC_END = 1
CODET5_START = 1

PROMPT_WORDS = [
    "\n",
    "|",
    *(f"{rows}x" for rows in range(1, 31)),
    *(f"background={colour}" for colour in range(10)),
    *(f"{colour}=" for colour in range(10)),
    *(f"{row}," for row in range(30)),
    *(f"{number}" for number in range(31)),
]
SYMBOLIC_IDS = {word: number for number, word in enumerate(PROMPT_WORDS, start=SYMBOLIC_END + 1)}


def colour_counts(grid: Grid) -> Counter[int]:
    return Counter(colour for row in grid for colour in row)


def grid_text(grid: Grid) -> str:
    """Returns a grid's sparse text: its size, its background, and the cells of every other colour."""
    counts = colour_counts(grid)
    background = min(colour for colour in counts if counts[colour] == max(counts.values()))
    words = [f"{len(grid)}x{len(grid[0])}", f"background={background}"]
    for colour in sorted(set(counts) - {background}):
        cells = [f"{i},{j}" for i, row in enumerate(grid) for j, cell in enumerate(row) if cell == colour]
        words.append(f"{colour}=" + " ".join(cells))
    return " ".join(words)


def num_cells(demonstration: Pair) -> int:
    """Returns what a demonstration is sorted by: how many cells its two grids have together."""
    grids = (demonstration.input, demonstration.output)
    return sum(len(grid) * len(grid[0]) for grid in grids)


def sections(demonstrations: Sequence[Pair]) -> tuple[str, str]:
    """Returns the text of the inputs and the text of the outputs of the smallest demonstrations."""
    shown = sorted(demonstrations, key=num_cells)[:MAX_DEMONSTRATIONS]
    return (
        "|".join(grid_text(demonstration.input) for demonstration in shown),
        "|".join(grid_text(demonstration.output) for demonstration in shown),
    )


def symbolic_words(section: str) -> list[str]:
    """Returns the words of a section: of a cell in the row of the one before its column alone."""
    words: list[str] = []
    for grid in section.split("|"):
        if words:
            words.append("|")
        row = None
        for part in grid.split(" "):
            if size := re.fullmatch(r"(\d+x)(\d+)", part):
                words += size.groups()
            elif part.startswith("background="):
                words.append(part)
            else:
                if "=" in part:
                    colour, part = part.split("=")
                    words.append(f"{colour}=")
                    row = None
                row_before, (row, column) = row, part.split(",")
                words += [column] if row == row_before else [f"{row},", column]
    return words


def symbolic_ids(inputs: str, outputs: str) -> list[int]:
    inputs_ids, outputs_ids = (
        [SYMBOLIC_IDS[word] for word in symbolic_words(section)][:SECTION_LENGTH]
        for section in (inputs, outputs)
    )
    return [*inputs_ids, SYMBOLIC_IDS["\n"], *outputs_ids, SYMBOLIC_END]


def codet5_ids(inputs: str, outputs: str, encode: Callable[[str], list[int]]) -> list[int]:
    """Returns CodeT5's tokens: the start token and the newline are of the section that they open."""
    return [
        *[CODET5_START, *encode(inputs)][:SECTION_LENGTH],
        *[*encode("\n"), *encode(outputs)][:SECTION_LENGTH],
    ]


def load_codet5(folder: Path) -> Callable[[str], list[int]]:
    """Returns what encodes text by CodeT5's byte pairs, without tokens at its ends."""
    from transformers import RobertaTokenizer

    tokenizer = RobertaTokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))
    assert tokenizer.bos_token_id == CODET5_START
    return lambda text: tokenizer.encode(text, add_special_tokens=False)


def has_grid(test: Callable[[Grid], bool]) -> Callable[[Task], bool]:
    return lambda task: any(test(grid) for pair in task.train for grid in (pair.input, pair.output))


def is_tied(grid: Grid) -> bool:
    numbers = list(colour_counts(grid).values())
    return numbers.count(max(numbers)) > 1


def is_cut(task: Task, which: Sequence[bool]) -> bool:
    """Returns whether just these sections, inputs and outputs, are longer than is shown of them."""
    lengths = [len(symbolic_words(section)) for section in sections(task.train)]
    return [length > SECTION_LENGTH for length in lengths] == list(which)


def shape(pair: Pair) -> tuple[int, ...]:
    return len(pair.input), len(pair.input[0]), len(pair.output), len(pair.output[0])


# What at least one task of each part is to have, where the part has one.
ODD: dict[str, Callable[[Task], bool]] = {
    "the most demonstrations": lambda task: len(task.train) >= 7,
    "a tie for the background": has_grid(is_tied),
    "demonstrations as large in other shapes": lambda task: (
        len({num_cells(pair) for pair in task.train}) < len({shape(pair) for pair in task.train})
    ),
    "demonstrations that are not sorted": lambda task: (
        [num_cells(pair) for pair in task.train] != sorted(num_cells(pair) for pair in task.train)
    ),
    "both sections cut": lambda task: is_cut(task, (True, True)),
    "only the inputs cut": lambda task: is_cut(task, (True, False)),
    "only the outputs cut": lambda task: is_cut(task, (False, True)),
    "a grid of one cell": has_grid(lambda grid: len(grid) == len(grid[0]) == 1),
    "a grid of the largest size": has_grid(lambda grid: len(grid) == len(grid[0]) == 30),
    "a grid of all colours": has_grid(lambda grid: len(colour_counts(grid)) == 10),
    "a grid of one colour": has_grid(lambda grid: len(colour_counts(grid)) == 1),
}


def choose(part: str) -> dict[str, list[Pair]]:
    """Returns demonstrations of tasks of a part by their names: the odd ones, others drawn, and joined ones.

    No task of ARC-1 has more than ten demonstrations: the last ones are of as many tasks as that takes.
    """
    tasks = load_tasks(part)
    random.Random(SEED).shuffle(tasks)
    chosen: dict[str, Task] = {}
    for name, is_odd in ODD.items():
        found = next((task for task in tasks if is_odd(task) and task.id not in chosen), None)
        print(f"{part}: {name}: {found.id if found else 'none'}")
        if found:
            chosen[found.id] = found
    for task in tasks:
        if len(chosen) < TASKS_PER_PART:
            chosen[task.id] = task
    joined: list[Task] = []
    while sum(len(task.train) for task in joined) <= MAX_DEMONSTRATIONS:
        joined.append(tasks[-1 - len(joined)])
    return {task.id: list(task.train) for task in chosen.values()} | {
        "+".join(task.id for task in joined): [pair for task in joined for pair in task.train]
    }


def write_golden(codet5: Path) -> None:
    encode = load_codet5(codet5)
    chosen = {name: pairs for part in PARTS for name, pairs in choose(part).items()}
    rows: dict[str, list[np.ndarray]] = {"text": [], "symbolic": [], "codet5": []}
    for pairs in chosen.values():
        inputs, outputs = sections(pairs)
        rows["text"].append(np.frombuffer(f"{inputs}\n{outputs}".encode(), np.uint8))
        rows["symbolic"].append(np.array(symbolic_ids(inputs, outputs), np.uint8))
        rows["codet5"].append(np.array(codet5_ids(inputs, outputs, encode), np.uint16))
    arrays = {name: np.concatenate(arrays) for name, arrays in rows.items()}
    lengths = {f"{name}_lengths": np.array([len(a) for a in arrays]) for name, arrays in rows.items()}
    np.savez_compressed(FILE, tasks=np.array(list(chosen)), **arrays, **lengths)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--codet5", type=Path, required=True, help="a folder of CodeT5's tokenizer")
    write_golden(parser.parse_args().codet5)
