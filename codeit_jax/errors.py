"""Errors on the user's side."""


class UserError(ValueError):
    """A mistake in flags, config or files: one line that says what is wrong and where.

    Programs in `launch/` end with exit code 2 on it, and with 1 on any other exception.
    """
