#!/usr/bin/env bash
# Runs CodeIt on a Cloud TPU of one or many hosts; docs/many_hosts.md tells of it at length.
set -euo pipefail

usage() {
  cat << 'END'
Runs CodeIt on a Cloud TPU of one or many hosts.

launch/tpu_vm.sh COMMAND --name=NAME [FLAGS] [-- FLAGS OF launch/train.py]

commands:
  create   asks for the TPU, and waits until it is there
  setup    copies this checkout to every worker, and installs it there
  run      starts the run on every worker; it goes on when the connection ends
  logs     shows what a worker writes, until Ctrl-C
  status   tells of the TPU, and of the run on every worker
  stop     ends the run with SIGTERM, and waits until it has saved
  resume   after a preemption: deletes what is left, then create, setup and run
  watch    creates, sets up and runs, and resumes until the run has ended
  delete   deletes the TPU and the request for it

flags:
  --name=NAME          of the TPU and of the request for it
  --accelerator=TYPE   create, resume, watch: such as v5litepod-16, v4-8, v5p-64
  --zone=ZONE          by default that of gcloud's configuration
  --project=PROJECT    by default that of gcloud's configuration
  --runtime=VERSION    of the TPU's software; by default the one for the type
  --service_account=S  whose rights the workers have; by default the project's
  --on_demand          not a spot TPU, which costs less and may be taken away
  --worker=N           logs: the worker; by default 0
  --seconds=N          from one look at a TPU that is waited for to the next; 30
  --keep               watch: the TPU is not deleted when the run has ended
  --dry_run            prints the commands, and does nothing
END
}

fail() {
  echo "error: $*" >&2
  exit 2
}

note() {
  if [[ -n $dry_run ]]; then echo "# $*"; else echo "tpu_vm: $*" >&2; fi
}

# Prints words as a shell reads them again.
quoted() {
  local word words=()
  for word in "$@"; do
    if [[ ! $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]]; then
      [[ $word =~ ^(--[a-z-]+=)?(.*)$ ]]
      word="${BASH_REMATCH[1]}'${BASH_REMATCH[2]//\'/\'\\\'\'}'"
    fi
    words+=("$word")
  done
  echo "${words[*]}"
}

do_it() {
  if [[ -n $dry_run ]]; then quoted "$@"; else "$@"; fi
}

# Calls gcloud: a group and its command, a name, and flags.
tpu() {
  do_it gcloud compute tpus "$1" "$2" ${place[@]+"${place[@]}"} "${@:3}"
}

on_workers() {
  tpu tpu-vm ssh "$name" --worker="$1" --command="$2"
}

# Prints the state of the request, such as ACTIVE; nothing if there is none.
request_state() {
  tpu queued-resources list --filter="name~/$name\$" --format='value(state.state)'
}

# Where functions are called behind && or ||, bash goes on after what fails in them; so they say themselves
# what is done only after what.
create() {
  local tier=(--spot)
  [[ -z $on_demand ]] || tier=()
  [[ -z $service_account ]] || tier+=("--service-account=$service_account")
  tpu queued-resources create "$name" --node-id="$name" --accelerator-type="$accelerator" \
    --runtime-version="$runtime" ${tier[@]+"${tier[@]}"} && wait_until_active
}

wait_until_active() {
  local state
  if [[ -n $dry_run ]]; then
    note "every $seconds seconds, until it prints ACTIVE:"
    request_state
    return
  fi
  while true; do
    state=$(request_state) || return
    note "the request for $name is ${state:-not there any more}"
    case $state in
      ACTIVE) return ;;
      "" | FAILED | SUSPEND*) return 1 ;;
    esac
    sleep "$seconds"
  done
}

# Copies the parts that are installed, as they are in the working tree.
setup() {
  local archive=${XDG_CACHE_HOME:-$HOME/.cache}/codeit_jax/$name.tar.gz
  do_it mkdir -p "${archive%/*}" \
    && do_it tar --create --gzip --file="$archive" --exclude=__pycache__ \
      setup.py pyproject.toml README.md LICENSE codeit_jax launch configs \
    && tpu tpu-vm scp "$archive" "$name:codeit.tar.gz" --worker=all \
    && on_workers all "mkdir -p codeit && tar -xzf codeit.tar.gz -C codeit && $worker_script install"
}

run() {
  local train=(venv/bin/python launch/train.py --distributed "${arguments[@]}")
  on_workers all "$worker_script start $(quoted "${train[@]}")"
}

logs() {
  on_workers "$worker" "$worker_script log"
}

status() {
  request_state && on_workers all "hostname; $run_state; tail -n 1 codeit/run.log"
}

stop() {
  on_workers all "$worker_script stop"
}

delete() {
  tpu queued-resources delete "$name" --force --quiet
}

begin() {
  create && setup && run
}

# Workers that have not noticed yet that another one's run has ended are to do so first.
again() {
  stop && run
}

resume() {
  delete && begin
}

# What `watch` does, each command once.
watch_once() {
  note "the request's state:"
  request_state
  note "if there is none:"
  begin
  note "every $seconds seconds the request's state, and the run's:"
  request_state
  on_workers 0 "$run_state"
  note "if the request is SUSPENDED or FAILED:"
  resume
  note "if the run has ended:"
  end_with 0
}

watch() {
  local state code failures=0
  [[ -z $dry_run ]] || watch_once
  while true; do
    state=$(request_state)
    note "the request for $name is ${state:-not there}"
    case $state in
      "") begin || failures=$((failures + 1)) ;;
      SUSPENDED | FAILED)
        if resume; then failures=0; else failures=$((failures + 1)); fi
        ;;
      ACTIVE)
        # A worker that does not answer may be about to be taken away.
        code=$(on_workers 0 "$run_state" < /dev/null) || code="not to be reached"
        note "the run is $code"
        case $code in
          0 | 2) end_with "$code" ;;
          running) ;;
          idle) again || failures=$((failures + 1)) ;;
          "not set up") { setup && run; } || failures=$((failures + 1)) ;;
          *)
            failures=$((failures + 1))
            [[ ! $code =~ ^[0-9]+$ ]] || ((failures > 5)) || again || true
            ;;
        esac
        ;;
    esac
    ((failures <= 5)) || end_with 1
    sleep "$seconds"
  done
}

# Ends `watch`; no TPU is left that costs and does nothing.
end_with() {
  on_workers 0 "tail -n 20 codeit/run.log" || true
  [[ -n $keep ]] || delete
  exit "$1"
}

runtime_of() {
  case $1 in
    v6e-*) echo v2-alpha-tpuv6e ;;
    v5p-*) echo v2-alpha-tpuv5 ;;
    v5litepod-*) echo v2-alpha-tpuv5-lite ;;
    v2-* | v3-* | v4-*) echo tpu-ubuntu2204-base ;;
    v5e-*) fail "--accelerator=$1: gcloud calls it v5litepod-${1#v5e-}" ;;
    *) fail "--accelerator=$1: is not known here, and needs --runtime" ;;
  esac
}

# `run` and what begins with it need flags of the program, whose results must outlive the TPU.
check_arguments() {
  local argument config='' workdir=''
  for argument in ${arguments[@]+"${arguments[@]}"}; do
    case $argument in
      --config=*) config=$argument ;;
      --workdir=gs://?*) workdir=$argument ;;
      --workdir | --workdir=*) fail "$argument: must be gs://BUCKET/FOLDER, which outlives the TPU" ;;
    esac
  done
  [[ -n $config ]] || fail "-- --config=... is required, as launch/train.py has it"
  [[ -n $workdir ]] || fail "-- --workdir=gs://BUCKET/FOLDER is required, as launch/train.py has it"
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
worker_script=codeit/launch/tpu_worker.sh
run_state="test -e $worker_script && $worker_script state || echo not set up"
command=${1-}
name='' zone='' project='' accelerator='' runtime='' service_account='' on_demand='' worker=0 seconds=30
keep='' dry_run='' arguments=() place=()
case $command in
  create | setup | run | logs | status | stop | resume | watch | delete) shift ;;
  help | --help | -h)
    usage
    exit
    ;;
  "") fail "a command is required; --help lists them" ;;
  *) fail "$command: there is no such command; --help lists them" ;;
esac
while (($#)); do
  case $1 in
    --name=* | --zone=* | --project=* | --accelerator=* | --runtime=* | --service_account=* \
      | --worker=* | --seconds=*)
      flag=${1%%=*}
      printf -v "${flag#--}" %s "${1#*=}"
      ;;
    --on_demand | --keep | --dry_run) printf -v "${1#--}" yes ;;
    --help)
      usage
      exit
      ;;
    --)
      shift
      arguments=("$@")
      break
      ;;
    --config* | --workdir*) fail "$1: flags of launch/train.py stand behind --" ;;
    *) fail "$1: there is no such flag; --help lists them" ;;
  esac
  shift
done

[[ -n $name ]] || fail "--name is required"
[[ $name =~ ^[a-z]([a-z0-9-]*[a-z0-9])?$ ]] || fail "--name=$name: must be small letters, digits and hyphens"
[[ $worker =~ ^[0-9]+$ ]] || fail "--worker=$worker: must be a number"
[[ $seconds =~ ^[0-9]+$ ]] || fail "--seconds=$seconds: must be a whole number"
case $command in
  create | resume | watch)
    [[ -n $accelerator ]] || fail "--accelerator is required, such as --accelerator=v5litepod-16"
    [[ -n $runtime ]] || runtime=$(runtime_of "$accelerator")
    ;;
esac
case $command in
  run | resume | watch) check_arguments ;;
  *) ((${#arguments[@]} == 0)) || fail "$command: takes no flags of launch/train.py" ;;
esac
[[ -n $dry_run ]] || command -v gcloud > /dev/null \
  || fail "gcloud is not installed; see https://cloud.google.com/sdk"
[[ -z $zone ]] || place+=("--zone=$zone")
[[ -z $project ]] || place+=("--project=$project")
"$command"
