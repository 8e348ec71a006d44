"""Jobs that worker processes import."""

from codeit_jax.mutation.growth.drawing import draw_programs


def draw_but_hang_on_five(context, job):
    """Draws programs, but never ends where the draw of number 5 is among the job's."""
    while any(number == 5 for number, _ in job.draws):
        pass
    return draw_programs(context, job)
