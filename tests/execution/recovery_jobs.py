"""Jobs that worker processes import."""

import os
import signal

DEADLY = 13


def square_or_die(context, job):
    """Returns the squares of a job's items; kills its worker where one of them is deadly."""
    if DEADLY in job:
        os.kill(os.getpid(), signal.SIGKILL)
    return [item * item for item in job]
