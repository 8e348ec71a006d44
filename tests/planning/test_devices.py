import pytest

from codeit_jax.errors import UserError
from codeit_jax.planning.devices import DEVICES, device_of_kind, parse_machine


@pytest.mark.parametrize(
    ("name", "device", "count"),
    [
        ("h100", "h100", 1),
        ("8xh100", "h100", 8),
        ("2xl4", "l4", 2),
        ("rtx4090", "rtx4090", 1),
        ("v4-8", "v4", 4),
        ("v5p-64", "v5p", 32),
        ("v5e-16", "v5e", 16),
        ("v5litepod-16", "v5e", 16),
        ("v6e-8", "v6e", 8),
    ],
)
def test_a_name_is_so_many_devices(name, device, count):
    machine = parse_machine(name)
    assert (machine.name, machine.device, machine.count) == (name, DEVICES[device], count)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "h300",
        "xh100",
        "0xh100",
        "-1xh100",
        "8x8xh100",
        "v4",
        "v4-0",
        "v5e-",
        "v9-8",
        "h100-8",
        "8xv4-8",
        "99999999xh100",
        "v5e-1\uff16",
    ],
)
def test_what_is_no_device_is_told_with_those_there_are(name):
    with pytest.raises(UserError, match=r"no such devices; there are v4-N, .* rtx4090 or Nx of one"):
        parse_machine(name)


def test_half_a_chip_is_no_device():
    with pytest.raises(UserError, match="the number counts cores, of which a chip has two"):
        parse_machine("v4-7")


def test_rates_are_of_products_without_sparsity():
    # Beside the data sheets, where these stand twice as high with sparsity.
    assert DEVICES["h100"].bfloat16 == 989e12
    assert DEVICES["h100"].float32 == DEVICES["h100"].bfloat16 / 2
    assert DEVICES["b200"].bfloat16 == 2250e12
    assert DEVICES["v5e"].float32 == DEVICES["v5e"].bfloat16 == 197e12


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("NVIDIA B200", "b200"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA A100-SXM4-40GB", "a100"),
        ("NVIDIA L4", "l4"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("TPU v4", "v4"),
        ("TPU v5 lite", "v5e"),
        ("TPU v5e", "v5e"),
        ("TPU v5p", "v5p"),
        ("TPU v5", "v5p"),
        ("TPU v6 lite", "v6e"),
        ("TPU v6e", "v6e"),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA H100 NVL", None),
        ("NVIDIA L40S", None),
        ("NVIDIA GB200", None),
        ("cpu", None),
    ],
)
def test_what_jax_calls_a_device_is_known(kind, name):
    assert device_of_kind(kind) == (None if name is None else DEVICES[name])
