#!/usr/bin/env bash
# What launch/tpu_vm.sh has a worker of a TPU do, in the folder into which it has copied the checkout.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The image's own Python is older than what JAX needs.
install() {
  python3 -m pip install --user --quiet uv
  python3 -m uv venv --quiet --allow-existing --python 3.12 venv
  python3 -m uv pip install --quiet --python venv/bin/python --editable '.[tpu,gcs]'
}

# Prints running, idle for one that has not begun or was cut short, or the exit code of one that has ended.
state() {
  if [[ -e run.code ]]; then
    cat run.code
  elif [[ -e run.pid ]] && kill -0 "$(< run.pid)" 2> /dev/null; then
    echo running
  else
    echo idle
  fi
}

# Starts a command that goes on when the connection over which it was started ends.
start() {
  if [[ $(state) == running ]]; then
    echo "error: it is running already" >&2
    exit 1
  fi
  rm -f run.code run.pid
  setsid --fork "$BASH" "${BASH_SOURCE[0]}" keep "$@" < /dev/null > run.log 2>&1
}

# Runs a command, and leaves its number and its exit code where `state` and `stop` look.
keep() {
  "$@" &
  echo $! > run.pid
  local code=0
  wait $! || code=$?
  echo "$code" > run.code
}

# Ends a command, which has some seconds to save what it has come to, and returns when it has ended.
stop() {
  local seconds=${1:-60}
  [[ $(state) == running ]] || return 0
  kill -TERM "$(< run.pid)"
  while [[ $(state) == running ]]; do
    ((seconds-- > 0)) || kill -KILL "$(< run.pid)" || true
    sleep 1
  done
}

log() {
  tail -n 100 -F run.log
}

if [[ ! ${1:-} =~ ^(install|state|start|keep|stop|log)$ ]]; then
  echo "error: usage: launch/tpu_worker.sh install | state | start COMMAND | stop [SECONDS] | log" >&2
  exit 2
fi
"$@"
