"""Breeding: a population for one task, from its seeds or from where it stood, as far as some work goes."""

import dataclasses
import itertools
import random
from collections.abc import Iterator, Sequence

from codeit_jax.arc import Grid, num_cells
from codeit_jax.dsl.program import INPUT, Call, Program, parse_program
from codeit_jax.dsl.types import Value
from codeit_jax.evolution.canvases import canvases
from codeit_jax.evolution.colours import NAME_OF_COLOUR, draw_recoloured, ranked_colours
from codeit_jax.evolution.cropping import Cropper
from codeit_jax.evolution.edges import library_of
from codeit_jax.evolution.exploring import add_lines, explore, made_colours
from codeit_jax.evolution.finishing import Finisher
from codeit_jax.evolution.fitness import error_of, verdict
from codeit_jax.evolution.jobs import Answer, Bred, BreedingJob, Member, NearMiss, Origin, Stock
from codeit_jax.evolution.mending import Mender
from codeit_jax.evolution.overlays import Overlayer
from codeit_jax.evolution.palette import Palette, named_colours
from codeit_jax.evolution.population import Individual, Population, best_candidates
from codeit_jax.evolution.regions import Regions
from codeit_jax.evolution.state import best_answers, best_others
from codeit_jax.evolution.states import States
from codeit_jax.evolution.variation import compose, graft
from codeit_jax.evolution.views import in_all_colours, views_of
from codeit_jax.execution import GraphRun, ProgramGraph
from codeit_jax.execution.attempt import HostContext
from codeit_jax.mutation.mutate import Mutator
from codeit_jax.mutation.subject import Subject, probed_subject
from codeit_jax.search.ranking import NUM_ANSWERS, Candidate, Performance

PROGRAM_WORK = 4_000  # that making a program, and telling what became of it, takes beside running it
LOOK_WORK = 1_000  # that telling what becomes of a region takes
GENERATION = 100  # programs between two trims of the population
_MAX_EXPRESSIONS = 200_000
_NUM_CONTENDERS = 10
_MENDING_PERIOD = 3  # turns
_MAX_MENDINGS = 5  # of one near miss, one after another


def breed(context: HostContext, job: BreedingJob) -> Bred:
    """Breeds a task's population; the job of an `ExecutionPool`.

    Test outputs only tell how good a candidate that was chosen without them is.
    """
    breeder = _Breeder(context, job)
    breeder.breed()
    return breeder.result()


class _Breeder:
    def __init__(self, context: HostContext, job: BreedingJob) -> None:
        self._job = job
        self._breeding = job.breeding
        self._task = context.tasks[job.task_index]
        # What fails on a small grid has failed cheaply.
        self._order = sorted(range(len(self._task.train)), key=self._size_of)
        self._goals = tuple(self._goal_of(place) for place in self._order)
        self._finisher = Finisher(self._goals)
        self._overlayer = Overlayer(self._goals)
        self._inputs = [self._task.train[place].input for place in self._order]
        self._regions = Regions(self._goals, self._value_of)
        self._mender = Mender(self._goals, self._regions)
        self._cropper = Cropper(self._inputs, self._goals, self._regions)
        self._evaluator = context.evaluator_within(job.breeding.run_work)
        self._work_before = self._evaluator.work
        self._stock: Stock = context.unpickled(job.stock)
        self._colours = ranked_colours(list(zip(self._inputs, self._goals, strict=True)))
        self._present = sorted(set().union(*self._colours))
        self._palette = [NAME_OF_COLOUR[colour] for colour in self._present]
        self._seeds = [seed for seed in self._stock.seeds if job.is_seeded and seed[0] != self._task.id]
        self._rng = random.Random(f"{job.seed}/{self._task.id}/{job.turn}")
        self._mutator = Mutator(new_line_share=job.breeding.new_line_share)
        self._population = Population(job.breeding.capacity, len(self._inputs))
        self._met: set[Program] = set()
        self._beginning: tuple[Member, ...] = ()
        self._giving: list[Individual] = []  # programs that give a demonstration, each by itself
        self._begin_graph()

    def _size_of(self, place: int) -> int:
        return num_cells(self._task.train[place].input)

    def _goal_of(self, place: int) -> Grid:
        output = self._task.train[place].output
        assert output is not None
        return output

    def _begin_graph(self) -> None:
        """Forgets what programs gave."""
        self._graph = ProgramGraph()
        self._runs = [GraphRun(self._graph, self._evaluator, grid) for grid in self._inputs]
        self._test_runs = [GraphRun(self._graph, self._evaluator, pair.input) for pair in self._task.test]
        self._subjects: dict[Program, Subject | None] = {}
        # By the identities of outputs, which a run gives once each, and which are kept with their errors.
        self._errors: list[dict[int, tuple[Grid, float]]] = [{} for _ in self._goals]

    @property
    def work(self) -> int:
        return (
            self._evaluator.work
            - self._work_before
            + PROGRAM_WORK * len(self._met)
            + LOOK_WORK * len(self._regions)
        )

    def breed(self) -> None:
        """Takes in the population, or the seeds, and makes generations of programs until the work is done."""
        for text, count, origin in self._job.members:
            individual = self._meet(parse_program(text), origin)
            if individual is not None:
                individual.num_programs = count
        self._population.trim()
        self._meet(Program((Call("identity", (INPUT,)),)), Origin.SEED)
        for number, (origin, program) in enumerate(self._joining(), start=1):
            self._meet(program, origin)
            if number % GENERATION == 0:  # so that what would not be kept is told early
                self._population.trim()
        self._population.trim()
        if self._breeding.num_mended and not self._is_given() and self._job.age % _MENDING_PERIOD == 0:
            self._mend()
        if self._job.age == 0:
            self._beginning = self._members()
        while len(self._population) and self.work < self._job.max_work:
            for _ in range(GENERATION):
                origin, varied = self._vary()
                if varied is not None and len(varied) <= self._breeding.max_lines:
                    self._meet(varied, origin)
                else:
                    self._evaluator.work += PROGRAM_WORK
            self._population.trim()
            for program in self._overlayer.programs(self._population.ranked):
                if len(program) <= self._breeding.max_lines:
                    self._meet(program, Origin.OVERLAY)
            if len(self._graph.expressions) > _MAX_EXPRESSIONS:
                self._begin_graph()

    def _members(self) -> tuple[Member, ...]:
        """Returns the population, no larger than it may be."""
        self._population.trim(excess=1)
        return tuple((str(each.program), each.num_programs, each.origin) for each in self._population.ranked)

    def _is_given(self) -> bool:
        """Whether all demonstrations are."""
        return any(not each.error for each in self._population.ranked[:1])

    def _mend(self) -> None:
        """Mends canvases, of which joins what gives all demonstrations, and the nearest."""
        palette = [*named_colours(self._present, len(self._goals)), *made_colours(self._regions)]
        explore(self._regions, palette)
        everything = len(self._goals)
        bare = [
            self._meet(program, Origin.MENDING, everything)
            for program in canvases(self._goals, self._palette)
        ]
        self._mend_these([each for each in bare if each], palette, everything)
        self._mend_these(self._population.ranked[: self._breeding.num_mended], palette, min_right=1)
        self._population.trim()

    def _mend_these(self, individuals: Sequence[Individual], palette: Palette, min_right: int) -> None:
        """Meets programs that crop and mend individuals, that mend these, and so on."""
        for _ in range(_MAX_MENDINGS):
            for each in individuals:
                add_lines(self._regions, each.program, palette)
            made = itertools.chain(
                self._shifted(individuals),
                self._cropper.programs(individuals),
                self._mender.programs(individuals, palette),
            )
            met = [
                self._meet(program, Origin.MENDING, min_right)
                for program in made
                if len(program) <= self._breeding.max_lines
            ]
            nearest = sorted([each for each in met if each], key=lambda each: (each.error, each.shortness))
            individuals = nearest[: self._breeding.num_mended]
            if not individuals:
                break

    def _shifted(self, individuals: Sequence[Individual]) -> Iterator[Program]:
        for each in individuals:
            step = self._finisher.shift(each.behaviour) if each.error else None
            if step is not None:
                yield compose(step, each.program)

    def _value_of(self, program: Program, place: int) -> Value:
        values = self._runs[place].values(self._graph.add(program))
        return values[-1] if len(values) == len(program) else None

    def _joining(self) -> Iterator[tuple[str, Program]]:
        """Yields the programs that join before any are bred."""
        for text, origin in self._job.newcomers:
            newcomer = parse_program(text)
            yield origin, newcomer
            if origin == Origin.FIND and self._breeding.views_work:
                yield from ((Origin.VIEW, view) for view in in_all_colours(newcomer, self._palette))
        if self._job.age == 0 and not self._job.is_seeded:
            yield from ((Origin.STATE, state) for state in self._states())
        elif self._job.age == 0:
            yield from ((Origin.SEED, seed) for _, seed in self._seeds)
            last = self.work + self._breeding.views_work
            for view in views_of(self._seeds, self._stock.colours, self._colours, self._palette):
                if self.work >= last:
                    break
                yield Origin.VIEW, view

    def _states(self) -> list[Program]:
        """Returns programs for the states that are reached with the work there is for that."""
        library = library_of(self._stock.edges, self._task.id, self._present)
        inputs = [*self._inputs, *(pair.input for pair in self._task.test)]
        last = self._evaluator.work + self._breeding.states_work
        states = States(self._evaluator, inputs, library).programs()
        return list(itertools.takewhile(lambda _: self._evaluator.work < last, states))

    def _vary(self) -> tuple[str, Program | None]:
        """Makes a program of one or two others, and says how."""
        rng, breeding = self._rng, self._breeding
        parent = self._select()
        draw = rng.random()
        if draw < breeding.composition_share:
            is_bred = rng.random() < 0.5 or not self._seeds
            other = self._select().program if is_bred else rng.choice(self._seeds)[1]
            pair = (parent.program, other) if rng.random() < 0.5 else (other, parent.program)
            return Origin.COMPOSITION, compose(*pair)
        draw -= breeding.composition_share
        if draw < breeding.recolour_share:
            return Origin.RECOLOURING, draw_recoloured(parent.program, self._palette, rng)
        draw -= breeding.recolour_share
        subject = self._subject_of(parent.program)
        if subject is None:
            return Origin.MUTATION, None
        if draw < breeding.graft_share:
            scion = self._subject_of(self._select().program)
            return Origin.GRAFT, None if scion is None else graft(subject, scion, rng)
        return Origin.MUTATION, self._mutator.draw(subject, rng)[1]

    def _select(self) -> Individual:
        return self._population.select(self._rng, self._breeding.lexicase_share)

    def _subject_of(self, program: Program) -> Subject | None:
        if program not in self._subjects:
            index = self._graph.add(program)
            self._subjects[program] = probed_subject(
                program, self._runs[0], index, self._evaluator, self._inputs[0], self._breeding.run_work
            )
        return self._subjects[program]

    def _meet(self, program: Program, origin: str, min_right: int = 0) -> Individual | None:
        """Runs a program that is new; returns the individual if it behaves as none did.

        One that gives fewer demonstrations than `min_right` does not join the population.
        """
        if program in self._met:
            return None
        self._met.add(program)
        index = self._graph.add(program)
        outputs: tuple[Grid, ...] = ()
        errors: tuple[float, ...] = ()
        for run, goal, known_errors in zip(self._runs, self._goals, self._errors, strict=True):
            output = run.output(index)
            # Of what would not be kept in any case no more is run.
            if output is None or sum(errors) > self._population.limit:
                return None
            judged = known_errors.get(id(output))
            if judged is None:
                judged = known_errors[id(output)] = output, error_of(output, goal)
            outputs, errors = (*outputs, output), (*errors, judged[1])
        if not any(errors):
            given = [run.output(index) for run in self._test_runs]
            outputs += tuple(output for output in given if output is not None)
        individual = Individual(program, outputs, errors, origin)
        known = self._population.find(individual.behaviour)
        if individual.num_right:
            self._giving = best_candidates([*self._giving, individual], NUM_ANSWERS)
        if known is not None:
            known.meet(program, origin)
            return None
        if individual.num_right >= min_right:
            self._population.add(individual)
        if individual.error:
            for step in self._finisher.steps(individual.behaviour):
                finished = compose(step, program)
                if len(finished) <= self._breeding.max_lines:
                    self._meet(finished, Origin.FINISHER)
        return individual

    def result(self) -> Bred:
        members = self._members()
        ranked = self._population.ranked
        candidates = tuple(self._candidate(each, self._test_outputs(each)) for each in self._giving)
        answers = self._answers(best_candidates(ranked, _NUM_CONTENDERS))
        work = self.work  # without that of near misses, which are but looked at
        near = [each for each in ranked if not each.num_right][:_NUM_CONTENDERS]
        return Bred(
            self._job.task_index,
            self._beginning,
            members,
            candidates,
            tuple(each.origin for each in self._giving),
            best_answers([each for each in answers if None not in each.outputs]),
            self._near_miss(ranked[0]) if ranked else None,
            len(self._met),
            work,
            best_others([*(each for each in answers if None in each.outputs), *self._answers(near)]),
        )

    def _test_outputs(self, individual: Individual) -> tuple[Grid | None, ...]:
        index = self._graph.add(individual.program)
        return tuple(run.output(index) for run in self._test_runs)

    def _candidate(self, individual: Individual, outputs: Sequence[Grid | None]) -> Candidate:
        right = [
            output is not None and output == pair.output
            for output, pair in zip(outputs, self._task.test, strict=True)
        ]
        demonstration = individual.num_right / len(self._inputs)
        performance = Performance(demonstration, sum(right) / max(1, len(right)))
        return Candidate(str(individual.program), performance)

    def _answers(self, individuals: Sequence[Individual]) -> list[Answer]:
        """Returns what individuals, best first, give for test inputs; those that agree as one."""
        answers: dict[tuple[Grid | None, ...], Answer] = {}
        for individual in individuals:
            outputs = self._test_outputs(individual)
            if outputs and not any(outputs):
                continue
            known = answers.get(outputs)
            if known is None:
                error = 0.0 if individual.num_right else individual.error / len(individual.errors)
                candidate = self._candidate(individual, outputs)
                answers[outputs] = Answer(outputs, candidate, individual.num_programs, error)
            else:
                count = known.num_programs + individual.num_programs
                answers[outputs] = dataclasses.replace(known, num_programs=count)
        return list(answers.values())

    def _near_miss(self, nearest: Individual) -> NearMiss:
        places = sorted(range(len(self._order)), key=self._order.__getitem__)
        outputs = tuple(nearest.outputs[place] for place in places)
        errors = tuple(nearest.errors[place] for place in places)
        goals = tuple(self._goals[place] for place in places)
        return NearMiss(str(nearest.program), outputs, errors, verdict(outputs, goals))
