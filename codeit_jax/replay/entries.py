"""The entries of a replay buffer: rows of numbers, and the tables of texts and grids that they point into."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np

from codeit_jax.replay.byte_table import ByteTable
from codeit_jax.replay.columns import Column
from codeit_jax.replay.experience import Experience
from codeit_jax.replay.hash_index import HashIndex

_Value = TypeVar("_Value")

COLUMNS = {
    "priorities": np.float64,
    "meta_iterations": np.int32,
    "tasks": np.int32,
    "inputs": np.int32,
    "outputs": np.int32,
    "programs": np.int32,
}
TABLES = ("inputs", "outputs", "programs")


class Numbered(Generic[_Value]):
    """Different values, numbered in the order they came."""

    def __init__(self, values: Iterable[_Value] = ()) -> None:
        self.values = list(values)
        self._numbers = {value: number for number, value in enumerate(self.values)}

    def __len__(self) -> int:
        return len(self.values)

    def find(self, values: Iterable[_Value]) -> np.ndarray:
        """Returns the numbers of some values, int32 `[n]`, and -1 for each that is not there."""
        return np.array([self._numbers.get(value, -1) for value in values], np.int32)

    def number(self, values: Sequence[_Value]) -> np.ndarray:
        """Returns the numbers of some values, int32 `[n]`; those that are new get the next ones."""
        new = [value for value in dict.fromkeys(values) if value not in self._numbers]
        self._numbers.update(zip(new, itertools.count(len(self)), strict=False))
        self.values += new
        return np.array([self._numbers[value] for value in values], np.int32)


class Entries:
    """Experiences in the order they came, at most one for a task and a program.

    Attributes:
        columns: by name, a number of each entry: its priority, its meta-iteration, and the numbers of its
            task, inputs, outputs and program in their tables.
        task_ids: the tasks.
        tables: by the names of their columns, the packed inputs and outputs and the programs' texts; equal
            ones are stored once.
    """

    def __init__(self) -> None:
        self.columns = {name: Column(dtype) for name, dtype in COLUMNS.items()}
        self.task_ids: Numbered[str] = Numbered()
        self.tables = {name: ByteTable() for name in TABLES}
        self._keys = HashIndex()

    def __len__(self) -> int:
        return len(self.columns["priorities"])

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column].values

    @property
    def nbytes(self) -> int:
        """The bytes that the entries take, but for the tasks' ids."""
        columns = sum(column.nbytes for column in self.columns.values())
        return columns + sum(table.nbytes for table in self.tables.values()) + self._keys.nbytes

    def find(self, experiences: Sequence[Experience]) -> np.ndarray:
        """Returns the indices of the entries with the task and program of each, int32 `[n]`, -1 for none."""
        tasks = self.task_ids.find(each.task_id for each in experiences)
        programs = self.tables["programs"].find([each.program.encode() for each in experiences])
        found = np.full(len(experiences), -1, np.int32)
        known = np.flatnonzero((tasks >= 0) & (programs >= 0))
        found[known] = self._find(tasks[known], programs[known])
        return found

    def raise_priorities(self, indices: np.ndarray, priorities: np.ndarray) -> None:
        """Gives entries `[n]`, among which some may be more than once, priorities where these are higher."""
        np.maximum.at(self["priorities"], indices, priorities)

    def append(self, experiences: Sequence[Experience]) -> int:
        """Adds experiences, and returns how many of them were new.

        Where a task and program are not, the entry stays, with the highest of the priorities.
        """
        programs = self.tables["programs"].number([each.program.encode() for each in experiences])
        tasks = self.task_ids.number([each.task_id for each in experiences])
        indices = self._find(tasks, programs)
        unknown = np.flatnonzero(indices < 0)
        # Among these the same task and program may be more than once: the first is new, the others are it.
        keys = _keys(tasks[unknown], programs[unknown])
        _, firsts, place_of = np.unique(keys, return_index=True, return_inverse=True)
        is_new = np.zeros(len(experiences), bool)
        is_new[unknown[firsts]] = True
        rows = np.flatnonzero(is_new)
        indices[rows] = np.arange(len(self), len(self) + len(rows))
        indices[unknown] = indices[unknown[firsts]][place_of]
        self._keys.append(_hashes(tasks[rows], programs[rows]))
        new = [experiences[row] for row in rows.tolist()]
        priorities = np.array([each.priority for each in experiences])
        for name, numbers in {
            "priorities": priorities[rows],
            "meta_iterations": np.array([each.meta_iteration for each in new]),
            "tasks": tasks[rows],
            "inputs": self.tables["inputs"].number([each.packed_inputs for each in new]),
            "outputs": self.tables["outputs"].number([each.packed_outputs for each in new]),
            "programs": programs[rows],
        }.items():
            self.columns[name].extend(numbers)
        self.raise_priorities(indices, priorities)
        return len(new)

    def read(self, indices: np.ndarray) -> list[Experience]:
        """Returns the experiences of some indices `[n]`."""
        rows = {name: self[name][indices] for name in COLUMNS}
        packed = {name: self.tables[name].read(rows[name]) for name in TABLES}
        return list(
            map(
                Experience,
                map(self.task_ids.values.__getitem__, rows["tasks"].tolist()),
                map(bytes.decode, packed["programs"]),
                packed["inputs"],
                packed["outputs"],
                rows["priorities"].tolist(),
                rows["meta_iterations"].tolist(),
            )
        )

    def keep(self, kept: np.ndarray) -> None:
        """Forgets all entries but those of some ascending indices, and what in the tables is theirs alone."""
        for name in COLUMNS:
            column = Column(COLUMNS[name])
            column.extend(self[name][kept])
            self.columns[name] = column
        for name in TABLES:
            used = self._renumber(name, len(self.tables[name]))
            self.tables[name] = self.tables[name].kept(used)
        used = self._renumber("tasks", len(self.task_ids))
        self.task_ids = Numbered(self.task_ids.values[number] for number in used.tolist())
        self.index_keys()

    def index_keys(self) -> None:
        """Makes the entries' tasks and programs known anew; for entries that were put in column by column."""
        self._keys = HashIndex()
        self._keys.append(_hashes(self["tasks"], self["programs"]))

    def _renumber(self, name: str, size: int) -> np.ndarray:
        """Makes a column's numbers those of a table without what it does not use; returns what it uses."""
        is_used = np.zeros(size, bool)
        is_used[self[name]] = True
        self[name][:] = (np.cumsum(is_used) - 1)[self[name]]
        return np.flatnonzero(is_used)

    def _find(self, tasks: np.ndarray, programs: np.ndarray) -> np.ndarray:
        def is_same(rows: np.ndarray, indices: np.ndarray) -> np.ndarray:
            same: np.ndarray = self["tasks"][indices] == tasks[rows]
            return same & (self["programs"][indices] == programs[rows])

        return self._keys.find(_hashes(tasks, programs), is_same)


def _keys(tasks: np.ndarray, programs: np.ndarray) -> np.ndarray:
    keys: np.ndarray = tasks.astype(np.int64) << 32 | programs
    return keys


def _hashes(tasks: np.ndarray, programs: np.ndarray) -> np.ndarray:
    keys = _keys(tasks, programs).view(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
    keys ^= keys >> np.uint64(32)
    return (keys * np.uint64(0x94D049BB133111EB) >> np.uint64(32)).astype(np.uint32)
