"""Measurements of a meta-iteration, and the files they are written to."""

import csv
import dataclasses
import io
import math
from collections.abc import Iterable, Mapping

from etils import epath

from codeit_jax.errors import UserError, naming
from codeit_jax.run.event_file import EventFile
from codeit_jax.run.files import write_text

PERFORMANCE = "performance.csv"  # the file, in a run's folder


@dataclasses.dataclass(frozen=True)
class IterationMetrics:
    """One row of a run's table. Row 0 is what stands before the first meta-iteration.

    Attributes:
        meta_iteration: its number.
        loss: mean cross-entropy of the program tokens learned from, in nats; NaN where nothing was learned.
        token_accuracy: share of those tokens that were the most likely one.
        num_samples: programs sampled.
        parse_share: share of them that are programs.
        execute_share: share that give a valid grid for at least one demonstration.
        error_share: share that are programs and do not: on the first demonstration a primitive fails.
        invalid_output_share: those that give something else there.
        over_budget_share: those that spend their budget there.
        timeout_share: those that the clock stops there.
        repeat_share: share that are what another sample of their task is, too, but for one of each.
        pass_at_1: mean over the tasks sampled for of the share of samples that give some demonstration and
            every test output.
        pass_at_all: share of these tasks for which one sample does.
        new_experiences: entries that the policy's buffer has gained.
        policy_performance: tasks solved by candidates of this meta-iteration only.
        cumulative_performance: tasks solved by all candidates so far, mutated programs included.
        policy_cumulative: those solved by all the policy's candidates so far, and nobody else's.
        mutation_performance: those solved by training programs and their mutants.
        evolution_performance: those solved by the expert's programs.
        only_policy: those of `policy_cumulative` that the others do not solve.
        only_mutation: those of `mutation_performance`.
        only_evolution: those of `evolution_performance`.
        first_solved: tasks solved that never were before.
        shortened: tasks whose solution is shorter than the one before.
        policy_buffer_size: entries in the policy's buffer.
        num_learned: experiences learned from.
        learned_age: mean over those of the policy's buffer of the meta-iterations since they were written.
        training_loss: mean cross-entropy after learning, in nats, of the program tokens of some of the
            experiences of training tasks that were learned from, drawn at random; without dropout.
        policy_loss: the same of the policy's buffer.
        explore_seconds: time spent on sampling and running programs.
        learn_seconds: time spent on learning.
        evolve_seconds: time spent after that on waiting for the expert.
        num_updates: updates of the policy.
        gradient_norm: mean over them of the gradient's global norm, before any clipping.
        padding_share: share of the tokens in the learner's batches that were padding.
        training_buffer_size: entries in the buffer of training tasks.
        priority_10: the priority that a tenth of the policy's buffer stays below.
        priority_50: the priority that half of it stays below.
        priority_90: the priority that nine tenths stay below.
        sampled_tokens: tokens of the sampled programs.
        learned_tokens: tokens of the programs learned from.
        sampled_tokens_per_second: the former over `explore_seconds`, in which programs are run, too.
        learned_tokens_per_second: the latter over `learn_seconds`.
        validation_performance: validation tasks solved by the policy's samples, after learning; NaN where it
            was not asked.
    """

    meta_iteration: int
    loss: float = math.nan
    token_accuracy: float = math.nan
    num_samples: int = 0
    parse_share: float = math.nan
    execute_share: float = math.nan
    error_share: float = math.nan
    invalid_output_share: float = math.nan
    over_budget_share: float = math.nan
    timeout_share: float = math.nan
    repeat_share: float = math.nan
    pass_at_1: float = math.nan
    pass_at_all: float = math.nan
    new_experiences: int = 0
    policy_performance: int = 0
    cumulative_performance: int = 0
    policy_cumulative: int = 0
    mutation_performance: int = 0
    evolution_performance: int = 0
    only_policy: int = 0
    only_mutation: int = 0
    only_evolution: int = 0
    first_solved: int = 0
    shortened: int = 0
    policy_buffer_size: int = 0
    num_learned: int = 0
    learned_age: float = math.nan
    training_loss: float = math.nan
    policy_loss: float = math.nan
    explore_seconds: float = 0.0
    learn_seconds: float = 0.0
    evolve_seconds: float = 0.0
    num_updates: int = 0
    gradient_norm: float = math.nan
    padding_share: float = math.nan
    training_buffer_size: int = 0
    priority_10: float = math.nan
    priority_50: float = math.nan
    priority_90: float = math.nan
    sampled_tokens: int = 0
    learned_tokens: int = 0
    sampled_tokens_per_second: float = math.nan
    learned_tokens_per_second: float = math.nan
    validation_performance: float = math.nan


_FIELDS = tuple(field.name for field in dataclasses.fields(IterationMetrics))


class MetricsLog:
    """The rows of a run so far, kept in `performance.csv` and in TensorBoard's files.

    Attributes:
        rows: the rows.

    Args:
        workdir: the run's folder; None where another process writes the files.
        rows: those so far, as a checkpoint has them; what the files have beyond these goes.

    Raises:
        UserError: a file cannot be written.
    """

    def __init__(self, workdir: epath.Path | None, rows: Iterable[IterationMetrics] = ()) -> None:
        self.rows = list(rows)
        self._path = None if workdir is None else workdir / PERFORMANCE
        if self.rows:
            self._write()
        self._events = None if workdir is None else EventFile(workdir / "tensorboard", len(self.rows))

    def append(self, row: IterationMetrics) -> None:
        """Adds a row and writes it out.

        Raises:
            UserError: a file cannot be written.
        """
        self.rows.append(row)
        self._write()
        if self._events is None:
            return
        values = dataclasses.asdict(row)
        del values["meta_iteration"]
        known = {name: value for name, value in values.items() if not math.isnan(value)}
        self._events.add(row.meta_iteration, known)

    def close(self) -> None:
        if self._events is not None:
            self._events.close()

    def _write(self) -> None:
        if self._path is None:
            return
        text = io.StringIO()
        writer = csv.DictWriter(text, _FIELDS, lineterminator="\n")
        writer.writeheader()
        for each in self.rows:
            writer.writerow({name: _format(value) for name, value in dataclasses.asdict(each).items()})
        with naming(self._path):
            write_text(self._path, text.getvalue())


def read_rows(workdir: epath.Path) -> list[IterationMetrics]:
    """Returns the rows of a run's `performance.csv`; none where there is no such file.

    Raises:
        UserError: the file is no such table; the message names it and the line.
    """
    path = workdir / PERFORMANCE
    if not path.exists():
        return []
    with naming(path):
        lines = csv.DictReader(io.StringIO(path.read_text()))
        return [_row(lines.line_num, line) for line in lines]


def _row(number: int, texts: Mapping[str, str]) -> IterationMetrics:
    types = {field.name: field.type for field in dataclasses.fields(IterationMetrics)}
    try:
        return IterationMetrics(**{name: types[name](text or "nan") for name, text in texts.items()})  # type: ignore
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"line {number} is no row of a run's table: {error}") from None


def _format(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"
