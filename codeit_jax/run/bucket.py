"""The way to buckets of Google Cloud Storage; what they refuse is told as what a disk refuses is.

Importing this takes what `pip install -e '.[gcs]'` brings, and has `gs://` paths of etils lead here.
"""

import contextlib
import errno
import logging
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

os.environ.setdefault("EPATH_USE_TF", "false")  # or paths would go another way where TensorFlow is installed

import aiohttp
import fsspec
import requests
from gcsfs.core import GCSFileSystem
from gcsfs.retry import HttpError
from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from codeit_jax.errors import UserError

_PLACE = re.compile(r"\bb/([^/]+)(?:.*[?&]name=([^&]+))?")  # of an upload
_SECONDS = 20.0  # in which a bucket must answer when it is first asked
_LIBRARY_ERRORS = (
    HttpError,
    GoogleAPIError,
    GoogleAuthError,
    aiohttp.ClientError,
    requests.RequestException,
    OSError,
)


class BucketError(OSError, UserError):
    """What a bucket refuses, or that it cannot be reached; a user's matter wherever it comes up."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def open_bucket(path: str) -> storage.Bucket:
    """Returns the bucket that a `gs://` path lies in, which is asked whether it is there.

    Raises:
        BucketError: it is not, or not for this user, or there are no credentials, or no network.
    """
    name = path.removeprefix("gs://").partition("/")[0]
    with _refusals(f"gs://{name}"):
        try:
            return storage.Client().get_bucket(name, **_limits(_SECONDS))
        except NotFound:
            raise BucketError(errno.ENOENT, "there is no such bucket", f"gs://{name}") from None


class BucketObject:
    """An object that several processes write to, each on the condition that it is as they know it.

    Args:
        path: its `gs://` path.
        seconds: in which the bucket must answer.

    Raises:
        BucketError: as `open_bucket` does; so do the methods.
    """

    def __init__(self, path: str, seconds: float) -> None:
        self._path = path
        self._bucket = open_bucket(path)
        self._name = path.removeprefix("gs://").partition("/")[2]
        self._seconds = seconds

    def read(self) -> tuple[int, bytes] | None:
        """Returns its generation, the number that each write gets, and its content; None where it is not."""
        while True:
            with _refusals(self._path):
                blob = self._bucket.get_blob(self._name, **_limits(self._seconds))
                if blob is None:
                    return None
                # It may have been written to, or removed, meanwhile.
                with contextlib.suppress(NotFound, PreconditionFailed):
                    limits = _limits(self._seconds)
                    return blob.generation, blob.download_as_bytes(
                        if_generation_match=blob.generation, **limits
                    )

    def write(self, content: bytes, generation: int) -> int | None:
        """Replaces it if its generation is this one, 0 where it must not be there.

        Returns:
            Its new generation; None if it was another, which is so, too, if this was written and the bucket's
            answer got lost.
        """
        blob = self._bucket.blob(self._name)
        with _refusals(self._path):
            try:
                blob.upload_from_string(content, if_generation_match=generation, **_limits(self._seconds))
            except (NotFound, PreconditionFailed):
                return None
        return int(blob.generation)

    def remove(self, generation: int) -> None:
        """Removes it if its generation is this one."""
        with _refusals(self._path), contextlib.suppress(NotFound, PreconditionFailed):
            self._bucket.blob(self._name).delete(if_generation_match=generation, **_limits(self._seconds))


def _limits(seconds: float) -> dict[str, Any]:
    return {"timeout": seconds, "retry": DEFAULT_RETRY.with_timeout(seconds)}


@contextlib.contextmanager
def _refusals(place: str) -> Iterator[None]:
    """Lets what the libraries make of a bucket's refusal, or of no network, be raised as a `BucketError`.

    That there is no such object, or one already, stays as it is.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError, BucketError):
        raise
    except _LIBRARY_ERRORS as error:
        told = error.cause or error if isinstance(error, RetryError) else error
        head, _, rest = str(getattr(told, "message", "") or told).partition(
            "\n"
        )  # gcsfs begins with an address
        is_forbidden = getattr(told, "code", None) in (401, 403) or head.startswith("Forbidden")
        text = " ".join((rest or head).split()) or type(told).__name__
        raise BucketError(errno.EACCES if is_forbidden else errno.EIO, text, place) from error


class _Files(GCSFileSystem):
    """The files of buckets, as etils' paths use them.

    Listings are not remembered, for orbax and others write to a bucket by ways of their own.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, use_listings_cache=False)

    async def _call(self, method: str, path: str, *names: str, **options: Any) -> Any:
        found = _PLACE.search(path)
        parts = [*names, options.get("prefix")] if names else map(unquote, found.groups("") if found else ())
        with _refusals("/".join(["gs:/", *filter(None, parts)])):
            return await super()._call(method, path, *names, **options)


fsspec.register_implementation("gcs", _Files, clobber=True)
for _name in ("gcsfs", "google", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # what they log, tracebacks too, is raised as well
