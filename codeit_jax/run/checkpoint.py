"""Snapshots of a run: everything it needs to go on, written as one atomic step."""

import contextlib
import functools
import gc
import itertools
import traceback
import types
from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
from typing import Any, TypeVar

import jax
from etils import epath
from orbax.checkpoint import v1 as ocp

from codeit_jax.errors import UserError, naming
from codeit_jax.run.host_state import TEXT, decode, encode, without_arrays
from codeit_jax.run.interruption import deferred
from codeit_jax.run.manifest import DamageError, check_manifest, write_manifest
from codeit_jax.run.peers import ALONE, Peers, by_first
from codeit_jax.run.refusals import refusal_behind
from codeit_jax.run.silence import begin_silence, end_silence, silenced

_LEARNER = "learner"
_HOST = "host"
_CHANNEL = "checkpoint"

Used = TypeVar("Used")


class Checkpointer:
    """Writes and reads the snapshots of one run.

    A step is there entirely or not at all: one whose writing was cut short is never listed nor restored, and
    what is left of it goes when a new run first saves. In a complete step lies a manifest of its files, by
    which damage is noticed. Every process of a run makes the same calls.

    Args:
        directory: where the steps are, on a disk or `gs://...`; made by the first save.
        keep: how many of the latest steps to keep.
        keep_every: the steps whose number is a multiple of this are kept beside these; 0 for none.
        peers: the processes of the run, of which the first alone removes and moves steps.

    Raises:
        ValueError: `keep` is less than one.
    """

    def __init__(
        self, directory: epath.PathLike, *, keep: int = 2, keep_every: int = 0, peers: Peers = ALONE
    ) -> None:
        if keep < 1:
            raise ValueError(f"keep must be at least 1, not {keep}")
        self._peers = peers
        path = epath.Path(directory).expanduser()
        # A bucket's path counts as absolute, and `absolute` would put the working directory before it.
        self._directory = path if path.is_absolute() else path.absolute()
        policies = ocp.training.preservation_policies
        kept = [policies.LatestN(keep)] + ([policies.EveryNSteps(keep_every)] if keep_every else [])
        self._preservation_policy = policies.AnyPreservationPolicy(kept)
        self._writer: ocp.training.Checkpointer | None = None
        self._thread: futures.Executor | None = None
        self._saving: futures.Future[None] | None = None

    def __enter__(self) -> "Checkpointer":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Waits for the last save, and releases what saving holds; saving again takes it up again.

        Raises:
            UserError: there was no room for that, or no permission.
        """
        try:
            self.wait()
        finally:
            if self._thread is not None:
                self._thread.shutdown()
                self._thread = None
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def latest_step(self) -> int | None:
        """Returns the number of the latest complete step, or None if there is none."""
        return max(self.steps(), default=None)

    def steps(self) -> list[int]:
        """Returns the numbers of all complete steps, those that were damaged since among them, in order.

        Raises:
            UserError: the folder is none, or may not be read, or there was no room for the last save.
        """
        self.wait()
        # A process that sees what another one is making would wait for all others, which have gone on.
        if not by_first(self._peers, self._is_there):
            return []
        with (
            naming(self._directory),
            _undisturbed(),
            ocp.training.Checkpointer(self._directory) as reader,
        ):
            return sorted(checkpoint.step for checkpoint in reader.checkpoints)

    def _is_there(self) -> bool:
        if self._directory.is_dir():
            return True
        if self._directory.exists():
            raise UserError(f"{self._directory}: is not a folder")
        return False

    def save(self, step: int, *, learner_state: Any, host_state: Mapping[str, Any]) -> None:
        """Takes a step down, to be written while the caller goes on; it is complete once `wait` returns.

        What both states hold may be changed as soon as this returns. A save that is still at work is waited
        for first.

        Args:
            step: its number; no step of this number may exist.
            learner_state: a tree of JAX arrays.
            host_state: nested dicts and lists of NumPy arrays, numbers, strings and None.

        Raises:
            ValueError: `host_state` holds something else, or the step exists.
            UserError: there is no room for it, or no permission, or there was none for the save before.
        """
        checkpointables = {_LEARNER: _named_leaves(learner_state), _HOST: encode(host_state)}
        self.wait()
        if self._thread is None:
            self._thread = futures.ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
            self._thread.submit(int).result()  # a thread whose start is cut short nobody would wait for
        # All of it in a thread, where no signal is raised: of a save that is begun by half none could wait.
        taken: futures.Future[None] = futures.Future()
        self._saving = self._thread.submit(self._save, step, checkpointables, taken)
        futures.wait([taken])
        if taken.exception() is not None:
            self.wait()

    def wait(self) -> None:
        """Waits until the last save is complete.

        Raises:
            UserError: there was no room for it, or no permission.
        """
        if self._saving is not None:
            # Not a thread's `join`, which a signal may end for good: Python then takes the thread for ended.
            futures.wait([self._saving])
            saved, self._saving = self._saving, None
            saved.result()

    def _save(self, step: int, checkpointables: Mapping[str, Any], taken: "futures.Future[None]") -> None:
        try:
            with self._telling_failure(step):
                response = self._begin(step, checkpointables)
                taken.set_result(None)
                response.result()
                # A bucket's own checksums do better than reading all of it again.
                if self._peers.number == 0 and "://" not in str(self._directory):
                    write_manifest(self._directory / str(step))
                self._peers.gather(None, _CHANNEL)  # who reads the step has the manifest
        except BaseException as error:
            if not taken.done():
                taken.set_exception(error)
            raise

    def _begin(self, step: int, checkpointables: Mapping[str, Any]) -> Any:
        if self._writer is None:
            self._writer = ocp.training.Checkpointer(
                self._directory,
                preservation_policy=self._preservation_policy,
                cleanup_tmp_directories=True,
            )
        try:
            return self._writer.save_checkpointables_async(step, checkpointables, force=True)
        except ocp.training.errors.StepAlreadyExistsError as error:
            raise ValueError(f"checkpoint step {step} exists already in {self._directory}") from error

    @contextlib.contextmanager
    def _telling_failure(self, step: int) -> Iterator[None]:
        """Lets what is refused while a step is saved be told as a user's mistake, of which orbax logs pages.

        It stays silent then, for what is still at work of the save will fail as well.
        """
        begin_silence()
        try:
            yield
        except Exception as error:
            reason = refusal_behind(error)
            if reason is None:
                end_silence()
                raise
            # What is left of the step keeps others from being saved; a new writer clears it away.
            self._writer = None
            raise UserError(f"{self._directory}: checkpoint {step} cannot be written: {reason}") from error
        end_silence()

    def set_aside(self, step: int) -> str:
        """Moves a step to where it is no step any more, and returns the name that it has there."""
        if "://" in str(self._directory):
            # Orbax does not tell what is gone from what a bucket does not give out.
            _read_through(self._directory / str(step))
        return by_first(self._peers, lambda: self._set_aside(step))

    def _set_aside(self, step: int) -> str:
        places = (self._directory / f"damaged_{step}_{number}" for number in itertools.count(1))
        place = next(place for place in places if not place.exists())
        (self._directory / str(step)).rename(place)
        return place.name

    def clear(self) -> None:
        """Removes all steps, and the directory where nothing else is in it."""
        steps = self.steps()
        self.close()
        self._peers.gather(None)  # what others still read stays
        by_first(self._peers, lambda: self._remove(steps))

    def _remove(self, steps: Iterable[int]) -> None:
        for step in steps:
            (self._directory / str(step)).rmtree()
        if self._directory.exists() and not any(self._directory.iterdir()):
            self._directory.rmdir()

    def restore(
        self, abstract_learner_state: Any, step: int | None = None
    ) -> tuple[int, Any, dict[str, Any]]:
        """Reads a step back, bit for bit.

        Args:
            abstract_learner_state: a tree of `jax.ShapeDtypeStruct` with shardings, which need not be those
                the state was saved with.
            step: which to read; the latest by default.

        Returns:
            The step's number, the learner's state, and the host's.

        Raises:
            DamageError: a file is not as it was written.
            ValueError: there is no such step, or the learner's state has another structure, shape or dtype.
        """
        step = self._existing(step)
        source = f"checkpoint step {step} in {self._directory}"
        abstract = _named_leaves(abstract_learner_state)
        # Where all files are as they were written, whatever goes wrong is no damage.
        is_whole = check_manifest(self._directory / str(step))
        telling = contextlib.nullcontext if is_whole else functools.partial(_telling_damage, source)
        with _undisturbed(), ocp.training.Checkpointer(self._directory) as reader:
            self._check_exists(reader, step)
            with telling():
                saved = _metadata(reader, step)[_LEARNER]
            _check_structure(saved, abstract, source)
            with telling():
                restored = reader.load_checkpointables(step, {_LEARNER: abstract, _HOST: None})
                host_state = decode(restored[_HOST])
        leaves = [restored[_LEARNER][name] for name in abstract]
        structure = jax.tree.structure(abstract_learner_state)
        return step, jax.tree.unflatten(structure, leaves), host_state

    def restore_part(
        self, abstract_learner_state: Mapping[str, Any], step: int | None = None
    ) -> tuple[int, dict[str, Any], dict[str, Any]]:
        """Reads a part of a step's learner state, and of the host's what is no array.

        Neither the rest of the learner's state nor an array of the host's is loaded; all files are checked.

        Args:
            abstract_learner_state: some fields of the state by their names, each as `restore` takes it.
            step: which to read; the latest by default.

        Returns:
            The step's number, the fields, and the host's state with None in place of its arrays.

        Raises:
            DamageError: what is there is damaged.
            ValueError: there is no such step, or a field has another structure, shape or dtype.
        """
        step = self._existing(step)
        source = f"checkpoint step {step} in {self._directory}"
        abstract = _named_leaves(abstract_learner_state)
        check_manifest(self._directory / str(step))
        context = ocp.Context()
        context.pytree.loading.partial_load = True
        with _undisturbed(), context, ocp.training.Checkpointer(self._directory) as reader:
            self._check_exists(reader, step)
            with _telling_damage(source):
                metadata = _metadata(reader, step)
                fields = tuple(f"{name}/" for name in abstract_learner_state)
                saved = {name: leaf for name, leaf in metadata[_LEARNER].items() if name.startswith(fields)}
            _check_structure(saved, abstract, source)
            with _telling_damage(source):
                # One after the other, for where one fails the other would be left unawaited.
                host_state = _read_text(reader, step)
                restored = reader.load_checkpointables(step, {_LEARNER: abstract})[_LEARNER]
        leaves = [restored[name] for name in abstract]
        structure = jax.tree.structure(abstract_learner_state)
        return step, jax.tree.unflatten(structure, leaves), host_state

    def read_host_text(self, step: int) -> dict[str, Any]:
        """Returns the host's state of a step with None in place of its arrays, of which none is read.

        Raises:
            DamageError: what is there is damaged.
            ValueError: there is no such step.
        """
        source = f"checkpoint step {step} in {self._directory}"
        context = ocp.Context()
        context.pytree.loading.partial_load = True
        with _undisturbed(), context, ocp.training.Checkpointer(self._directory) as reader:
            self._check_exists(reader, step)
            with _telling_damage(source):
                return _read_text(reader, step)

    def _existing(self, step: int | None) -> int:
        step = self.latest_step() if step is None else step
        if step is None:
            raise ValueError(f"there is no complete checkpoint in {self._directory}")
        return step

    def _check_exists(self, reader: Any, step: int) -> None:
        if step not in [checkpoint.step for checkpoint in reader.checkpoints]:
            raise ValueError(f"there is no complete checkpoint of step {step} in {self._directory}")


def _read_through(folder: epath.Path) -> None:
    """Reads something of every file, which raises an error where a bucket gives one not out."""
    for path in folder.iterdir():
        if path.is_dir():
            _read_through(path)
        else:
            with path.open("rb") as stream:
                stream.read(1)


def _read_text(reader: Any, step: int) -> dict[str, Any]:
    wanted = {TEXT: _metadata(reader, step)[_HOST][TEXT]}
    host = reader.load_checkpointables(step, {_HOST: wanted})[_HOST]
    return without_arrays(host[TEXT])


def _metadata(reader: Any, step: int) -> Any:
    metadata = reader.checkpointables_metadata(step).metadata
    if None in (metadata[_LEARNER], metadata[_HOST]):
        raise ValueError("its metadata is gone or spoiled")
    return metadata


def _named_leaves(tree: Any) -> dict[str, Any]:
    """Returns a tree's leaves by path, which is the same whatever containers the tree is made of."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
    }


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Lets orbax read to the end where a signal comes, for of what it is left with it would log pages."""
    with deferred(), silenced():
        yield


@contextlib.contextmanager
def _telling_damage(source: str) -> Iterator[None]:
    """Lets whatever orbax makes of missing and damaged files be told as just that, in one line."""
    with silenced():
        try:
            yield
        except Exception as error:  # of no one kind: keys that are not there, what JSON is not, and others
            reason = str(error.__cause__ or error).partition("\n")[0]
            traceback.clear_frames(error.__traceback__)
            # What a failed load leaves would be logged when it is collected.
            gc.collect()
            raise DamageError(f"{source} is damaged or cannot be read: {reason[:100]}") from error


def _check_structure(saved: Mapping[str, Any], wanted: Mapping[str, Any], source: str) -> None:
    def described(leaf: Any) -> str:
        return "nothing" if leaf is None else f"{leaf.dtype}{list(leaf.shape)}"

    differences = [
        f"{name} is {described(saved.get(name))} there and {described(wanted.get(name))} here"
        for name in sorted(saved.keys() | wanted.keys())
        if described(saved.get(name)) != described(wanted.get(name))
    ]
    if differences:
        more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
        raise ValueError(f"{source} is of another model or optimiser: {differences[0]}{more}")
