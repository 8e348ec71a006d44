import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from codeit_jax.policy import drawing
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.sampling import Sampler, Shape, default_shapes, sample
from codeit_jax.policy.t5 import T5

CONFIG = T5Config(
    vocab_size=11,
    d_model=32,
    d_kv=8,
    d_ff=48,
    num_encoder_layers=1,
    num_decoder_layers=1,
    num_heads=2,
    tie_word_embeddings=False,
)
EOS = 1
LENGTH = 12

draw = jax.jit(drawing.draw)


@jax.jit
def logits_of(model, prompt_ids, decoder_ids, prompt_mask):
    return model(prompt_ids, decoder_ids, prompt_mask=prompt_mask)


@pytest.fixture(scope="module")
def policy():
    """Random weights, somewhat enlarged: distributions are peaked and differ from prompt to prompt."""
    graphdef, params = nnx.split(T5(CONFIG, rngs=nnx.Rngs(3)))
    return graphdef, jax.tree.map(lambda leaf: 1.2 * leaf, params)


@pytest.fixture(scope="module")
def tasks():
    generator = np.random.default_rng(0)
    prompt_mask = np.arange(9) < np.array([[9], [4], [7], [5]])
    prompt_ids = np.where(prompt_mask, generator.integers(2, CONFIG.vocab_size, (4, 9)), 0)
    return prompt_ids, prompt_mask, jax.random.split(jax.random.key(0), 4)


def samples_of(policy, tasks, *, num_samples=5, max_length=LENGTH, temperature=0.95):
    return sample(
        *policy, *tasks, num_samples=num_samples, max_length=max_length, temperature=temperature, eos_id=EOS
    )


def uncached_logits(policy, prompt_ids, prompt_mask, programs):
    """Logits of every token of programs `[tasks, samples, length]`, by the pass that learning uses."""
    count, number, length = programs.shape
    decoder_ids = np.pad(programs[..., :-1], ((0, 0), (0, 0), (1, 0))).reshape(count * number, length)
    prompts = prompt_ids.repeat(number, axis=0), decoder_ids, prompt_mask.repeat(number, axis=0)
    logits = logits_of(nnx.merge(*policy), *prompts)
    return np.asarray(logits).reshape(count, number, length, -1)


def test_draw_inverts_the_cumulative_distribution():
    probabilities = np.array([0.5, 0.0, 0.25, 0.25])
    uniforms = jnp.array([0.0, 0.4999, 0.5001, 0.7499, 0.7501, 0.9999])
    with np.errstate(divide="ignore"):
        logits = jnp.tile(jnp.log(jnp.asarray(probabilities)), (len(uniforms), 1))
    tokens, log_probabilities = draw(logits, uniforms, jnp.float32(1))
    assert tokens.tolist() == [0, 0, 2, 2, 3, 3]
    assert tokens.dtype == jnp.int32
    np.testing.assert_allclose(log_probabilities, np.log(probabilities[tokens]), atol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("vocabulary", [20, 64, 150])
def test_draw_gives_every_token_its_share_of_the_uniforms(vocabulary, temperature):
    number = 20_000
    logits = 2 * np.random.default_rng(0).standard_normal(vocabulary).astype(np.float32)
    uniforms = (jnp.arange(number) + 0.5) / number
    tokens, log_probabilities = draw(jnp.tile(logits, (number, 1)), uniforms, jnp.float32(temperature))
    expected = np.asarray(jax.nn.softmax(logits / temperature))
    counts = np.bincount(tokens, minlength=vocabulary)
    # An interval of width w holds w * number points of the grid, give or take one; half a point for rounding.
    assert np.abs(counts - expected * number).max() < 1.5
    np.testing.assert_allclose(log_probabilities, np.log(expected[tokens]), atol=1e-5)


def test_a_token_of_zero_probability_is_never_drawn():
    vocabulary, number = 200, 20_000
    generator = np.random.default_rng(0)
    logits = generator.standard_normal((number, vocabulary)).astype(np.float32)
    legal = generator.random((number, vocabulary)) < 0.05
    legal[np.arange(number), generator.integers(0, vocabulary, number)] = True
    uniforms = generator.random(number).astype(np.float32)
    largest = np.nextafter(np.float32(1), np.float32(0))
    uniforms[:2000], uniforms[-2000:] = 0, largest
    masked = np.where(legal, logits, -np.inf)
    tokens, log_probabilities = draw(jnp.asarray(masked), jnp.asarray(uniforms), jnp.float32(0.95))
    assert legal[np.arange(number), tokens].all()
    assert np.isfinite(log_probabilities).all()


def test_the_edge_of_the_distribution_is_its_last_possible_token():
    # A uniform of 1 stands for a product with the total that was rounded up to the total.
    logits = jnp.full((1, 130), -jnp.inf).at[0, jnp.array([3, 70])].set(0.0)
    tokens, _ = draw(logits, jnp.ones(1), jnp.float32(1))
    assert tokens.tolist() == [70]


def test_draw_at_temperature_zero_takes_the_first_of_the_most_likely():
    logits = jnp.array([[0.0, 3.0, 1.0, 3.0], [2.0, -1.0, 1.0, 0.0]])
    tokens, log_probabilities = draw(logits, jnp.array([0.9, 0.9]), jnp.float32(0))
    assert tokens.tolist() == [1, 0]
    assert log_probabilities.tolist() == [0, 0]


def test_greedy_sampling_is_argmax_step_by_step(policy, tasks):
    greedy = samples_of(policy, tasks, temperature=0)
    prompt_ids, prompt_mask, _ = tasks
    programs = np.zeros((4, 1, LENGTH), np.int32)
    ended = np.zeros((4, 1), bool)
    for position in range(LENGTH):
        best = uncached_logits(policy, prompt_ids, prompt_mask, programs)[:, :, position].argmax(axis=-1)
        programs[:, :, position] = np.where(ended, 0, best)
        ended |= best == EOS
    assert len(np.unique(programs)) > 2
    np.testing.assert_array_equal(greedy.tokens, programs.repeat(5, axis=1))
    np.testing.assert_array_equal(greedy.log_probabilities, 0)


def test_programs_end_with_eos_and_are_padded(policy, tasks):
    drawn = samples_of(policy, tasks)
    tokens, lengths = np.asarray(drawn.tokens), np.asarray(drawn.lengths)
    ended = (tokens == EOS).any(axis=-1)
    assert 0 < ended.mean() < 1
    np.testing.assert_array_equal(lengths, np.where(ended, (tokens == EOS).argmax(axis=-1) + 1, LENGTH))
    assert (tokens[np.arange(LENGTH) >= lengths[..., None]] == 0).all()
    assert drawn.tokens.dtype == drawn.lengths.dtype == np.int32
    assert drawn.log_probabilities.dtype == np.float32


@pytest.mark.parametrize("temperature", [0.7, 1.5])
def test_log_probabilities_are_those_of_uncached_logits(policy, tasks, temperature):
    drawn = samples_of(policy, tasks, temperature=temperature)
    tokens = np.asarray(drawn.tokens)
    logits = uncached_logits(policy, tasks[0], tasks[1], tokens) / temperature
    of_tokens = np.take_along_axis(np.asarray(jax.nn.log_softmax(logits)), tokens[..., None], axis=-1)[..., 0]
    written = np.arange(LENGTH) < np.asarray(drawn.lengths)[..., None]
    expected = np.where(written, of_tokens, 0).sum(axis=-1)
    np.testing.assert_allclose(drawn.log_probabilities, expected, atol=1e-4, rtol=0)


def test_sampled_programs_have_the_frequencies_of_the_policy(policy, tasks):
    one = tuple(array[:1] for array in tasks)
    number = 4000
    drawn = samples_of(policy, one, num_samples=number, max_length=1, temperature=1.0)
    empty = np.zeros((1, 1, 1), np.int32)
    expected = np.asarray(jax.nn.softmax(uncached_logits(policy, one[0], one[1], empty)[0, 0, 0]))
    observed = np.bincount(np.asarray(drawn.tokens).ravel(), minlength=CONFIG.vocab_size) / number
    assert np.all(np.abs(observed - expected) < 5 * np.sqrt(expected * (1 - expected) / number) + 5 / number)


def test_a_tasks_programs_do_not_depend_on_the_batch(policy, tasks):
    together = samples_of(policy, tasks)
    assert len({program.tobytes() for program in np.asarray(together.tokens).reshape(-1, LENGTH)}) > 15
    for task in range(4):
        alone = samples_of(policy, tuple(array[task : task + 1] for array in tasks))
        np.testing.assert_array_equal(alone.tokens[0], together.tokens[task])
        np.testing.assert_allclose(alone.log_probabilities[0], together.log_probabilities[task], atol=1e-5)
    reversed_tasks = samples_of(policy, tuple(array[::-1] for array in tasks))
    np.testing.assert_array_equal(reversed_tasks.tokens[::-1], together.tokens)


def test_fewer_and_shorter_programs_are_the_beginnings_of_more_and_longer(policy, tasks):
    less, more = samples_of(policy, tasks, num_samples=3, max_length=6), samples_of(policy, tasks)
    np.testing.assert_array_equal(less.tokens, more.tokens[:, :3, :6])


def test_another_key_draws_other_programs(policy, tasks):
    prompt_ids, prompt_mask, keys = tasks
    other = samples_of(policy, (prompt_ids, prompt_mask, keys[::-1]))
    assert not np.array_equal(other.tokens, samples_of(policy, tasks).tokens)


def test_decoding_stops_once_all_programs_have_ended(policy, tasks, monkeypatch):
    steps = []
    decode_step = T5.decode_step

    def counted(model, tokens, cache, context, position):
        jax.debug.callback(lambda at: steps.append(int(at)), position)
        logits, cache = decode_step(model, tokens, cache, context, position)
        return logits.at[..., EOS].set(jnp.where(position == 3, jnp.inf, -jnp.inf)), cache

    monkeypatch.setattr(T5, "decode_step", counted)
    # A shape no other test compiles, so that the counted step is the one traced.
    drawn = samples_of(policy, tasks, num_samples=2, max_length=17, temperature=0)
    jax.effects_barrier()
    assert sorted(steps) == [0, 1, 2, 3]
    assert np.asarray(drawn.lengths).tolist() == [[4, 4]] * 4
    assert (np.asarray(drawn.tokens)[..., 3] == EOS).all()


def test_a_task_without_a_prompt_gets_empty_programs_and_holds_nobody_up(policy, tasks):
    prompt_ids, prompt_mask, keys = tasks
    filled = prompt_mask.copy()
    filled[2] = False
    drawn, whole = samples_of(policy, (prompt_ids, filled, keys)), samples_of(policy, tasks)
    assert not np.asarray(drawn.tokens[2]).any()
    assert drawn.lengths[2].tolist() == [0] * 5
    assert drawn.log_probabilities[2].tolist() == [0] * 5
    for task in (0, 1, 3):
        np.testing.assert_array_equal(drawn.tokens[task], whole.tokens[task])


def sampler_of(policy, **changes):
    settings = {"num_samples": 5, "max_length": LENGTH, "temperature": 0.95, "eos_id": EOS}
    return Sampler(policy[0], **(settings | changes))


@pytest.mark.parametrize(
    "shapes",
    [
        [Shape(5, LENGTH)],
        [Shape(5, LENGTH), Shape(1, LENGTH)],
        [Shape(5, 1), Shape(5, 7), Shape(5, LENGTH), Shape(3, 5), Shape(2, LENGTH)],
    ],
)
def test_the_shapes_do_not_matter(policy, tasks, shapes):
    expected = samples_of(policy, tasks)
    drawn = dict(sampler_of(policy, shapes=shapes).sample(policy[1], *tasks))
    assert sorted(drawn) == [0, 1, 2, 3]
    for task, samples in drawn.items():
        np.testing.assert_array_equal(samples.tokens, expected.tokens[task])
        np.testing.assert_array_equal(samples.lengths, expected.lengths[task])
        np.testing.assert_allclose(samples.log_probabilities, expected.log_probabilities[task], atol=1e-5)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class EndsAt:
    """A constraint under which programs end at given positions, int32 `[tasks, samples]`."""

    ends: jax.Array
    token_ids: None = None

    def start(self, rows):
        assert rows == self.ends.shape
        return self.ends

    def restrict(self, logits, state, num_left):
        is_end = (jnp.arange(logits.shape[-1]) == EOS) == (LENGTH - num_left == state)[..., None]
        return jnp.where(is_end, logits, -jnp.inf)

    def advance(self, state, columns):
        return state


def test_rows_of_programs_that_have_ended_are_retired(policy, tasks, monkeypatch):
    steps = []
    decode_step = T5.decode_step

    def counted(model, tokens, cache, context, position):
        shape = Shape(tokens.shape[1], cache[0].keys.shape[2])
        jax.debug.callback(lambda at: steps.append((int(at), shape)), position)
        return decode_step(model, tokens, cache, context, position)

    monkeypatch.setattr(T5, "decode_step", counted)
    ends = np.array([[4, 1, 9, 2], [3, 3, 3, 3], [0, 8, 1, 0], [20, 2, 4, 1]], np.int32)
    shapes = [Shape(4, 3), Shape(4, LENGTH), Shape(1, LENGTH)]
    sampler = sampler_of(policy, num_samples=4, constraint=EndsAt(ends), shapes=shapes)
    drawn = list(sampler.sample(policy[1], *tasks))
    jax.effects_barrier()
    # The short cache is full after 3 tokens; after 5 no task has more than one unfinished program.
    wide, narrow = [(at, Shape(4, 3)) for at in range(3)], [(at, Shape(1, LENGTH)) for at in range(5, LENGTH)]
    assert sorted(steps, key=lambda step: step[0]) == [
        *wide,
        *((at, Shape(4, LENGTH)) for at in (3, 4)),
        *narrow,
    ]
    assert [task for task, _ in drawn] == [1, 0, 2, 3]  # as they are seen to have ended
    for task, samples in drawn:
        np.testing.assert_array_equal(samples.lengths, np.minimum(ends[task] + 1, LENGTH))


def test_rows_may_move_to_a_shorter_cache(policy, tasks):
    ends = EndsAt(np.tile(np.array([0, 9, 2, 20], np.int32), (4, 1)))
    drawn, expected = (
        dict(sampler_of(policy, num_samples=4, constraint=ends, shapes=shapes).sample(policy[1], *tasks))
        for shapes in ([Shape(4, LENGTH), Shape(3, 5), Shape(3, LENGTH)], [Shape(4, LENGTH)])
    )
    for task, samples in drawn.items():
        assert samples.lengths.tolist() == [1, 10, 3, LENGTH]
        np.testing.assert_array_equal(samples.tokens, expected[task].tokens)


def test_default_shapes():
    assert default_shapes(24, 512) == (Shape(24, 128), Shape(24, 512), Shape(6, 512))
    assert default_shapes(1, 2) == (Shape(1, 1), Shape(1, 2))
    assert default_shapes(1, 1) == (Shape(1, 1),)


@pytest.mark.parametrize("shapes", [[], [Shape(5, 3)], [Shape(5, LENGTH), Shape(6, LENGTH)]])
def test_shapes_that_do_not_serve_are_refused(policy, shapes):
    with pytest.raises(
        ValueError, match=r"shapes must be parts of Shape\(samples=5, length=12\) and hold it"
    ):
        sampler_of(policy, shapes=shapes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "num_samples must be at least 1, not 0"),
        ({"max_length": 0}, "max_length must be at least 1, not 0"),
        ({"temperature": -1.0}, "temperature must be 0 or a positive number, not -1.0"),
        ({"temperature": float("nan")}, "temperature must be"),
    ],
)
def test_a_number_out_of_range_is_named(policy, tasks, arguments, message):
    with pytest.raises(ValueError, match=message):
        samples_of(policy, tasks, **arguments)


def test_one_key_a_task_is_needed(policy, tasks):
    prompt_ids, prompt_mask, keys = tasks
    with pytest.raises(ValueError, match="keys must be 4 random keys"):
        samples_of(policy, (prompt_ids, prompt_mask, keys[:3]))


SHARDED_PROGRAM = """
import jax, numpy as np
from flax import nnx
from codeit_jax.policy import sampling
from codeit_jax.policy.constraints import Unconstrained
from codeit_jax.policy.sharding import batch_sharding, gathered, make_mesh, parameter_sharding, row_shares
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.sampling import Sampler, Shape
from codeit_jax.policy.t5 import T5

shape = T5Config(
    vocab_size=12, d_model=32, d_kv=16, d_ff=64, num_encoder_layers=1, num_decoder_layers=2, num_heads=2
)
graphdef, params = nnx.split(T5(shape, rngs=nnx.Rngs(0)))
rng = np.random.default_rng(0)
mask = np.arange(9) < rng.integers(1, 10, (8, 1))
ids = np.where(mask, rng.integers(2, 12, (8, 9)), 0)
keys = jax.random.split(jax.random.key(0), 8)
sampler = Sampler(graphdef, num_samples=8, max_length=16, temperature=0.95, eos_id=1)
expected = dict(sampler.sample(params, ids, mask, keys))
lengths = np.stack([drawn.lengths for drawn in expected.values()])
assert np.unique(lengths).size > 8  # some are retired, some go on to the end
for sizes in ((8, 1, 1), (2, 4, 1), (2, 2, 2)):
    mesh = make_mesh(*sizes)
    there = jax.device_put(params, parameter_sharding(params, mesh, T5.sharding_rules))
    inputs = [jax.device_put(array, batch_sharding(mesh)) for array in (ids, mask, keys)]
    whole = gathered(there)
    if sizes[1] == 1:
        assert whole is there
    else:
        assert not any("fsdp" in leaf.sharding.spec for leaf in jax.tree.leaves(whole))
    jax.tree.map(np.testing.assert_array_equal, whole, there)
    prompt, state = sampling._prefill(graphdef, whole, *inputs, Unconstrained(), Shape(8, 16))
    state = sampling._decode(
        *(graphdef, whole, prompt, inputs[1], state),
        constraint=Unconstrained(), temperature=1.0, num_narrower=0, length=16, max_length=16, eos_id=1,
    )
    for leaf in jax.tree.leaves((prompt, state.written)):
        part = leaf.sharding.shard_shape(leaf.shape)
        assert part[:2] == (len(leaf) // row_shares(mesh), 2 // sizes[2]), part
    drawn = dict(sampler.sample(whole, *inputs))
    assert sorted(drawn) == list(range(8))
    for task, samples in drawn.items():
        np.testing.assert_array_equal(samples.tokens, expected[task].tokens)
        np.testing.assert_allclose(
            samples.log_probabilities, expected[task].log_probabilities, rtol=0, atol=1e-5
        )
"""


def test_the_mesh_does_not_matter():
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    subprocess.run([sys.executable, "-c", SHARDED_PROGRAM], env=environment, check=True, timeout=300)
