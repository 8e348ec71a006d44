"""Errors on the user's side, and the one place where what they are about is put before them."""

import contextlib
from collections.abc import Iterator


class UserError(ValueError):
    """A mistake in flags, config or files: one line that says what is wrong and where.

    Programs in `launch/` end with exit code 2 on it, and with 1 on any other exception.
    """


@contextlib.contextmanager
def naming(place: object, error_type: type[UserError] = UserError) -> Iterator[None]:
    """Lets what goes wrong within be told as a user's mistake that begins with its file, field or flag.

    Args:
        place: the file, field or flag.
        error_type: what is raised in place of an `OSError`, of what too deep or too large values lead to, and
            of a `ValueError`, a `UserError` among them.
    """
    try:
        yield
    except OSError as error:
        raise error_type(f"{place}: {error.strerror or error}") from error
    except ValueError as error:
        raise error_type(f"{place}: {error}") from error
    except RecursionError as error:
        raise error_type(f"{place}: is nested too deeply") from error
    except OverflowError as error:
        raise error_type(f"{place}: {error}") from error
