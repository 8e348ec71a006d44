"""Numbers as flags and settings take them, and what is told of a text that is none."""

import math

from absl import flags
from ml_collections import config_flags

_EXACT = 2**53  # from here on a float is not every whole number


class WholeNumberParser(flags.IntegerParser):
    """Takes 2000000, 2_000_000 and 2e6 for the same."""

    def convert(self, argument: int | str) -> int:
        try:
            return super().convert(argument)
        except ValueError:
            number = _float(argument)
        if number.is_integer() and abs(number) <= _EXACT:
            return int(number)
        raise ValueError("a whole number is expected, such as 2000000 or 2e6")


class NumberParser(flags.FloatParser):
    """Takes no NaN where there are bounds, within any of which absl finds it."""

    def convert(self, argument: float | str) -> float:
        try:
            return super().convert(argument)
        except ValueError:
            raise ValueError("a number is expected, such as 0.5 or 1e-4") from None

    def is_outside_bounds(self, val: float) -> bool:
        is_bounded = self.lower_bound is not None or self.upper_bound is not None
        return super().is_outside_bounds(val) or (is_bounded and math.isnan(val))


def read_numbers() -> None:
    """Has all flags that are numbers, and a config's settings, be read by these."""
    config_flags.register_flag_parser_for_type(int, WholeNumberParser())
    config_flags.register_flag_parser_for_type(float, NumberParser())
    for name in flags.FLAGS:
        flag, parser = flags.FLAGS[name], flags.FLAGS[name].parser
        if type(parser) is flags.IntegerParser:
            flag.parser = WholeNumberParser(parser.lower_bound, parser.upper_bound)
        elif type(parser) is flags.FloatParser:
            flag.parser = NumberParser(parser.lower_bound, parser.upper_bound)


def _float(argument: int | str) -> float:
    try:
        return float(argument)
    except (ValueError, OverflowError):
        return math.nan
