"""TensorBoard's file of a run. Each row is on the disk, or known not to be, before the run goes on."""

import contextlib
import os
import time
from collections.abc import Mapping

from etils import epath
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import directory_check

from codeit_jax.errors import naming
from codeit_jax.run.files import copy_files, scratch_folder


class EventFile:
    """A file of numbers that TensorBoard shows.

    It is written where it is asked for; tensorboardX's own `SummaryWriter` has a thread for it, which ends
    where a disk is full and then lets those wait for ever who add to its queue.

    Args:
        folder: where it is made, on a disk or a bucket.
        first_step: what earlier files in the folder have from this step on counts no more.

    Raises:
        UserError: there is no room for it, or no permission.
    """

    def __init__(self, folder: epath.Path, first_step: int) -> None:
        self._folder = folder
        self._closing = contextlib.ExitStack()
        # A bucket's file cannot be written bit by bit.
        self._local = self._closing.enter_context(scratch_folder()) if "://" in str(folder) else None
        with naming(folder):
            place = self._local or str(folder)
            directory_check(place)
            self._writer = EventsWriter(os.path.join(place, "events"))
            self._writer.write_event(Event(step=first_step, file_version="brain.Event:2"))
            session = SessionLog(status=SessionLog.START)
            self._writer.write_event(Event(step=first_step, session_log=session))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers down by their names.

        Raises:
            UserError: there is no room for them.
        """
        shown = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        with naming(self._folder):
            self._writer.write_event(Event(step=step, wall_time=time.time(), summary=Summary(value=shown)))
            self._writer.flush()
            if self._local is not None:
                copy_files(self._local, self._folder)

    def close(self) -> None:
        with self._closing, contextlib.suppress(OSError):  # of what `add` has told of
            self._writer.close()
