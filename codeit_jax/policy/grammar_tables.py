"""The tables of a grammar: every program of the language, as a tokenizer spells it.

A callee is a primitive or a variable of an earlier line, an argument also a constant or the input. A
primitive gets exactly its arguments; a variable that is called gets at least one and at most as many as any
primitive.
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import INPUT, OUTPUT, parse_program, variable
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.policy.grammar import Grammar
from codeit_jax.policy.spelling import MAX_LINES, Slot, pieces
from codeit_jax.policy.tokenizers import Tokenizer

ARITIES = {name: len(signature.parameters) for name, signature in SIGNATURES.items()}
MAX_ARITY = max(ARITIES.values())

_NEVER = np.iinfo(np.int16).max

# What is complete at a node. A callee's kind also says how many arguments it gets.
_NOTHING, _DEFINITION, _OUTPUT_DEFINITION, _ARGUMENT, _END, _ANY_CALLEE = range(6)
_CALLEE = _ANY_CALLEE  # of n arguments: _CALLEE + n
_NUM_KINDS = _CALLEE + MAX_ARITY + 1

# The rest of a line, its tail, is a number of arguments and whether they may be left out; before the callee
# neither is known. All that twice: for lines that assign a variable and for the output's. Tail 0 stands for
# pieces that say themselves all that there is to come: definitions and the end.
_TAILS_A_LINE = 1 + 2 * MAX_ARITY
_NUM_TAILS = 1 + 2 * _TAILS_A_LINE


def _callee_tail(is_output: int) -> int:
    return 1 + is_output * _TAILS_A_LINE


def _tail(is_output: int, num_arguments: int, *, may_end: bool) -> int:
    return _callee_tail(is_output) + 1 + MAX_ARITY * may_end + num_arguments


class _Tries:
    """The tries of pieces, while they grow. Node 0 has no children, and nothing is complete there."""

    def __init__(self) -> None:
        self.columns: dict[int, int] = {}
        self.children: list[dict[int, int]] = []
        self.kinds: list[int] = []
        self.needs: list[tuple[int, int]] = []  # the first line on which to write on from here, and the cost
        self.new_node()

    def new_node(self) -> int:
        self.children.append({})
        self.kinds.append(_NOTHING)
        self.needs.append((_NEVER, _NEVER))
        return len(self.children) - 1

    def add(self, root: int, token_ids: Iterable[int], kind: int, cost: int, line: int = 1) -> None:
        """Adds a piece.

        Args:
            root: the trie's.
            token_ids: its tokens.
            kind: what it is.
            cost: tokens it takes at least to write what it asks for.
            line: the first line that it may stand on.
        """
        path = [root]
        for token in token_ids:
            column = self.columns.setdefault(token, len(self.columns))
            if column not in self.children[path[-1]]:
                self.children[path[-1]][column] = self.new_node()
            path.append(self.children[path[-1]][column])
        for remaining, node in enumerate(reversed(path)):
            # A piece of an early line comes first: what it costs is what it costs on all lines from there on.
            self.needs[node] = min(self.needs[node], (line, cost + remaining))
        self.kinds[path[-1]] = kind


def build_grammar(
    tokenizer: Tokenizer,
    max_length: int,
    *,
    primitives: Mapping[str, int] = ARITIES,
    constants: Iterable[str] = tuple(CONSTANTS),
    max_lines: int = MAX_LINES,
) -> Grammar:
    """Returns the grammar of programs of at most `max_length` tokens, their end included.

    Args:
        tokenizer: what spells them.
        max_length: tokens of a program at most.
        primitives: those that programs may be made of, with their numbers of arguments.
        constants: those that programs may be made of.
        max_lines: lines of a program at most; `MAX_LINES` or fewer.

    Raises:
        ValueError: no program is so short, or the tokenizer's tokens run across the pieces of a program.
    """
    _check_spelling(tokenizer)
    tries = _Tries()
    variables = [variable(line) for line in range(1, max_lines)]
    names = [*primitives, *constants, INPUT]

    def cheapest(slot: Slot) -> int:
        return min(len(tokenizer.spell(slot, name)) for name in names)

    first, other = cheapest(Slot.FIRST_ARGUMENT), cheapest(Slot.ARGUMENT)
    call_costs = {name: first + (arity - 1) * other for name, arity in primitives.items()}
    call = min(len(tokenizer.spell(Slot.CALLEE, name)) + cost for name, cost in call_costs.items())
    end = len(tokenizer.spell(Slot.END, ""))
    output_line = len(tokenizer.spell(Slot.DEFINITION, OUTPUT)) + call + end

    callee_root, first_root, other_root, end_root = (tries.new_node() for _ in range(4))
    for name, arity in primitives.items():
        tries.add(callee_root, tokenizer.spell(Slot.CALLEE, name), _CALLEE + arity, call_costs[name])
    for line, name in enumerate(variables, start=2):
        tries.add(callee_root, tokenizer.spell(Slot.CALLEE, name), _ANY_CALLEE, first, line)
    for slot, root in ((Slot.FIRST_ARGUMENT, first_root), (Slot.ARGUMENT, other_root)):
        for name in names:
            tries.add(root, tokenizer.spell(slot, name), _ARGUMENT, 0)
        for line, name in enumerate(variables, start=2):
            tries.add(root, tokenizer.spell(slot, name), _ARGUMENT, 0, line)
    tries.add(end_root, tokenizer.spell(Slot.END, ""), _END, 0)

    definition_roots = [0]  # no line has the number 0
    for line in range(1, max_lines + 1):
        root = tries.new_node()
        definition_roots.append(root)
        slot = Slot.FIRST_DEFINITION if line == 1 else Slot.DEFINITION
        tries.add(root, tokenizer.spell(slot, OUTPUT), _OUTPUT_DEFINITION, call + end)
        if line < max_lines:
            cost = call + output_line
            tries.add(root, tokenizer.spell(slot, variable(line)), _DEFINITION, cost)
    shortest = tries.needs[definition_roots[1]][1]
    if shortest > max_length:
        raise ValueError(f"no program fits into {max_length} tokens; the shortest takes {shortest}")
    return Grammar(
        **_tables(tries),
        **_followers(callee_root, first_root, other_root),
        tail_cost=jnp.array(_tail_costs(other, [output_line, end]), jnp.int16),
        line_end=jnp.array([[*definition_roots, 0], [0, *[end_root] * (max_lines + 1)]], jnp.int32),
        is_output=(jnp.arange(_NUM_TAILS) >= _callee_tail(1)).astype(jnp.int32),
        start_node=jnp.int32(definition_roots[1]),
    )


def _check_spelling(tokenizer: Tokenizer) -> None:
    text = "x1 = lbind(rot90, NEG_ONE)\nx2 = x1(I)\nO = fill(x2, ZERO, x1)"
    spelled = [token for piece in pieces(parse_program(text)) for token in tokenizer.spell(*piece)]
    if spelled != tokenizer.encode_program(text).tolist():
        raise ValueError(
            "a grammar needs a tokenizer that cuts programs at their names, as byte-pair encodings of code do"
        )


def _tables(tries: _Tries) -> dict[str, Any]:
    order = sorted(tries.columns)
    places = {tries.columns[token]: place for place, token in enumerate(order)}
    inner = [node for node, children in enumerate(tries.children) if children or not node]
    shape = len(inner), len(order)
    child = np.full(shape, -1, np.int32)
    cost = np.full(shape, _NEVER, np.int16)
    first_line = np.zeros(shape, np.uint8)
    row = np.zeros(len(tries.children), np.int32)
    for index, node in enumerate(inner):
        row[node] = index
        for column, target in tries.children[node].items():
            place = places[column]
            child[index, place] = target
            first_line[index, place], cost[index, place] = tries.needs[target]
    return {
        "token_ids": jnp.array(order, jnp.int32),
        "child": jnp.asarray(child),
        "cost": jnp.asarray(cost),
        "first_line": jnp.asarray(first_line),
        "row": jnp.asarray(row),
        "kind": jnp.array(tries.kinds, jnp.int32),
    }


def _followers(callee_root: int, first_root: int, other_root: int) -> dict[str, Any]:
    """Returns what follows complete pieces of each kind, in lines with each rest."""
    shape = _NUM_KINDS, _NUM_TAILS
    follower, follower_tail = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    ends_line = np.zeros(shape, bool)
    for is_output, kind in enumerate((_DEFINITION, _OUTPUT_DEFINITION)):
        follower[kind], follower_tail[kind] = callee_root, _callee_tail(is_output)
        follower[_ANY_CALLEE:, _callee_tail(is_output)] = first_root
        for arity in range(MAX_ARITY + 1):  # at 0 the callee is a variable
            count = (arity or MAX_ARITY) - 1
            tail = _tail(is_output, count, may_end=arity == 0)
            follower_tail[_CALLEE + arity, _callee_tail(is_output)] = tail
        for may_end, count in itertools.product((False, True), range(MAX_ARITY)):
            tail = _tail(is_output, count, may_end=may_end)
            ends_line[_ARGUMENT, tail] = may_end or count == 0
            if count:
                follower[_ARGUMENT, tail], follower_tail[_ARGUMENT, tail] = other_root, tail - 1
    return {
        "follower": jnp.asarray(follower),
        "follower_tail": jnp.asarray(follower_tail),
        "ends_line": jnp.asarray(ends_line),
    }


def _tail_costs(argument: int, line_ends: Iterable[int]) -> list[int]:
    """Returns what it takes to write the rest of a line and to end the program behind it."""
    costs = [0]
    for line_end in line_ends:
        costs += [line_end, *(count * argument + line_end for count in range(MAX_ARITY))]
        costs += [line_end] * MAX_ARITY
    return costs
