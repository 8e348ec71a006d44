"""What an update of the policy takes: bytes of a device's memory, and floating point operations.

Memory is that of the worst of three moments: the loss, when all layers have left what their gradients need,
and the ways back through the encoder's last layer and its first.
"""

from dataclasses import dataclass

from codeit_jax.learner.loss import BLOCK_LOGITS, block_rows
from codeit_jax.planning.layout import Layout
from codeit_jax.policy.t5_costs import FLOAT32, T5Costs


@dataclass(frozen=True)
class LearningMemory:
    """Bytes that a device needs at the worst moment of an update.

    Attributes:
        state: parameters, and the optimiser's two moments of each.
        weights: parameters as they are computed with: gathered, or in another dtype.
        gradients: those that wait for their update, and the sums of micro-batches.
        activations: what the layers have left for their gradients.
        work: what the loss or the layer at hand has besides.
    """

    state: int
    weights: int
    gradients: int
    activations: int
    work: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.state + self.weights + self.gradients + self.activations + self.work


def learning_memory(
    costs: T5Costs,
    layout: Layout,
    *,
    is_rematerialized: bool = False,
    num_micro_batches: int = 1,
    is_clipped: bool = False,
) -> LearningMemory:
    """Returns what a device needs at the worst moment of an update.

    Args:
        costs: of a micro-batch.
        layout: of the parameters.
        is_rematerialized: see `LearnerConfig`.
        num_micro_batches: see `LearnerConfig`.
        is_clipped: whether gradients are scaled by their norm.
    """
    shape, encoder = costs.shape, costs.left_by_encoder_layer
    kept_encoder = costs.stream(costs.source) if is_rematerialized else encoder
    kept_decoder = costs.stream(costs.target) if is_rematerialized else costs.left_by_decoder_layer
    kept_encoder *= shape.num_encoder_layers
    kept_decoder *= shape.num_decoder_layers
    ends = costs.left_elsewhere
    layer = 3 * costs.stream(costs.source) + (encoder if is_rematerialized else 0)

    # A gradient waits for the last one, or becomes an update as soon as it is there.
    is_waiting = is_clipped or num_micro_batches > 1
    sums = layout.stored * FLOAT32 if num_micro_batches > 1 else 0
    table = layout.table * FLOAT32
    found = (layout.decoder if is_waiting else 0) * FLOAT32 + table
    every = layout.used * FLOAT32 if is_waiting else table
    moments = (
        (2 * table, ends + kept_encoder + kept_decoder, _loss_work(costs)),
        (found, ends + kept_encoder, layer),
        (every, ends, layer),
    )
    gradients, activations, work = max(moments, key=sum)
    return LearningMemory(
        state=layout.state_bytes,
        weights=layout.weight_bytes(costs.width),
        gradients=sums + gradients,
        activations=activations,
        work=work,
    )


def learning_flops(costs: T5Costs, *, is_rematerialized: bool = False) -> float:
    """Returns a device's floating point operations in a micro-batch, forward and back."""
    again = costs.repeated_flops if is_rematerialized else 0.0
    return 3 * (costs.forward_flops + costs.logits_flops) + again


def _loss_work(costs: T5Costs) -> int:
    """Returns what there is of logits at once, and of the hidden states' gradient."""
    vocabulary = costs.shape.vocab_size
    rows = block_rows(costs.rows * costs.target, BLOCK_LOGITS // vocabulary)
    return 2 * rows * costs.split(vocabulary) * FLOAT32 + 3 * costs.stream(costs.target)
