#!/usr/bin/env bash
# Makes a bundle of a build and runs its run-gpu-tests as on a machine whose GPU cannot be used: that
# must be said, and must not pass, whatever of it could run.
#   check.sh SOURCES BUILD SCRATCH
set -euo pipefail
sources=$1 build=$2 scratch=$3
bundle=$scratch/bundle results=$scratch/results
rm -rf "$scratch"
mkdir -p "$scratch/bin"

die() { printf 'check: %s\n' "$*" >&2; exit 1; }

# expect EXIT_CODE ARGUMENT…: of run-gpu-tests.
expect() {
  local due=$1 rc=0
  shift
  rm -rf "$results"
  "$bundle/run-gpu-tests" --out "$results" "$@" >"$scratch/output" 2>&1 || rc=$?
  cat "$scratch/output"
  ((rc == due)) || die "run-gpu-tests $* ended with $rc instead of $due"
}

# says TEXT FILE…: in each of the files.
says() {
  local text=$1 file
  shift
  for file in "$@"; do
    grep -qF -- "$text" "$file" || die "$file does not say: $text"
  done
}

RONDO_BUNDLE_LIMIT_MIB=1000 "$sources/tools/bundle/make-bundle" "$build" "$bundle"

# Where there is a GPU, it is not seen. The tool fails as it does without a driver: on its stdout.
cat >"$scratch/bin/nvidia-smi" <<'SMI'
#!/bin/sh
echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver, or so."
exit 9
SMI
chmod +x "$scratch/bin/nvidia-smi"
export PATH=$scratch/bin:$PATH CUDA_VISIBLE_DEVICES=-1

expect 2 --only '^(backends|vector_add_cpu|vector_add_cuda)$'
says 'unavailable: ' "$scratch/output"
says '"passed": false' "$results/summary.json"
says '"unavailable": "the CUDA backend has no device ' "$results/summary.json"
says '"device": "none"' "$results/summary.json"
says '"name": "backends", "rc": 0' "$results/summary.json"
says '"name": "vector_add_cpu", "rc": 0' "$results/summary.json"
! grep -q '"name": "vector_add_cuda", "rc": 0' "$results/summary.json" ||
  die 'vector_add passed on a GPU that is not there'

# What passes without a GPU is no pass of the whole.
expect 2 --only '^vector_add_cpu$'
says '"passed": false' "$results/summary.json"
if [[ -x $bundle/tests/test_cuda ]]; then
  expect 2 --only '^test_cuda$'
  says '"passed": false' "$results/summary.json"
fi

expect 3 --only no_such_step
expect 4 --no-such-option
rm -rf "$scratch"
