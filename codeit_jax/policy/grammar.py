"""Sampling nothing but programs: a table-driven grammar that a jitted loop carries through."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GrammarState:
    """Where in the grammar programs stand, each int32 `[*rows]`.

    Attributes:
        node: the node of the tries of pieces.
        line: the line that is being written, from 1.
        tail: what the rest of the line is to be; an index into the grammar's tables.
    """

    node: jax.Array
    line: jax.Array
    tail: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Grammar:
    """Nothing but programs that parse, and no other spelling of them than the tokenizer's own.

    A program is spelled piece by piece (see `spelling.py`), so the tokens of all pieces form tries; a node of
    them, the line's number and what the rest of the line must be are all there is to know of a program so
    far. A token is open if it goes on with the piece, or begins one that may follow a complete piece, and if
    the program can still be ended within the tokens left. `build_grammar` makes the tables.

    Attributes:
        token_ids: int32 `[columns]`: the tokens that programs are spelled with.
        child: int32 `[rows, columns]`: the node that a token leads to, -1 for none.
        cost: int16 `[rows, columns]`: tokens it takes at least, from that node, until the piece and all that
            it asks for are complete; very large where there is no such node.
        first_line: uint8 `[rows, columns]`: the first line on which something below that node may be written.
        row: int32 `[nodes]`: where in these three tables a node's children are.
        kind: int32 `[nodes]`: what is complete at a node.
        follower: int32 `[kinds, tails]`: the node from which the line goes on behind a complete piece.
        follower_tail: int32 `[kinds, tails]`: what the rest of the line is then.
        ends_line: bool `[kinds, tails]`: whether the line may end there.
        tail_cost: int16 `[tails]`: tokens it takes at least to write the rest, and to end the program.
        line_end: int32 `[2, lines + 2]`: the node from which it goes on at a line's end: by whether the line
            is the output's, and by the next line's number.
        is_output: int32 `[tails]`: whether the line is the output's.
        start_node: int32 scalar.
    """

    token_ids: jax.Array
    child: jax.Array
    cost: jax.Array
    first_line: jax.Array
    row: jax.Array
    kind: jax.Array
    follower: jax.Array
    follower_tail: jax.Array
    ends_line: jax.Array
    tail_cost: jax.Array
    line_end: jax.Array
    is_output: jax.Array
    start_node: jax.Array

    def start(self, rows: tuple[int, ...]) -> GrammarState:
        return GrammarState(
            node=jnp.full(rows, self.start_node, jnp.int32),
            line=jnp.ones(rows, jnp.int32),
            tail=jnp.zeros(rows, jnp.int32),
        )

    def restrict(self, logits: jax.Array, state: GrammarState, num_left: jax.Array) -> jax.Array:
        open_ = jnp.zeros(logits.shape, bool)
        for each in self._continuations(state):
            row = self.row[each.node]
            rest = num_left - 1 - self.tail_cost[each.tail].astype(jnp.int32)
            fits = self.cost[row] <= rest[..., None].astype(self.cost.dtype)
            is_known = self.first_line[row] <= each.line[..., None].astype(self.first_line.dtype)
            open_ |= fits & is_known
        return jnp.where(open_, logits, -jnp.inf)

    def advance(self, state: GrammarState, columns: jax.Array) -> GrammarState:
        after = state
        for each in self._continuations(state):
            node = self.child[self.row[each.node], columns]
            moved = GrammarState(node, each.line, each.tail)
            after = jax.tree.map(lambda new, old, node=node: jnp.where(node >= 0, new, old), moved, after)
        return after

    def _continuations(self, state: GrammarState) -> tuple[GrammarState, GrammarState, GrammarState]:
        """Returns where the next token may be read from: the piece, the line's next one, the next line's.

        Of these no two know the same token.
        """
        kind = self.kind[state.node]
        goes_on = GrammarState(
            self.follower[kind, state.tail], state.line, self.follower_tail[kind, state.tail]
        )
        next_line = jnp.where(self.ends_line[kind, state.tail], state.line + 1, 0)
        ends = GrammarState(
            self.line_end[self.is_output[state.tail], next_line], next_line, jnp.zeros_like(state.tail)
        )
        return state, goes_on, ends
