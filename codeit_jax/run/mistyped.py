"""What was meant by a flag or a setting that there is not."""

import difflib
from collections.abc import Sequence

_ALIKE = 0.75  # from which on two names are


def meant(name: str, flags: Sequence[str], settings: Sequence[str]) -> str:
    """Returns what to say of the flag that was meant, "" where none is like it.

    That is, in this order, a setting of this name, one called so in another group, a flag, or a setting that
    is spelled alike.

    Args:
        name: what was given, without dashes.
        flags: those that there are.
        settings: those that there are, such as `learner.batch_size`; each has the flag
            `--config.learner.batch_size`.
    """
    field = _field(name)
    kinds = (
        [name] if name in settings else [],
        [each for each in settings if _field(each) == field],
        _alike(name, flags),
        _alike(name, settings),
        [each for each in settings if _field(each) in _alike(field, [*map(_field, settings)])],
    )
    found = next(filter(None, kinds), [])
    told = [f"--{each}" if each in flags else f"--config.{each}" for each in found]
    return f"; did you mean {' or '.join(told)}?" if told else ""


def _alike(name: str, known: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)


def _field(setting: str) -> str:
    return setting.rpartition(".")[2]
