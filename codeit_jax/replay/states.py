"""What a checkpoint holds of a replay buffer's entries: all of them, or the names of segments that hold most.

Segments never change, so that what a checkpoint writes beside millions of entries is what came since the
last, the entries' priorities, and the segments that are still open.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from codeit_jax.arc.packing import unpack_grids
from codeit_jax.replay.entries import COLUMNS, TABLES, Entries, Numbered
from codeit_jax.replay.packing import packed_sizes
from codeit_jax.replay.segments import SegmentStore

SEGMENT_ROWS = 1 << 16
_PIECE = 1 << 14
_ROWS = "rows"
_SELF_CONTAINED_COLUMNS = ("priorities", "meta_iterations", "tasks", "inputs")
_FIXED_COLUMNS = tuple(name for name in COLUMNS if name != "priorities")

SegmentNames = dict[str, list[str]]


def segmented(entries: Entries, names: SegmentNames, store: SegmentStore) -> dict[str, Any]:
    """Writes what segments are sealed and not in a store, and returns what is left to save.

    Args:
        entries: what is saved.
        names: by kind, those of the segments that were sealed when it was last saved; gets the others'.
        store: where they are.
    """
    present = store.names()
    for kind in (_ROWS, *TABLES):
        known = names.setdefault(kind, [])
        for index in range(_num_sealed(entries, kind)):
            if index == len(known):
                known.append(store.write(_segment(entries, kind, index)))
            elif known[index] not in present:
                store.write(_segment(entries, kind, index))
    return {
        "segments": json.dumps(names),
        "task_ids": json.dumps(entries.task_ids.values),
        "priorities": entries["priorities"].copy(),
        **{kind: _segment(entries, kind, -1) for kind in (_ROWS, *TABLES)},
    }


def segment_names(state: Mapping[str, Any]) -> set[str]:
    """Returns the names of the segments that a buffer's state names: what `SegmentStore.retain` must keep."""
    names: SegmentNames = json.loads(state.get("segments", "{}"))
    return {name for kind in names.values() for name in kind}


def from_segmented(state: Mapping[str, Any], store: SegmentStore) -> tuple[Entries, SegmentNames]:
    """Returns the entries that were saved, and the names of their segments.

    Raises:
        ValueError: the state is none of entries.
        SegmentError: a segment is not in the store, or damaged.
    """
    _expect(state, {"segments", "task_ids", "priorities", _ROWS, *TABLES})
    names: SegmentNames = json.loads(state["segments"])
    _expect(names, {_ROWS, *TABLES})
    entries = Entries()
    entries.task_ids = Numbered(json.loads(state["task_ids"]))
    entries.columns["priorities"].extend(np.asarray(state["priorities"], np.float64))
    sizes = [_add_rows(entries, store.read(name)) for name in names[_ROWS]]
    if set(sizes) - {SEGMENT_ROWS}:
        # Of a version that cut them otherwise: they are written again, cut as they are now.
        names = {**names, _ROWS: []}
    _add_rows(entries, state[_ROWS])
    for kind in TABLES:
        for name in names[kind]:
            entries.tables[kind].add_segment(store.read(name), is_sealed=True)
        entries.tables[kind].add_segment(state[kind], is_sealed=False)
    _check(entries)
    entries.index_keys()
    return entries, names


def self_contained(entries: Entries) -> dict[str, Any]:
    """Returns all there is to save, in arrays: rows, and every entry's outputs and program in an arena."""
    sizes, pieces = [np.empty(0, np.int64)], []
    for start in range(0, len(entries), _PIECE):
        part = slice(start, start + _PIECE)
        outputs = entries.tables["outputs"].read(entries["outputs"][part])
        texts = entries.tables["programs"].read(entries["programs"][part])
        contents = [output + text for output, text in zip(outputs, texts, strict=True)]
        sizes.append(np.fromiter(map(len, contents), np.int64, len(contents)))
        pieces.append(b"".join(contents))
    inputs = entries.tables["inputs"].read(np.arange(len(entries.tables["inputs"])))
    return {
        "task_ids": json.dumps(entries.task_ids.values),
        **{name: entries[name].copy() for name in _SELF_CONTAINED_COLUMNS},
        "ends": np.cumsum(np.concatenate(sizes)),
        "arena": np.array(bytearray().join(pieces), np.uint8),
        "input_counts": np.array([len(unpack_grids(packed)) for packed in inputs], np.int32),
        "input_arena": np.array(bytearray().join(inputs), np.uint8),
    }


def from_self_contained(state: Mapping[str, Any]) -> Entries:
    """Returns the entries that were saved in arrays alone.

    Raises:
        ValueError: the state is none of entries.
    """
    _expect(state, {"task_ids", *_SELF_CONTAINED_COLUMNS, "ends", "arena", "input_counts", "input_arena"})
    entries = Entries()
    entries.task_ids = Numbered(json.loads(state["task_ids"]))
    for name in _SELF_CONTAINED_COLUMNS:
        entries.columns[name].extend(np.asarray(state[name], COLUMNS[name]))
    arena = np.asarray(state["arena"], np.uint8)
    ends = np.asarray(state["ends"], np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    if not len(ends) or (ends <= starts).any() or ends[-1] != len(arena):
        raise ValueError("replay buffer state: ends do not fit the arena")
    counts = np.asarray(state["input_counts"])
    entries.tables["inputs"].number(_tuples(np.asarray(state["input_arena"], np.uint8), counts))
    _check_rows(entries, {*_SELF_CONTAINED_COLUMNS}, len(ends))
    _check_numbers(entries, {"tasks", "inputs"})
    middles = starts + packed_sizes(arena, starts, counts[entries["inputs"]])
    if (middles >= ends).any():
        raise ValueError("replay buffer state: ends do not fit the arena")
    for name, firsts, lasts in (("outputs", starts, middles), ("programs", middles, ends)):
        for start in range(0, len(ends), _PIECE):
            part = slice(start, start + _PIECE)
            numbers = entries.tables[name].number(_cut(arena, firsts[part], lasts[part]))
            entries.columns[name].extend(numbers)
    entries.index_keys()
    return entries


def _num_sealed(entries: Entries, kind: str) -> int:
    return len(entries) // SEGMENT_ROWS if kind == _ROWS else entries.tables[kind].num_sealed


def _segment(entries: Entries, kind: str, index: int) -> dict[str, np.ndarray]:
    if kind != _ROWS:
        return entries.tables[kind].segment(index)
    index = range(len(entries) // SEGMENT_ROWS + 1)[index]
    part = slice(index * SEGMENT_ROWS, (index + 1) * SEGMENT_ROWS)
    return {name: entries[name][part].copy() for name in _FIXED_COLUMNS}


def _add_rows(entries: Entries, segment: Mapping[str, np.ndarray]) -> int:
    _expect(segment, {*_FIXED_COLUMNS})
    for name in _FIXED_COLUMNS:
        entries.columns[name].extend(np.asarray(segment[name], COLUMNS[name]))
    return len(segment["tasks"])


def _tuples(arena: np.ndarray, counts: np.ndarray) -> list[bytes]:
    """Cuts tuples of grids, of which only the counts are known, from where they lie one behind another."""
    tuples = []
    start = np.zeros(1, np.int64)
    for count in counts:
        end = start + packed_sizes(arena, start, count[None])
        tuples += _cut(arena, start, end)
        start = end
    return tuples


def _cut(arena: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[bytes]:
    return [arena[start:end].tobytes() for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _expect(mapping: Mapping[str, Any], names: set[str]) -> None:
    if set(mapping) != names:
        raise ValueError(f"replay buffer state: expected {sorted(names)}, got {sorted(mapping)}")


def _check(entries: Entries) -> None:
    _check_rows(entries, {*COLUMNS}, len(entries))
    _check_numbers(entries, {"tasks", *TABLES})


def _check_rows(entries: Entries, names: set[str], size: int) -> None:
    sizes = {len(entries[name]) for name in names} | {size}
    if len(sizes) != 1:
        raise ValueError(f"replay buffer state: columns of {sorted(sizes)} entries")


def _check_numbers(entries: Entries, names: set[str]) -> None:
    for name in sorted(names):
        size = len(entries.task_ids if name == "tasks" else entries.tables[name])
        if ((entries[name] < 0) | (entries[name] >= size)).any():
            raise ValueError(f"replay buffer state: {name} points outside its table")
