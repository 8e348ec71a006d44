"""The entries of a replay buffer: rows of numbers, and the tables of texts and grids that they point into."""

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np

from codeit_jax.arc.grid import Grid
from codeit_jax.replay.byte_table import ByteTable
from codeit_jax.replay.columns import Column
from codeit_jax.replay.experience import Experience
from codeit_jax.replay.hash_index import HashIndex
from codeit_jax.replay.packing import pack_grids, unpack_all

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
_MAX_UNPACKED = 4096


class Numbered(Generic[_Value]):
    """Different values, numbered in the order they came."""

    def __init__(self, values: Iterable[_Value] = ()) -> None:
        self.values = list(values)
        self._numbers = {value: number for number, value in enumerate(self.values)}

    def __len__(self) -> int:
        return len(self.values)

    def find(self, value: _Value) -> int:
        """Returns the number of a value, -1 where it is not there."""
        return self._numbers.get(value, -1)

    def number(self, value: _Value) -> int:
        """Returns the number of a value; one that is new gets the next."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


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
        self._unpacked_inputs: dict[int, tuple[Grid, ...]] = {}

    def __len__(self) -> int:
        return len(self.columns["priorities"])

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column].values

    @property
    def nbytes(self) -> int:
        """The bytes that the entries take, but for the tasks' ids and what was unpacked of late."""
        columns = sum(column.nbytes for column in self.columns.values())
        return columns + sum(table.nbytes for table in self.tables.values()) + self._keys.nbytes

    def find(self, experiences: Sequence[Experience]) -> np.ndarray:
        """Returns the indices of the entries with the task and program of each, int32 `[n]`, -1 for none."""
        tasks = np.array([self.task_ids.find(each.task_id) for each in experiences], np.int32)
        programs = self.tables["programs"].find([each.program.encode() for each in experiences])
        found = np.full(len(experiences), -1, np.int32)
        known = np.flatnonzero((tasks >= 0) & (programs >= 0))
        found[known] = self._find(tasks[known], programs[known])
        return found

    def raise_priorities(self, indices: np.ndarray, priorities: Sequence[float]) -> None:
        """Gives entries `[n]`, among which some may be more than once, priorities where these are higher."""
        np.maximum.at(self["priorities"], indices, priorities)

    def append(self, experiences: Sequence[Experience]) -> int:
        """Adds experiences, and returns how many of them were new.

        Where a task and program are not, the entry stays, with the highest of the priorities.
        """
        texts = [each.program.encode() for each in experiences]
        tasks = np.array([self.task_ids.number(each.task_id) for each in experiences], np.int32)
        programs = self.tables["programs"].number(texts)
        indices = self._find(tasks, programs)
        rows = np.flatnonzero(indices < 0)
        keys = _keys(tasks[rows], programs[rows]).tolist()
        firsts: dict[int, int] = {}
        first_of = np.array([firsts.setdefault(key, place) for place, key in enumerate(keys)], int)
        is_first = first_of == np.arange(len(rows))
        indices[rows] = (len(self) + np.cumsum(is_first) - 1)[first_of]
        rows = rows[is_first]
        new = [experiences[row] for row in rows.tolist()]
        self._keys.append(_hashes(tasks[rows], programs[rows]))
        for name, numbers in {
            "priorities": [each.priority for each in new],
            "meta_iterations": [each.meta_iteration for each in new],
            "tasks": tasks[rows],
            "inputs": self._number_inputs([each.inputs for each in new]),
            "outputs": self.tables["outputs"].number([pack_grids(each.outputs) for each in new]),
            "programs": programs[rows],
        }.items():
            self.columns[name].extend(np.asarray(numbers))
        self.raise_priorities(indices, [each.priority for each in experiences])
        return len(new)

    def read(self, indices: np.ndarray) -> list[Experience]:
        """Returns the experiences of some indices `[n]`; equal outputs among them are one object."""
        row_of = {name: self[name][indices].tolist() for name in COLUMNS}
        inputs = self._inputs(row_of["inputs"])
        different = np.unique(self["outputs"][indices])
        packed = self.tables["outputs"].read(different)
        outputs = dict(zip(different.tolist(), map(unpack_all, packed), strict=True))
        texts = self.tables["programs"].read(self["programs"][indices])
        return [
            Experience.unchecked(
                task_id=self.task_ids.values[task],
                program=text.decode(),
                inputs=inputs[given],
                outputs=outputs[given_back],
                priority=priority,
                meta_iteration=meta_iteration,
            )
            for text, priority, meta_iteration, task, given, given_back in zip(
                texts,
                row_of["priorities"],
                row_of["meta_iterations"],
                row_of["tasks"],
                row_of["inputs"],
                row_of["outputs"],
                strict=True,
            )
        ]

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
        self._unpacked_inputs = {}
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

    def _number_inputs(self, tuples: Sequence[tuple[Grid, ...]]) -> np.ndarray:
        """Returns the numbers of inputs; those made of the same grids, as a task's are, are packed once."""
        places: dict[tuple[int, ...], int] = {}
        place_of = [places.setdefault(tuple(map(id, grids)), len(places)) for grids in tuples]
        different = dict(zip(place_of, tuples, strict=True))
        return self.tables["inputs"].number([pack_grids(different[place]) for place in places.values()])[
            place_of
        ]

    def _inputs(self, numbers: Sequence[int]) -> dict[int, tuple[Grid, ...]]:
        """Returns inputs by their numbers; those that are read again and again are unpacked once."""
        known = self._unpacked_inputs
        missing = np.array(sorted(set(numbers) - known.keys()), np.int64)
        if len(known) + len(missing) > _MAX_UNPACKED:
            known = {number: known[number] for number in set(numbers) & known.keys()}
        known.update(zip(missing.tolist(), map(unpack_all, self.tables["inputs"].read(missing)), strict=True))
        self._unpacked_inputs = known
        return known


def _keys(tasks: np.ndarray, programs: np.ndarray) -> np.ndarray:
    keys: np.ndarray = tasks.astype(np.int64) << 32 | programs
    return keys


def _hashes(tasks: np.ndarray, programs: np.ndarray) -> np.ndarray:
    keys = _keys(tasks, programs).view(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
    keys ^= keys >> np.uint64(32)
    return (keys * np.uint64(0x94D049BB133111EB) >> np.uint64(32)).astype(np.uint32)
