import jax
import numpy as np
import pytest
from flax import nnx
from jax.sharding import AbstractMesh, PartitionSpec

from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.sharding import (
    AXES,
    batch_sharding,
    gathered,
    gathered_sharding,
    make_mesh,
    parameter_sharding,
    row_shares,
)
from codeit_jax.policy.t5 import T5


def specs(sizes, **changes):
    shape = {
        "vocab_size": 12,
        "d_model": 16,
        "d_kv": 8,
        "d_ff": 32,
        "num_encoder_layers": 1,
        "num_decoder_layers": 1,
        "num_heads": 2,
        "feed_forward": "gated-gelu",
        "tie_word_embeddings": False,
    }
    model = nnx.eval_shape(lambda: T5(T5Config(**(shape | changes)), rngs=nnx.Rngs(0)))
    shardings = parameter_sharding(nnx.state(model), AbstractMesh(sizes, AXES), T5.sharding_rules)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/value"): leaf.spec
        for path, leaf in jax.tree_util.tree_flatten_with_path(shardings)[0]
    }


def test_each_kind_of_parameter_is_split_as_the_table_says():
    widening, narrowing, whole = (
        PartitionSpec("fsdp", "tensor"),
        PartitionSpec("tensor", "fsdp"),
        PartitionSpec(),
    )
    feed_forward = {"gate/kernel": widening, "input/kernel": widening, "output/kernel": narrowing}
    attention = {f"{name}/kernel": widening for name in ("query", "key", "value")} | {
        "output/kernel": narrowing
    }
    expected = {"embedding": narrowing, "head/kernel": widening}
    for stack, sublayers in (
        ("encoder", {"attention": attention, "feed_forward": feed_forward}),
        ("decoder", {"attention": attention, "cross_attention": attention, "feed_forward": feed_forward}),
    ):
        expected |= {f"{stack}/relative_bias/embedding": whole, f"{stack}/norm/scale": whole}
        for name, parameters in sublayers.items():
            expected[f"{stack}/layers/0/{name}_norm/scale"] = whole
            expected |= {f"{stack}/layers/0/{name}/{leaf}": spec for leaf, spec in parameters.items()}
    assert specs((2, 2, 2)) == expected


def test_a_dimension_that_does_not_divide_stays_whole():
    found = specs((1, 2, 4), vocab_size=13, d_ff=18)
    assert found["embedding"] == PartitionSpec(None, "fsdp")
    assert found["head/kernel"] == PartitionSpec("fsdp", None)
    assert found["decoder/layers/0/feed_forward/output/kernel"] == PartitionSpec(None, "fsdp")
    assert found["decoder/layers/0/attention/query/kernel"] == PartitionSpec("fsdp", "tensor")


def test_parameters_are_gathered_over_fsdp_alone_to_be_used():
    mesh = AbstractMesh((2, 2, 2), AXES)
    stored = parameter_sharding({"embedding": np.zeros((4, 4)), "norm": np.zeros(4)}, mesh, T5.sharding_rules)
    assert stored["embedding"].spec == PartitionSpec("tensor", "fsdp")
    used = gathered_sharding(stored)
    assert used["embedding"].spec == PartitionSpec("tensor", None)
    assert used["norm"].spec == PartitionSpec()


def test_parameters_that_are_whole_are_gathered_as_they_are():
    arrays = {"embedding": np.zeros((4, 4), np.float32)}
    on_device = jax.device_put(arrays)
    assert gathered(on_device) is on_device
    mesh = make_mesh(1, 1, 1, devices=jax.devices()[:1])
    on_mesh = jax.device_put(arrays, parameter_sharding(arrays, mesh, T5.sharding_rules))
    np.testing.assert_array_equal(gathered(on_mesh)["embedding"], arrays["embedding"])


def test_rows_of_a_batch_go_over_data_and_fsdp():
    mesh = AbstractMesh((2, 3, 5), AXES)
    assert batch_sharding(mesh).spec == PartitionSpec(("data", "fsdp"))
    assert row_shares(mesh) == 6


def test_a_mesh_takes_the_devices_it_is_given():
    mesh = make_mesh(-1, 1, 1, devices=jax.devices()[:1])
    assert dict(mesh.shape) == {"data": 1, "fsdp": 1, "tensor": 1}
    assert all(kind == jax.sharding.AxisType.Auto for kind in mesh.axis_types)
    np.testing.assert_array_equal(mesh.devices, np.array(jax.devices()[:1]).reshape(1, 1, 1))


@pytest.mark.parametrize(
    ("data", "fsdp", "tensor"), [(2, 1, 1), (-1, 2, 1), (-1, 1, 3), (0, 1, 1), (1, 0, 1)]
)
def test_a_mesh_that_does_not_fit_names_its_axes(data, fsdp, tensor):
    with pytest.raises(ValueError, match=rf"data=.*fsdp={fsdp}, tensor={tensor}"):
        make_mesh(data, fsdp, tensor, devices=jax.devices()[:1])
