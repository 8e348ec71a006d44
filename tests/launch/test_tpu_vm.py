"""`launch/tpu_vm.sh` with a gcloud that only writes down what it is asked, and what workers do of it."""

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "launch" / "tpu_vm.sh"
PAGE = ROOT / "docs" / "many_hosts.md"
TRAIN = ["--", "--config=configs/codeit.py:220m", "--workdir=gs://bucket/run"]
NEW = ["--name=codeit", "--accelerator=v4-8"]

# Each look at the request or at the run takes the next line of a file; the last stays.
GCLOUD = """#!/usr/bin/env bash
printf '%s\\0' "$@" $'\\1' >> "$FAKE/calls"
next() {
  head -n 1 "$FAKE/$1"
  [ "$(wc -l < "$FAKE/$1")" -le 1 ] || sed -i 1d "$FAKE/$1"
}
case "$* " in
  *"queued-resources list"*) next requests ;;
  *"tpu_worker.sh state"*) next runs ;;
  *"tpu_worker.sh install"*) exit "$(next installs)" ;;
esac
"""


def call(*arguments, path, **environment):
    environment = {"PATH": path, "HOME": "/home/you", **environment}
    return subprocess.run(
        ["bash", str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def bare(tmp_path):
    """A folder of programs without gcloud."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ("bash", "dirname", "cat", "env"):
        (folder / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    return str(folder)


@pytest.fixture
def cloud(tmp_path):
    """Calls the script in a cloud whose requests and runs are in states one after the other."""
    program = tmp_path / "bin" / "gcloud"
    program.parent.mkdir()
    program.write_text(GCLOUD)
    program.chmod(0o755)

    def called(command, *arguments, requests=("ACTIVE",), runs=("running",), installs=(0,)):
        for name, lines in (("requests", requests), ("runs", runs), ("installs", installs)):
            (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
        (tmp_path / "calls").write_text("")
        path = f"{program.parent}:/usr/bin:/bin"
        ended = call(command, "--seconds=0", *arguments, path=path, FAKE=str(tmp_path), HOME=str(tmp_path))
        return ended, [each.split("\0") for each in (tmp_path / "calls").read_text().split("\0\1\0")[:-1]]

    return called


def verbs(calls):
    """What is asked of gcloud, without looks."""
    found = []
    for _, _, group, verb, *rest in calls:
        remote = re.search(r"tpu_worker\.sh (\w+)", rest[-1])
        if verb != "list" and not (remote and remote[1] == "state"):
            found.append(remote[1] if remote else f"{group} {verb}")
    return found


BEGUN = ["queued-resources create", "tpu-vm scp", "install", "start"]
AGAIN = ["stop", "start"]
DELETED = ["queued-resources delete"]
ENDED = ["tpu-vm ssh", *DELETED]  # what the run wrote last is shown


def transcripts():
    """Every command in the page's blocks of a terminal, and what it prints there."""
    blocks = re.findall(
        r"^```console\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command = re.match(r"(?:.*\\\n)*.*\n", part)[0]
            if "tpu_vm.sh" in command:
                yield command, part.removeprefix(command)


@pytest.mark.parametrize(("command", "output"), [*transcripts()])
def test_the_page_shows_what_a_dry_run_prints(command, output, bare):
    assert "--dry_run" in command
    environment = {"PATH": bare, "HOME": "/home/you"}
    ended = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == output


def test_the_page_has_dry_runs():
    assert len([*transcripts()]) >= 3


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "a command is required; --help lists them"),
        (["fly"], "fly: there is no such command; --help lists them"),
        (["status"], "--name is required"),
        (["status", "--name="], "--name is required"),
        (["status", "--name=My TPU"], "--name=My TPU: must be small letters, digits and hyphens"),
        (["status", "--name=codeit", "--nope"], "--nope: there is no such flag; --help lists them"),
        (["status", "--name=codeit", "--seconds=soon"], "--seconds=soon: must be a whole number"),
        (["logs", "--name=codeit", "--worker=all"], "--worker=all: must be a number"),
        (["create", "--name=codeit"], "--accelerator is required, such as --accelerator=v5litepod-16"),
        (
            ["create", "--name=codeit", "--accelerator=v5e-16"],
            "--accelerator=v5e-16: gcloud calls it v5litepod-16",
        ),
        (
            ["create", "--name=codeit", "--accelerator=v9-8"],
            "--accelerator=v9-8: is not known here, and needs --runtime",
        ),
        (["run", "--name=codeit"], "-- --config=... is required, as launch/train.py has it"),
        (
            ["run", "--name=codeit", "--config=quickstart"],
            "--config=quickstart: flags of launch/train.py stand behind --",
        ),
        (
            ["run", "--name=codeit", "--", "--config=quickstart"],
            "-- --workdir=gs://BUCKET/FOLDER is required, as launch/train.py has it",
        ),
        (
            ["watch", *NEW, "--", "--config=quickstart", "--workdir=/tmp/run"],
            "--workdir=/tmp/run: must be gs://BUCKET/FOLDER, which outlives the TPU",
        ),
        (["status", "--name=codeit", *TRAIN], "status: takes no flags of launch/train.py"),
        (["status", "--name=codeit"], "gcloud is not installed; see https://cloud.google.com/sdk"),
    ],
)
def test_a_mistake_is_one_line(arguments, line, bare):
    ended = call(*arguments, path=bare)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"error: {line}\n")


def test_help_tells_of_every_command_and_flag(bare):
    shown = call("--help", path=bare)
    assert shown.returncode == 0
    source = SCRIPT.read_text()
    commands = re.search(r"^  (create \| .*)\) shift", source, re.MULTILINE)[1].split(" | ")
    flags = set(re.findall(r"(--[a-z_]+)=\*", source)) | {"--on_demand", "--keep", "--dry_run"}
    flags -= {"--config", "--workdir"}
    assert [name for name in [*commands, *flags] if f"\n  {name}" not in shown.stdout] == []


def test_a_place_that_is_given_goes_to_every_call(cloud):
    _, calls = cloud("resume", *NEW, "--zone=us-west4-a", "--project=mine", *TRAIN)
    assert verbs(calls) == [*DELETED, *BEGUN]
    assert all({"--zone=us-west4-a", "--project=mine"} <= {*each} for each in calls)
    _, calls = cloud("resume", *NEW, *TRAIN)
    assert not any("--zone" in word or "--project" in word for each in calls for word in each)


def test_a_spot_tpu_is_asked_for_unless_it_must_stay(cloud):
    _, (created, _) = cloud("create", *NEW)
    assert "--spot" in created
    assert "--runtime-version=tpu-ubuntu2204-base" in created
    _, (created, _) = cloud("create", *NEW, "--on_demand", "--service_account=me@mine", "--runtime=v2")
    assert "--spot" not in created
    assert {"--service-account=me@mine", "--runtime-version=v2"} <= {*created}


def test_a_tpu_is_waited_for(cloud):
    ended, calls = cloud("create", *NEW, requests=["WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"])
    assert ended.returncode == 0
    assert [verb for _, _, _, verb, *_ in calls] == ["create", "list", "list", "list"]
    ended, _ = cloud("create", *NEW, requests=["WAITING_FOR_RESOURCES", "FAILED"])
    assert ended.returncode == 1
    assert "the request for codeit is FAILED" in ended.stderr


def test_arguments_reach_the_program_as_they_are(cloud):
    odd = [
        '--config.data.search_tasks=it\'s a "folder"',
        "--config.policy.weights=$HOME/`x`;*\\",
        "two\nlines",
        "",
    ]
    _, (started,) = cloud("run", "--name=codeit", *TRAIN, *odd)
    remote = started[-1].removeprefix("--command=")
    shown = subprocess.run(
        ["bash", "-c", f"codeit/launch/tpu_worker.sh() {{ printf '%s\\0' \"$@\"; }}\n{remote}"],
        capture_output=True,
        text=True,
        check=True,
    )
    train = ["venv/bin/python", "launch/train.py", "--distributed", *TRAIN[1:]]
    assert shown.stdout.split("\0")[1:-1] == [*train, *odd]


def test_a_dry_run_can_be_given_to_a_shell(tmp_path, bare):
    odd = '--config.data.search_tasks=it\'s a "folder" of $HOME'
    shown = call("run", "--name=codeit", "--dry_run", *TRAIN, odd, path=bare)
    script = f"gcloud() {{ printf '%s\\0' \"$@\"; }}\n{shown.stdout}"
    words = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split(
        "\0"
    )
    remote = next(word for word in words if word.startswith("--command=")).removeprefix("--command=")
    assert shlex.split(remote)[-1] == odd


def test_watching_begins_a_run_and_ends_with_it(cloud):
    ended, calls = cloud("watch", *NEW, *TRAIN, requests=["", "ACTIVE"], runs=["running", "running", "0"])
    assert ended.returncode == 0
    assert verbs(calls) == [*BEGUN, *ENDED]


def test_watching_goes_on_after_a_preemption(cloud):
    requests = ["", "ACTIVE", "ACTIVE", "SUSPENDING", "SUSPENDED", "ACTIVE"]
    ended, calls = cloud("watch", *NEW, *TRAIN, requests=requests, runs=["running", "0"])
    assert ended.returncode == 0
    assert verbs(calls) == [*BEGUN, *DELETED, *BEGUN, *ENDED]
    starts = [each[-1] for each in calls if "start" in each[-1]]
    assert starts[0] == starts[1]


def test_watching_takes_up_a_tpu_that_is_there(cloud):
    ended, calls = cloud("watch", *NEW, *TRAIN, runs=["not set up", "idle", "0"])
    assert (ended.returncode, verbs(calls)) == (0, [*BEGUN[1:], *AGAIN, *ENDED])
    ended, calls = cloud("watch", *NEW, "--keep", *TRAIN, runs=["running", "0"])
    assert (ended.returncode, verbs(calls)) == (0, ENDED[:1])


def test_watching_ends_where_going_on_is_of_no_use(cloud):
    ended, calls = cloud("watch", *NEW, *TRAIN, runs=["2"])
    assert (ended.returncode, verbs(calls)) == (2, ENDED)
    ended, calls = cloud("watch", *NEW, *TRAIN, runs=["1"])
    assert (ended.returncode, verbs(calls)) == (1, [*AGAIN * 5, *ENDED])
    ended, calls = cloud("watch", *NEW, *TRAIN, requests=["FAILED"])
    tried = [*DELETED, *BEGUN[:1]]
    assert (ended.returncode, verbs(calls)) == (1, [*tried * 6, *ENDED])
    ended, calls = cloud("watch", *NEW, *TRAIN, runs=["not set up"], installs=[1])
    assert (ended.returncode, verbs(calls)) == (1, [*["tpu-vm scp", "install"] * 6, *ENDED])


def worker(folder, *arguments):
    command = ["bash", str(folder / "launch" / "tpu_worker.sh"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path):
    """A folder as it is on a worker."""
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch" / "tpu_worker.sh").write_text((ROOT / "launch" / "tpu_worker.sh").read_text())
    return tmp_path


def waited_for(condition):
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("arguments", [(), ("fly",), ("ls", "-l")])
def test_a_worker_says_what_it_can_be_asked_for(checkout, arguments):
    ended = worker(checkout, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: usage: launch/tpu_worker.sh install | ")


def test_a_worker_runs_a_command_apart_and_tells_how_it_ended(checkout):
    assert worker(checkout, "state").stdout == "idle\n"
    started = worker(checkout, "start", "bash", "-c", 'echo "$1"; exit 7', "bash", "two words")
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")
    assert waited_for(lambda: worker(checkout, "state").stdout == "7\n")
    assert (checkout / "run.log").read_text() == "two words\n"


def test_a_worker_stops_a_command_with_sigterm_and_can_start_it_again(checkout):
    script = "trap 'echo saved; exit 143' TERM; echo begun; while :; do sleep 0.02; done"
    worker(checkout, "start", "bash", "-c", script)
    log = checkout / "run.log"
    assert waited_for(lambda: log.exists() and "begun" in log.read_text())
    assert worker(checkout, "state").stdout == "running\n"
    again = worker(checkout, "start", "true")
    assert (again.returncode, again.stderr) == (1, "error: it is running already\n")
    assert worker(checkout, "stop").returncode == 0
    assert worker(checkout, "state").stdout == "143\n"
    assert log.read_text().endswith("saved\n")
    assert worker(checkout, "start", "true").returncode == 0
    assert waited_for(lambda: worker(checkout, "state").stdout == "0\n")


def test_a_worker_ends_a_command_that_does_not_listen(checkout):
    worker(checkout, "start", "bash", "-c", "trap '' TERM; echo begun; while :; do sleep 0.02; done")
    log = checkout / "run.log"
    assert waited_for(lambda: log.exists() and "begun" in log.read_text())
    assert worker(checkout, "stop", "0").returncode == 0
    assert worker(checkout, "state").stdout == "137\n"
    assert worker(checkout, "stop").returncode == 0


def test_a_worker_that_was_switched_off_is_idle(checkout):
    worker(checkout, "start", "sleep", "60")
    pid = checkout / "run.pid"
    assert waited_for(lambda: pid.exists() and pid.read_text().strip())
    number = int(pid.read_text())
    # The command's keeper first, or it would write an exit code.
    keeper = int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(keeper, signal.SIGKILL)
    os.kill(number, signal.SIGKILL)
    assert waited_for(lambda: worker(checkout, "state").stdout == "idle\n")
