"""The types that primitives expect and return.

Signatures tell what a primitive is *for*: mutation composes calls by them, evaluation ignores them. Where a
primitive works on more than its signature says, the signature gives the usual case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.types import Type, Value


@dataclass(frozen=True)
class Signature:
    """The types of a primitive's parameters, in order, and of its result."""

    parameters: tuple[Type, ...]
    result: Type


_NAMES_BY_SIGNATURE = {
    # numbers, truth values and numerical pairs
    "Numerical -> Numerical": "invert double halve increment decrement crement sign",
    "Numerical Numerical -> Numerical": "add subtract multiply divide",
    "Integer -> Boolean": "even positive",
    "Integer Integer -> Boolean": "greater",
    "Integer -> IntegerTuple": "toivec tojvec",
    "Integer Integer -> IntegerTuple": "astuple",
    "Any Any -> Boolean": "equality",
    "Boolean -> Boolean": "flip",
    "Boolean Boolean -> Boolean": "both either",
    "Boolean Any Any -> Any": "branch",
    # containers
    "Any -> Any": "identity",
    "Any -> FrozenSet": "initset",
    "Any Container -> Boolean": "contained",
    "Any Container -> Container": "remove",
    "Any FrozenSet -> FrozenSet": "insert",
    "Any Integer -> Tuple": "repeat",
    "Container -> Any": "first last",
    "Container -> Integer": "size",
    "Container Any -> Any": "other",
    "Container Container -> Container": "combine difference",
    "Container Container -> FrozenSet": "product",
    "ContainerContainer -> Container": "merge",
    "ContainerContainer Integer -> FrozenSet": "sizefilter",
    "FrozenSet -> Tuple": "totuple",
    "FrozenSet FrozenSet -> FrozenSet": "intersection",
    "IntegerSet -> Integer": "maximum minimum",
    "Integer Integer Integer -> Tuple": "interval",
    "Tuple -> Any": "mostcommon leastcommon",
    "Tuple -> Tuple": "dedupe",
    "Tuple Tuple -> TupleTuple": "pair",
    # functions
    "Function1 Function1 -> Function1": "compose",
    "Function1 Function1 Function1 -> Function1": "chain",
    "Function2 Function1 Function1 -> Function1": "fork",
    "Function1 Any -> Function1": "matcher",
    "Function1 Integer -> Function1": "power",
    "Function Any -> Function": "rbind lbind",
    "Function1 Container -> Container": "apply",
    "Function1 Container -> FrozenSet": "mapply",
    "Function2 Tuple Tuple -> Tuple": "papply mpapply",
    "Function2 Container Container -> FrozenSet": "prapply",
    "Container Any -> Container": "rapply",
    "Container Function1 -> Any": "extract argmax argmin",
    "Container Function1 -> Container": "sfilter",
    "ContainerContainer Function1 -> FrozenSet": "mfilter",
    "Container Function1 -> Integer": "valmax valmin",
    "Container Function1 -> Tuple": "order",
    # grids
    "Grid -> Grid": "rot90 rot180 rot270 trim compress tophalf bottomhalf lefthalf righthalf",
    "Grid Grid -> Grid": "hconcat vconcat",
    "Grid Grid Integer -> Grid": "cellwise",
    "Grid Integer -> Grid": "hupscale vupscale downscale",
    "Grid Integer -> Tuple": "hsplit vsplit",
    "Grid Integer Integer -> Grid": "replace switch",
    "Grid IntegerTuple -> Integer": "index",
    "Grid IntegerTuple IntegerTuple -> Grid": "crop",
    "Integer IntegerTuple -> Grid": "canvas",
    "Grid Object -> Grid": "paint underpaint",
    "Grid Object IntegerTuple -> Grid": "move",
    "Grid Integer Patch -> Grid": "fill underfill",
    "Grid Patch -> Grid": "cover",
    "Patch Grid -> Grid": "subgrid",
    # grids, objects and indices
    "Element -> Integer": "mostcolor leastcolor numcolors",
    "Element -> IntegerSet": "palette",
    "Element Integer -> Integer": "colorcount",
    "Element Integer -> Element": "upscale",
    "Piece -> Boolean": "portrait square",
    "Piece -> Integer": "height width",
    "Piece -> IntegerTuple": "shape",
    "Piece -> Piece": "hmirror vmirror dmirror cmirror",
    "Patch -> Boolean": "vline hline",
    "Patch -> Indices": "toindices corners backdrop delta inbox outbox box",
    "Patch -> Integer": "uppermost lowermost leftmost rightmost",
    "Patch -> IntegerTuple": "ulcorner urcorner llcorner lrcorner center centerofmass",
    "Patch -> Patch": "normalize",
    "Patch Grid -> Boolean": "bordering",
    "Patch Grid -> Object": "toobject",
    "Patch IntegerTuple -> Patch": "shift",
    "Patch Patch -> Boolean": "hmatching vmatching adjacent",
    "Patch Patch -> Integer": "manhattan",
    "Patch Patch -> IntegerTuple": "position gravitate",
    "Integer Patch -> Object": "recolor",
    "Object -> Integer": "color hperiod vperiod",
    "Objects Integer -> Objects": "colorfilter",
    "Grid -> Object": "asobject",
    "Grid -> Objects": "partition fgpartition frontiers",
    "Grid Boolean Boolean Boolean -> Objects": "objects",
    "Grid -> Indices": "asindices",
    "Grid Integer -> Indices": "ofcolor",
    "Grid Object -> Indices": "occurrences",
    # locations
    "IntegerTuple -> Indices": "dneighbors ineighbors neighbors vfrontier hfrontier",
    "IntegerTuple IntegerTuple -> Indices": "connect shoot",
}


def _signature(text: str) -> Signature:
    parameters, result = text.split(" -> ")
    return Signature(tuple(map(Type, parameters.split())), Type(result))


def _constant_type(value: Value) -> Type:
    if isinstance(value, bool):
        return Type.BOOLEAN
    return Type.INTEGER if isinstance(value, int) else Type.INTEGER_TUPLE


SIGNATURES: Mapping[str, Signature] = MappingProxyType(
    {name: _signature(text) for text, names in _NAMES_BY_SIGNATURE.items() for name in names.split()}
)

CONSTANT_TYPES: Mapping[str, Type] = MappingProxyType(
    {name: _constant_type(value) for name, value in CONSTANTS.items()}
)
