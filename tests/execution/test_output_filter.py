import random

import pytest

from codeit_jax.arc import load_tasks
from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.execution import Budget, Evaluator, GraphRun, ProgramGraph, Status
from codeit_jax.execution.output_filter import OutputFilter
from codeit_jax.mutation.random_program import random_program

GRID = ((0, 0, 3), (0, 5, 0))


def out_of_reach(text, output, grid=GRID):
    """Whether the goal alone tells that a program does not give an output, and what is evaluated for that."""
    graph = ProgramGraph([parse_program(text)])
    run = GraphRun(graph, Evaluator(), grid)
    asked = []

    def value_of(reference):
        asked.append(reference)
        return run._value_of(reference)

    return OutputFilter(graph.expressions, value_of, output).is_out_of_reach(graph.programs[0][-1]), asked


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("x1 = asindices(I)\nO = fill(I, THREE, x1)", ((3, 3),)),  # another shape
        ("x1 = asindices(I)\nO = fill(I, THREE, x1)", ((0, 0, 3), (0, 5, 4))),  # another colour
        ("x1 = asindices(I)\nO = underfill(I, THREE, x1)", ((0, 0, 3), (0, 5, 4))),
        ("x1 = asindices(I)\nx2 = recolor(TWO, x1)\nO = paint(I, x2)", ((0, 0, 3), (0, 5, 4))),
        (
            "x1 = objects(I, T, F, F)\nx2 = lbind(recolor, TWO)\nx3 = mapply(x2, x1)\nO = underpaint(I, x3)",
            ((0, 0, 3), (0, 5, 4)),
        ),
        (
            "x1 = asindices(I)\nx2 = fill(I, ONE, x1)\nx3 = vmirror(x2)\nO = fill(x3, TWO, x1)",
            ((3, 0, 4), (0, 5, 0)),
        ),
        ("x1 = asobject(I)\nO = paint(I, x1)", ((0, 0), (0, 5))),
        ("x1 = rot90(I)\nx2 = asobject(x1)\nO = paint(x1, x2)", GRID),
        ("x1 = replace(I, ZERO, ONE)\nO = trim(x1)", ((1,),)),
        ("x1 = size(ONE)\nx2 = asindices(I)\nO = fill(I, x1, x2)", GRID),  # the colour fails
        ("x1 = size(ONE)\nO = hmirror(x1)", GRID),  # the grid drawn on fails
    ],
)
def test_out_of_reach(text, output):
    assert out_of_reach(text, output)[0]


def test_what_is_drawn_is_not_evaluated():
    _, asked = out_of_reach("x1 = asindices(I)\nO = fill(I, THREE, x1)", ((3, 3),))
    assert asked == ["THREE", "I"]


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("x1 = asindices(I)\nO = fill(I, THREE, x1)", ((3, 0, 3), (0, 5, 3))),
        ("x1 = asobject(I)\nO = paint(I, x1)", ((0, 0, 3), (0, 5, 4))),  # of the colours nothing is known
        ("O = first(I)", ((1,),)),  # no grid at all
        ("x1 = first(I)\nx2 = asobject(I)\nO = paint(x1, x2)", ((1,),)),
    ],
)
def test_nothing_is_said_otherwise(text, output):
    assert not out_of_reach(text, output)[0]


def test_rows_of_unequal_length_are_left_alone():
    # `dmirror` drops what stands out: what goes in is not what would come of turning the goal back.
    text = "x1 = first(I)\nx2 = initset(ONE)\nx3 = totuple(x2)\nx4 = astuple(x1, x3)\nO = dmirror(x4)"
    graph = ProgramGraph([parse_program(text)])
    run = GraphRun(graph, Evaluator(), GRID)
    assert run.values(0)[-1] == ((0, 1),)
    assert run.yields(0, ((0, 1),))


def mutate(program, rng):
    """The program with the names in one line exchanged for others, typed or not."""
    lines = str(program).splitlines()
    chosen = rng.randrange(len(lines))
    names = ["I", "ONE", "THREE", "identity", "recolor", "vmirror", "fill", "paint"]
    head, _, arguments = lines[chosen].partition("(")
    parts = arguments.removesuffix(")").split(", ")
    parts[rng.randrange(len(parts))] = rng.choice(names + [f"x{line}" for line in range(1, chosen + 1)])
    lines[chosen] = f"{head}({', '.join(parts)})"
    return parse_program("\n".join(lines))


@pytest.mark.parametrize("seed", range(4))
def test_what_a_program_gives_is_never_out_of_its_reach(seed):
    rng = random.Random(seed)
    tasks = rng.sample(load_tasks("arc1/training"), 8)
    training = list(load_training_programs().values())
    programs = [random_program(rng) for _ in range(400)]
    programs += [mutate(program, rng) for program in rng.sample(training, 60)]
    graph = ProgramGraph(programs)
    evaluator = Evaluator(Budget(max_work=50_000))
    num_given = 0
    for task in tasks:
        grid = task.train[0].input
        outcomes = [evaluator.run(program, grid) for program in programs]
        outputs = {outcome.output for outcome in outcomes if outcome.status is Status.OK}
        outputs.add(task.train[0].output)
        run = GraphRun(graph, evaluator, grid)
        for output in sorted(outputs):
            given = [run.yields(index, output) for index in range(len(programs))]
            assert given == [outcome.output == output for outcome in outcomes]
            num_given += sum(given)
    assert num_given > 500


def test_a_long_program_does_not_exhaust_the_stack():
    text = "\n".join(f"x{line} = hmirror({f'x{line - 1}' if line > 1 else 'I'})" for line in range(1, 3001))
    program = parse_program(f"{text}\nO = paint(x3000, x3000)")
    assert not GraphRun(ProgramGraph([program]), Evaluator(), GRID).yields(0, GRID)
