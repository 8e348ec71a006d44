"""The primitives of the language, by name.

`PRIMITIVES` lists them module by module, in the order of the modules below, and alphabetically within each.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from codeit_jax.dsl.primitives import (
    arithmetic,
    containers,
    grids,
    higher_order,
    lines,
    objects,
    painting,
    patches,
    relations,
    symmetry,
)
from codeit_jax.dsl.types import Value

PRIMITIVES: Mapping[str, Callable[..., Value]] = MappingProxyType(
    {
        name: getattr(module, name)
        for module in (
            arithmetic,
            containers,
            higher_order,
            grids,
            painting,
            symmetry,
            patches,
            relations,
            lines,
            objects,
        )
        for name in module.__all__
    }
)
