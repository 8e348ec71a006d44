"""What tests of buckets share."""

import pytest

from .fake_bucket import FakeStorage


@pytest.fixture
def storage(monkeypatch):
    """A bucket called `bucket`, to which this process's `gs://` paths lead."""
    pytest.importorskip("gcsfs", reason="takes pip install -e '.[gcs]'")
    with FakeStorage("bucket") as storage:
        for name, value in storage.environment().items():
            monkeypatch.setenv(name, value)
        yield storage
