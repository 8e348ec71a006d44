import os

import pytest

from codeit_jax.errors import UserError, naming


class FileError(UserError):
    pass


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("is wrong"), "--flag: is wrong"),
        (UserError("line 3: is wrong"), "--flag: line 3: is wrong"),
        (OSError(28, os.strerror(28), "some/file"), "--flag: No space left on device"),
        (OSError("a bucket's reason"), "--flag: a bucket's reason"),
    ],
)
def test_what_goes_wrong_begins_with_its_place(error, message):
    with pytest.raises(FileError) as caught, naming("--flag", FileError):
        raise error
    assert str(caught.value) == message
    assert caught.value.__cause__ is error


def test_places_nest():
    with pytest.raises(UserError, match=r"^file: line 3: is wrong$"), naming("file"), naming("line 3"):
        raise ValueError("is wrong")


def test_what_is_no_mistake_of_the_user_passes():
    with pytest.raises(KeyError), naming("--flag"):
        raise KeyError("a slip")
