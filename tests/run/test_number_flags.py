"""Numbers are read as people write them, and what is none is told in words."""

import math

import pytest
from absl import flags

from codeit_jax.run.number_flags import NumberParser, WholeNumberParser, read_numbers


@pytest.mark.parametrize("text", ["2000000", "2_000_000", "2e6", "2E+06", "2000000.0", "0x1e8480"])
def test_a_whole_number_may_be_written_in_many_ways(text: str) -> None:
    number = WholeNumberParser().parse(text)
    assert (number, type(number)) == (2_000_000, int)


@pytest.mark.parametrize(
    "text", ["2.5", "1e-3", "1e400", "1e30", "nan", "inf", "many", "", "0x", "9" * 5000, "None"]
)
def test_what_is_no_whole_number_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a whole number is expected, such as 2000000 or 2e6$"):
        WholeNumberParser().parse(text)


def test_bounds_hold_whatever_way_a_number_is_written() -> None:
    with pytest.raises(ValueError, match=r"^0 is not a positive integer$"):
        WholeNumberParser(lower_bound=1).parse("0e5")
    with pytest.raises(ValueError, match=r"^2000000 is not an integer in the range \[1, 5\]$"):
        WholeNumberParser(1, 5).parse("2e6")


def test_nan_is_within_no_bounds() -> None:
    assert math.isnan(NumberParser().parse("nan"))
    for bounds in ((0.0, None), (None, 1.0), (0.0, 1.0)):
        with pytest.raises(ValueError, match=r"^nan is not "):
            NumberParser(*bounds).parse("nan")


def test_what_is_no_number_is_told() -> None:
    assert NumberParser().parse("1e-4") == 1e-4
    with pytest.raises(ValueError, match=r"^a number is expected, such as 0\.5 or 1e-4$"):
        NumberParser().parse("ten")


def test_flags_of_numbers_are_read_so(monkeypatch: pytest.MonkeyPatch) -> None:
    values = flags.FlagValues()
    monkeypatch.setattr(flags, "FLAGS", values)
    work = flags.DEFINE_integer("work", 1, "", lower_bound=1, upper_bound=10**7, flag_values=values)
    share = flags.DEFINE_float("share", 0.5, "", lower_bound=0, flag_values=values)
    read_numbers()
    values(["program", "--work=2e6"])
    assert (work.value, share.value) == (2_000_000, 0.5)
    for argument in ("--work=2e7", "--work=0", "--share=nan"):
        with pytest.raises(flags.IllegalFlagValueError, match=" is not "):
            values(["program", argument])
