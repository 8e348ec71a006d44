"""Whose results these are: a record of the settings lies beside them, and those of others are left alone."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from etils import epath

from codeit_jax.errors import UserError

Record = TypeVar("Record")


class ClaimError(UserError):
    """Results that belong to something else; the message says why, and they are untouched."""


def read_claim(
    record: epath.PathLike, results: Sequence[epath.PathLike], parse: Callable[[Any], Record]
) -> Record | None:
    """Reads the record of who makes some results.

    Args:
        record: the JSON file beside them.
        results: files or folders that only their maker may have left there.
        parse: makes something of the record's JSON; it may fail on another's.

    Returns:
        What `parse` made of it, or None where there are neither record nor results.

    Raises:
        ClaimError: there are results without a record, or the record is none.
        OSError: the record cannot be read.
    """
    record = epath.Path(record)
    if not record.exists():
        left = [path for path in map(epath.Path, results) if path.exists()]
        if left:
            raise ClaimError(f"there is {left[0].name} but no {record.name} that says whose it is")
        return None
    try:
        return parse(json.loads(record.read_text()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ClaimError(f"{record.name} is no record of this version: {error}") from None


def check_claim(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Checks that results go on under the settings that they were begun with.

    Raises:
        ClaimError: they do not; the message names the first setting that differs.
    """
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if changed:
        name, *others = changed
        more = f" (and {len(others)} more)" if others else ""
        raise ClaimError(
            f"was begun with other settings: {name} was {old.get(name)!r} and is now {new.get(name)!r}{more}"
        )
