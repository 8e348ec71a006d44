import numpy as np

from codeit_jax.replay.columns import Column


def test_a_column_grows_and_keeps_its_type():
    column = Column(np.int32)
    assert column.values.tolist() == []
    expected = []
    for size in (0, 1, 255, 1, 3000, 7):
        more = np.arange(size) + len(expected)
        column.extend(more)
        expected += more.tolist()
        assert column.values.tolist() == expected
        assert len(column) == len(expected)
    assert column.values.dtype == np.int32
    assert 4 * len(expected) <= column.nbytes <= 5 * len(expected)
    column.values[3] = -1
    assert column.values[:5].tolist() == [0, 1, 2, -1, 4]
