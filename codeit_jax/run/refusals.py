"""Why a system or a bucket refused something, where a library made an exception of its own of that."""

import os
import re

_TENSORSTORE_ERROR = re.compile(r"\[os_error_code='(\d+)'\]")
_TENSORSTORE_STATUS = re.compile(r"\[http_response_code='(\d+)'\]")


def refusal_behind(error: BaseException | None) -> str | None:
    """Returns the reason of what an exception is, or came of; None if nothing was refused."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error.strerror or os.strerror(error.errno)
        if told := _TENSORSTORE_ERROR.search(str(error)):
            return os.strerror(int(told[1]))
        if told := _TENSORSTORE_STATUS.search(str(error)):
            return f"the bucket answers with HTTP status {told[1]}"
        # Orbax asks a bucket of what kind it is.
        if type(error).__module__.startswith(("google.", "requests.")):
            return str(error).partition("\n")[0]
        error = error.__cause__ or error.__context__
    return None
