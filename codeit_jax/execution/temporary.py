"""Files without a name, which go with the process."""

import tempfile
from typing import IO

from codeit_jax.errors import naming


def temporary_file(content: bytes) -> IO[bytes]:
    """Returns a file that holds this, and has no name.

    Raises:
        UserError: there is no place or no room for it.
    """
    with naming("the folder for temporary files, of TMPDIR"):
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the caller
        file.write(content)
        file.flush()
    return file
