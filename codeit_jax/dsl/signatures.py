"""The types that primitives expect and return, and those of constants."""

from collections.abc import Mapping
from types import MappingProxyType

from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.records import TRAITS
from codeit_jax.dsl.traits import Signature
from codeit_jax.dsl.types import Type, Value

__all__ = ["CONSTANT_TYPES", "SIGNATURES", "Signature"]


def _constant_type(value: Value) -> Type:
    if isinstance(value, bool):
        return Type.BOOLEAN
    return Type.INTEGER if isinstance(value, int) else Type.INTEGER_TUPLE


SIGNATURES: Mapping[str, Signature] = MappingProxyType(
    {name: traits.signature for name, traits in TRAITS.items()}
)

CONSTANT_TYPES: Mapping[str, Type] = MappingProxyType(
    {name: _constant_type(value) for name, value in CONSTANTS.items()}
)
