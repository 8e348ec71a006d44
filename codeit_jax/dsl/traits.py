"""Traits of primitives: all that is known of one beside what it does. The records are in `records.py`."""

import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum, auto

from codeit_jax.dsl.types import Type, Value


@dataclasses.dataclass(frozen=True)
class Signature:
    """The types of a primitive's parameters, in order, and of its result.

    They tell what a primitive is *for*: mutation composes calls by them, evaluation ignores them. Where a
    primitive works on more than its signature says, the signature gives the usual case.
    """

    parameters: tuple[Type, ...]
    result: Type


class Charge(Enum):
    """How calls are charged; all but the last are called afresh, since looking them up takes as long."""

    CALLS = auto()  # the same little whatever they are given, and nothing larger is made
    NUMBERS = auto()  # as little, but numbers may grow
    ITEMS = auto()  # by the items that are read and made
    REMEMBERED = auto()  # by the same, and what they gave is remembered


class Relation(Enum):
    """How an argument is related to the result of a call."""

    LIKE = auto()  # of the same shape
    HOLDING = auto()  # a container of such values
    ITEM = auto()  # an item of such a container
    HOLDING_ITEMS = auto()  # a container of such items


@dataclasses.dataclass(frozen=True)
class Loop:
    """A primitive that calls a function on the items of containers.

    Attributes:
        function: the place of the function among the arguments, or of a container of functions.
        containers: the places of the containers; none where a function is given an argument as it is.
        gives: what the function should give: a type, or what the result is, or an item of it.
    """

    function: int
    containers: tuple[int, ...]
    gives: Type | Relation


@dataclasses.dataclass(frozen=True)
class Draws:
    """A primitive that changes some cells of its first argument, all to one colour.

    Attributes:
        colour: the place of the colour; None if it is no argument.
        object: the place of the object that the cells are those of; None if there is none.
    """

    colour: int | None = None
    object: int | None = None


@dataclasses.dataclass(frozen=True)
class Turns:
    """A primitive that puts the cells of a grid elsewhere; `back` puts them back."""

    back: str


@dataclasses.dataclass(frozen=True)
class Trims:
    """A primitive that takes the border off a grid."""


Change = Draws | Turns | Trims
Work = Callable[..., int]


@dataclasses.dataclass(frozen=True)
class Traits:
    """All that is known of a primitive.

    Attributes:
        signature: what it is for.
        relations: by the places of arguments, what the result is to them.
        charge: how its calls are charged.
        work: the work of a call, foreseen from its arguments, where it is charged by items; `foreseen.reads`
            if each item is read once.
        items: the items of the result, where they are known before it is made.
        may_nest: for which arguments the result may weigh more than anything that was given, if it may. A
            colour or a coordinate may turn out to be a container.
        loop: how it calls a function on items, if it does.
        change: what a search may conclude from a grid that it gives, if anything.
        in_c: a function of Python's own that does the same, and faster.
        on_tuples: one that does the same to tuples, of which then one item is charged and not all.
        colours: the places of the arguments that are colours.
    """

    signature: Signature
    relations: Mapping[int, Relation]
    charge: Charge
    work: Work | None = None
    items: Work | None = None
    may_nest: Callable[..., bool] | None = None
    loop: Loop | None = None
    change: Change | None = None
    in_c: Callable[..., Value] | None = None
    on_tuples: Callable[..., Value] | None = None
    colours: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if (self.work is None) == (self.charge in (Charge.ITEMS, Charge.REMEMBERED)):
            raise ValueError("work must be foreseen where calls are charged by items, and nowhere else")

    @property
    def builds_function(self) -> bool:
        """Whether the result is a function."""
        return self.signature.result.value.startswith("Function")


RELATIONS = {
    "like": Relation.LIKE,
    "holding": Relation.HOLDING,
    "item": Relation.ITEM,
    "items": Relation.HOLDING_ITEMS,
}


def describe(
    signature: str, relations: str, charge: Charge, work: Work | None = None, **facts: object
) -> Traits:
    """Returns a record written short.

    Args:
        signature: the types of the parameters and, behind an arrow, of the result.
        relations: a word for each parameter: one of `RELATIONS`, "colour" or a dash.
        charge: see `Traits`, as for the others.
        work: see `Traits`.
        **facts: other fields.
    """
    parameters, result = signature.split(" -> ")
    types, words = tuple(map(Type, parameters.split())), relations.split()
    if len(types) != len(words):
        raise ValueError(f"{relations!r} must tell of each argument of {signature!r}")
    related = {place: RELATIONS[word] for place, word in enumerate(words) if word not in ("-", "colour")}
    facts["colours"] = tuple(place for place, word in enumerate(words) if word == "colour")
    return Traits(Signature(types, Type(result)), related, charge, work, **facts)  # type: ignore[arg-type]
