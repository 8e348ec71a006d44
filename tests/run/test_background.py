"""Items drawn ahead by a thread: all, in order, errors included, and none after the caller has stopped."""

import threading

import pytest

from codeit_jax.run.background import run_ahead


def test_all_items_come_in_order() -> None:
    assert list(run_ahead(range(1000))) == list(range(1000))
    assert list(run_ahead([])) == []


def test_items_are_drawn_before_they_are_asked_for() -> None:
    drawn = threading.Event()

    def items():
        yield 0
        yield 1
        drawn.set()

    ahead = run_ahead(items())
    assert next(ahead) == 0
    assert drawn.wait(timeout=30)
    assert list(ahead) == [1]


def test_an_error_comes_after_the_items_before_it() -> None:
    def items():
        yield 0
        raise KeyError("gone")

    ahead = run_ahead(items())
    assert next(ahead) == 0
    with pytest.raises(KeyError, match="gone"):
        next(ahead)


def test_a_caller_that_stops_stops_the_thread() -> None:
    asked = threading.Event()
    drawn = []

    def items():
        yield 0
        asked.wait(timeout=30)
        for number in range(1, 1000):
            drawn.append(number)
            yield number

    before = threading.active_count()
    ahead = run_ahead(items())
    assert next(ahead) == 0
    threading.Timer(0.05, asked.set).start()
    ahead.close()
    assert len(drawn) <= 1
    assert threading.active_count() <= before + 1  # the timer may not be gone yet


def test_nothing_is_drawn_before_the_first_item_is_asked_for() -> None:
    drawn = []
    ahead = run_ahead(drawn.append(number) for number in range(3))
    assert drawn == []
    list(ahead)
    assert drawn == [0, 1, 2]
