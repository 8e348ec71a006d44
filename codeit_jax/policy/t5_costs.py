"""What a T5 takes: bytes of its arrays and floating point operations of its products, as a device has them.

It is counted as `t5.py` and `attention.py` have it, and changes with them; `tests/planning` compares it with
what is compiled. Operations are those of products of matrices; all others are some per cent of these.
"""

from dataclasses import dataclass

from codeit_jax.policy.presets import T5Config

FLOAT32 = 4

# Parts of the parameters, by patterns of their paths; what no pattern has is the embedding or small.
ENCODER, DECODER = r"^encoder/", r"^decoder/"


def table_pattern(shape: T5Config) -> str:
    """Returns the pattern of the path of what scores the next token."""
    return r"^embedding" if shape.tie_word_embeddings else r"^head/"


@dataclass(frozen=True)
class T5Costs:
    """A T5 that reads prompts of a length, and programs of another one.

    Attributes:
        shape: the network's.
        rows: prompts, on this device.
        source: tokens to which they are padded.
        target: tokens to which programs are padded, or that a cache of them is for.
        width: bytes of a number in the dtype of the network.
        tensor: devices over which layers are split.
    """

    shape: T5Config
    rows: int
    source: int
    target: int
    width: int = FLOAT32
    tensor: int = 1

    def split(self, size: int) -> int:
        """Returns a device's part of a dimension that `tensor` splits, if it divides it."""
        return size // self.tensor if size % self.tensor == 0 else size

    @property
    def inner(self) -> int:
        """A device's part of the dimensions of all heads."""
        size = self.shape.num_heads * self.shape.d_kv
        return size // self.tensor if size % self.tensor == 0 else size

    # What learning keeps.

    def stream(self, length: int) -> int:
        """Returns the bytes of what goes from layer to layer, for sequences of a length."""
        return self.rows * length * self.shape.d_model * self.width

    @property
    def left_by_encoder_layer(self) -> int:
        """Bytes that a layer of the encoder leaves for its gradient."""
        source = self.source
        return (
            self._attention_weights(source, source)
            + 4 * self._heads(source)  # queries, keys, values, and what is gathered of these
            + 2 * self._sublayer(source)
            + self._hidden_units(source)
        )

    @property
    def left_by_decoder_layer(self) -> int:
        """Bytes that a layer of the decoder leaves for its gradient."""
        source, target = self.source, self.target
        return (
            self._attention_weights(target, target)
            + self._attention_weights(target, source)
            + 6 * self._heads(target)
            + 2 * self._heads(source)
            + 3 * self._sublayer(target)
            + self._hidden_units(target)
        )

    @property
    def left_elsewhere(self) -> int:
        """Bytes that embeddings and last norms leave, and one-hot rows for the tables of position biases."""
        ends = 4 * (self.stream(self.source) + self.stream(self.target))
        buckets = self.shape.relative_attention_num_buckets
        return ends + (self.source**2 + self.target**2) * buckets * FLOAT32

    @property
    def forward_flops(self) -> float:
        """Operations of all layers, forward."""
        return self.reading_flops + self.shape.num_decoder_layers * (
            self.rows * self.target * (6 * self._projection + self._feed_forward)
            + 4.0 * self.rows * self.target * (self.target + self.source) * self.inner
        )

    @property
    def repeated_flops(self) -> float:
        """Operations of all layers that are made a second time if activations are not kept.

        What a layer ends with, the second matrix of its feed-forward, is not needed for its gradient.
        """
        layers = self.shape.num_encoder_layers * self.source + self.shape.num_decoder_layers * self.target
        last = 2.0 * self.rows * layers * self.shape.d_model * self.split(self.shape.d_ff)
        return self.forward_flops - last

    @property
    def logits_flops(self) -> float:
        """Operations of the logits of all programs."""
        return 2.0 * self.rows * self.target * self.shape.d_model * self.split(self.shape.vocab_size)

    # What sampling takes.

    @property
    def reading_flops(self) -> float:
        """Operations of reading prompts: the encoder, and the keys and values that the decoder looks at."""
        tokens = self.rows * self.source
        layer = tokens * (4 * self._projection + self._feed_forward) + 4.0 * tokens * self.source * self.inner
        keys_values = tokens * 2 * self._projection
        return self.shape.num_encoder_layers * layer + self.shape.num_decoder_layers * keys_values

    @property
    def reading_work(self) -> int:
        """Bytes that reading holds at once, before there is anything that it returns."""
        bias = self.split(self.shape.num_heads) * self.source**2 * FLOAT32
        attention = 2 * (self.rows * bias + self._heads(self.source))
        return max(attention, self._hidden_units(self.source)) + 2 * self.stream(self.source) + bias

    @property
    def prompt_cache(self) -> int:
        """Bytes of the keys and values of the prompts in all layers."""
        return 2 * self.shape.num_decoder_layers * self._heads(self.source)

    def program_cache(self, samples: int) -> int:
        """Returns the bytes of the keys and values of so many programs a prompt in all layers."""
        return 2 * self.shape.num_decoder_layers * samples * self._heads(self.target)

    def step_flops(self, samples: int) -> float:
        """Returns the operations of one token of so many programs a prompt."""
        rows = self.rows * samples
        layer = 6 * self._projection + self._feed_forward + 4.0 * (self.target + self.source) * self.inner
        logits = 2.0 * self.shape.d_model * self.split(self.shape.vocab_size)
        return rows * (self.shape.num_decoder_layers * layer + logits)

    def step_bytes(self, samples: int) -> float:
        """Returns the bytes that are read and written for one token of so many programs a prompt.

        These are the decoder's matrices, the caches, and the logits, which are written, and read to draw.
        """
        matrices = self.shape.num_decoder_layers * (6 * self._projection + self._feed_forward) / 2
        table = self.shape.d_model * self.split(self.shape.vocab_size)
        caches = self.prompt_cache + self.program_cache(samples)
        return (matrices + table) * self.width + caches + self.logits_work(samples)

    def logits_work(self, samples: int) -> int:
        """Returns the bytes of logits and what is made of them to draw the next token."""
        return 5 * self.rows * samples * self.split(self.shape.vocab_size) * FLOAT32

    # A part of a layer.

    @property
    def _num_matrices(self) -> int:
        return 3 if self.shape.feed_forward == "gated-gelu" else 2

    @property
    def _projection(self) -> float:
        """Operations of a token's product with one of an attention's matrices."""
        return 2.0 * self.shape.d_model * self.inner

    @property
    def _feed_forward(self) -> float:
        """Operations of a token in the feed-forward."""
        return 2.0 * self._num_matrices * self.shape.d_model * self.split(self.shape.d_ff)

    def _heads(self, length: int) -> int:
        """Returns the bytes of queries, or of keys, or of values."""
        return self.rows * length * self.inner * self.width

    def _attention_weights(self, queries: int, keys: int) -> int:
        """Returns the bytes of an attention's weights: in float32, and as they are multiplied with values."""
        return self.rows * self.split(self.shape.num_heads) * queries * keys * (FLOAT32 + self.width)

    def _hidden_units(self, length: int) -> int:
        """Returns the bytes of the feed-forward's hidden units before and behind each activation."""
        number = 2 * (self._num_matrices - 1)
        return number * self.rows * length * self.split(self.shape.d_ff) * self.width

    def _sublayer(self, length: int) -> int:
        """Returns the bytes of a norm, and of the stream behind what reads it.

        A norm leaves what it reads and what that is divided to, both in float32, and what it gives.
        """
        return self.rows * length * self.shape.d_model * 2 * (FLOAT32 + self.width)
