#!/usr/bin/env bash
# tools/coverage.sh [LEVEL]: which lines and branches of plugins/cpu the conformance suite alone executes,
# in both modes. Builds in build/coverage; needs nothing but the compiler's own gcov.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/coverage
level=${1:-2}

cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DRONDO_CUDA=OFF \
  -DCMAKE_CXX_FLAGS='--coverage -fprofile-update=atomic' >/dev/null
cmake --build "$build" --target rondo_cli rondo_plugin_cpu conformance_kernels >&2

objects=$build/plugins/cpu/CMakeFiles/rondo_plugin_cpu.dir
find "$build" -name '*.gcda' -delete
for mode in direct bridge; do
  "$build/bin/rondo" conformance "$build/lib/rondo/plugins/rondo_cpu.so" --mode $mode \
    --level "$level" --seed 1 >&2
done

# gcov says of each source file: File, Lines executed, Branches executed, Taken at least once.
cd "$(mktemp -d)"
gcov -b -n "$objects"/*.gcda 2>/dev/null | awk -v root="$root/plugins/cpu/" '
  /^File / { file = substr($0, 7, length($0) - 7) }
  index(file, root) != 1 || file !~ /\.cpp$/ { next }
  /^Lines executed/ { sub(/.*:/, ""); split($0, part, "% of "); lines[file] = part[2]
    hit[file] = part[1] * part[2] / 100 }
  /^Taken at least once/ { sub(/.*:/, ""); split($0, part, "% of "); branches[file] = part[2]
    taken[file] = part[1] * part[2] / 100 }
  END {
    for (f in lines) {
      printf "%-16s lines %5.1f %% of %3d, branches taken %5.1f %% of %3d\n", substr(f, length(root) + 1),
        100 * hit[f] / lines[f], lines[f], branches[f] ? 100 * taken[f] / branches[f] : 100, branches[f]
      l += lines[f]; h += hit[f]; b += branches[f]; t += taken[f]
    }
    printf "%-16s lines %5.1f %% of %3d, branches taken %5.1f %% of %3d\n", "plugins/cpu", 100 * h / l, l,
      100 * t / b, b
  }' | sort
