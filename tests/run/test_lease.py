"""A lease of a bucket's folder: one holder, who may die, or find himself replaced."""

import functools
import json
import threading
import time

import pytest

from codeit_jax.run import claim
from codeit_jax.run.claim import ClaimError, Hold
from codeit_jax.run.files import user_path, write_text
from codeit_jax.run.lease import Lease, LeaseError

FOLDER = "gs://bucket/run"
SHORT = 0.4


def left_behind(storage):
    """A lease that nobody renews."""
    holder = {"host": "elsewhere", "process": 7, "owner": "0"}
    return storage.put("bucket", "run/lease.json", json.dumps(holder).encode())


def test_a_folder_is_held_until_it_is_released(storage):
    with Hold(FOLDER):
        assert json.loads(storage.buckets["bucket"]["run/lease.json"].content)["process"] > 0
    assert not storage.buckets["bucket"]
    with Hold(FOLDER):
        pass


def test_a_second_process_is_told_who_holds_it(storage, monkeypatch, capsys):
    monkeypatch.setattr(claim, "Lease", functools.partial(Lease, seconds=SHORT))
    with Hold(FOLDER), pytest.raises(ClaimError, match=r"^another process is working in it: process \d+ on "):
        Hold(FOLDER)
    assert capsys.readouterr().err.startswith(f"{FOLDER} may be in use by process ")


def test_other_folders_are_free(storage):
    with Hold(FOLDER), Hold(FOLDER + "/within"), Hold("gs://bucket/run2"):
        pass


def test_what_a_dead_process_left_is_taken_over(storage, capsys):
    left_behind(storage)
    Lease(FOLDER, SHORT).release()
    assert not storage.buckets["bucket"]
    assert capsys.readouterr().err == (
        f"{FOLDER} may be in use by process 7 on elsewhere: waiting up to 0 s to see\n"
    )


def test_what_is_no_lease_is_taken_over(storage):
    storage.put("bucket", "run/lease.json", b"[")
    Lease(FOLDER, SHORT).release()
    assert not storage.buckets["bucket"]


def test_of_two_that_wait_for_a_dead_one_one_gets_it(storage):
    left_behind(storage)
    held, refused = [], []

    def start():
        try:
            held.append(Lease(FOLDER, SHORT))
        except LeaseError as error:
            refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(held), len(refused)) == (1, 1)
    held[0].release()


def test_it_is_renewed(storage):
    held = Lease(FOLDER, SHORT)
    first = storage.buckets["bucket"]["run/lease.json"].generation
    deadline = time.monotonic() + 30
    while storage.buckets["bucket"]["run/lease.json"].generation == first:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    held.release()


def test_who_was_replaced_writes_no_more(storage):
    held = Lease(FOLDER, 1000)
    path = user_path(FOLDER + "/solutions.json")
    write_text(path, "mine")
    theirs = left_behind(storage)
    held._renewed -= 1000  # as after a suspension
    with pytest.raises(LeaseError, match="another process has taken it over"):
        write_text(path, "mine again")
    with pytest.raises(LeaseError, match="another process has taken it over"):
        write_text(path, "mine again")
    assert storage.buckets["bucket"]["run/solutions.json"].content == b"mine"
    held.release()
    assert storage.buckets["bucket"]["run/lease.json"] == theirs


def test_who_was_suspended_and_not_replaced_goes_on(storage):
    held = Lease(FOLDER, 1000)
    held._renewed -= 1000
    write_text(user_path(FOLDER + "/solutions.json"), "mine")
    assert storage.buckets["bucket"]["run/solutions.json"].content == b"mine"
    held.release()


def test_an_answer_that_got_lost_is_no_loss(storage):
    held = Lease(FOLDER, 1000)
    stored = storage.buckets["bucket"]["run/lease.json"]
    storage.put("bucket", "run/lease.json", stored.content)  # by a write of whose success it was not told
    held._renewed -= 1000
    held.confirm()
    held.release()
    assert not storage.buckets["bucket"]


def test_a_bucket_that_cannot_be_asked_is_no_loss_either(storage):
    held = Lease(FOLDER, 1000)
    held._renewed -= 1000
    storage.refuse = lambda method, name: 403
    with pytest.raises(OSError, match="403"):
        held.confirm()
    storage.refuse = lambda method, name: 0
    held.confirm()
    held.release()


def test_an_object_is_written_and_removed_on_a_condition(storage):
    from codeit_jax.run.bucket import BucketObject  # which not every machine has the libraries for

    thing = BucketObject("gs://bucket/a/thing", 10)
    assert thing.read() is None
    first = thing.write(b"1", 0)
    assert first
    assert thing.write(b"2", 0) is None
    assert thing.read() == (first, b"1")
    second = thing.write(b"2", first)
    assert second
    thing.remove(first)
    assert thing.read() == (second, b"2")
    thing.remove(second)
    assert thing.read() is None
    assert thing.write(b"3", second) is None
