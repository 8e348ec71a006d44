"""What is told of answers on a terminal: a table of tasks, and scores."""

from collections.abc import Sequence

from codeit_jax.arc import Task
from codeit_jax.results.answer_folder import MAX_PICTURES
from codeit_jax.results.answer_score import AnswerScore
from codeit_jax.results.answered import Answered
from codeit_jax.run.display import Display, number_table

_MAX_LISTED = 40


def tell_answers(
    tasks: Sequence[Task],
    answers: Sequence[Answered],
    score: AnswerScore | None,
    output: str,
    display: Display,
) -> None:
    """Tells how sure answers are, and what they are worth where that is known.

    Args:
        tasks: the tasks, with the test outputs that are known.
        answers: what each is answered with.
        score: what that is worth; None where no task can be scored.
        output: where the answers are.
        display: where it is told.
    """
    right = {each.task_id: f"{each.prize_score:.0%}" for each in score.tasks} if score else {}
    rows = [
        (*_row(each), *([right.get(each.task.id, "?")] if score else [])) for each in answers[:_MAX_LISTED]
    ]
    titles = ("task", "demonstrations", "programs that agree", "lines", *(["right"] if score else []))
    display.show(number_table(titles, rows))
    if len(answers) > _MAX_LISTED:
        display.note(f"and {len(answers) - _MAX_LISTED} more tasks")
    if all(each.attempts[0][0].program is None for each in answers):
        display.note("no time to breed any programs: what is answered is but of likely sizes")
    num_given = sum(each.is_given for each in answers)
    display.note(f"{num_given} of {len(answers)} tasks have a program that gives all demonstrations")
    num_partly = sum(any(task.test_outputs) and not task.has_test_outputs for task in tasks)
    if num_partly:
        display.note(f"{num_partly} tasks come with but some of their test outputs and are not scored")
    if score is not None:
        _tell_score(score, display)
    if len(answers) > MAX_PICTURES:
        display.note(f"pictures/ has the first {MAX_PICTURES} tasks alone")
    display.note(f"submission.json, answers.json and pictures/ are in {output}")


def _tell_score(score: AnswerScore, display: Display) -> None:
    concepts = [
        (
            concept,
            str(each.num_tasks),
            f"{each.prize_score:.1%}",
            str(each.solved_by_attempts),
            str(each.solved_by_candidates),
        )
        for concept, each in score.by_concept().items()
    ]
    if concepts:
        titles = "concept", "tasks", "two attempts", "in full", "three candidates"
        display.show(number_table(titles, concepts))
    display.note(
        f"score: {score.prize_score:.1%} by two attempts at each test input,"
        f" {score.solved_by_attempts} of {score.num_tasks} tasks in full;"
        f" {score.solved_by_candidates} by the paper's three candidates"
    )


def _row(each: Answered) -> tuple[str, ...]:
    best = each.attempts[0][0]
    if best.program is None:
        return each.task.id, "-", "-", "-"
    num_given = round(best.demonstration_performance * len(each.task.train))
    lines = best.program.count("\n") + 1
    return each.task.id, f"{num_given} of {len(each.task.train)}", f"{best.num_programs:,}", str(lines)
