#!/usr/bin/env bash
# tools/coverage.sh BUILD [LEVEL]: which lines and branches of plugins/cpu the conformance suite alone executes, in
# direct and in bridge mode. BUILD has the suite; the plugin is built anew in build/coverage, and nothing is needed
# but the compiler's own gcov. `./dev coverage` calls it. Branches that only an exception takes are not counted: each
# call that could throw has one.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suite=$(cd "$1" && pwd)
level=${2:-2}
build=$root/build/coverage

cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DRONDO_CUDA=OFF \
  -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=6 \
  -DCMAKE_CXX_FLAGS='--coverage -fprofile-update=atomic' >/dev/null
cmake --build "$build" --target rondo_plugin_cpu >&2

find "$build" -name '*.gcda' -delete
for mode in direct bridge; do
  "$suite/bin/rondo" conformance "$build/lib/rondo/plugins/rondo_cpu.so" --mode $mode \
    --level "$level" --seed 1 >&2
done

# Each line of a .gcov file begins with its count, or ##### if it was never executed; below it stand its
# branches.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
find "$build/plugins/cpu" -name '*.gcda' -print0 | xargs -0 gcov -b >/dev/null 2>&1
awk -v from="$root/plugins/cpu/" '
  /^ +-: +0:Source:/ { file = $0; sub(/.*Source:/, "", file); wanted = index(file, from) == 1 && file ~ /\.cpp$/
    file = substr(file, length(from) + 1); next }
  !wanted { next }
  /^ +[0-9]+\*?: +[1-9]/ { lines[file]++; hit[file]++; next }
  /^ +(#####|=====): +[1-9]/ { lines[file]++; next }
  /^branch .*\(throw\)/ { next }
  /^branch / { branches[file]++; if ($0 !~ /never executed/ && $0 !~ /taken 0%/) taken[file]++ }
  function row(name, l, h, b, t) {
    printf("| %s | %.1f %% of %d | %.1f %% of %d |\n", name, 100 * h / l, l, b ? 100 * t / b : 100, b) | sorted
  }
  BEGIN { sorted = "sort" }
  END {
    print "| file | lines | branches taken |\n|---|---|---|"
    fflush()
    for (f in lines) {
      row(f, lines[f], hit[f], branches[f], taken[f])
      l += lines[f]; h += hit[f]; b += branches[f]; t += taken[f]
    }
    close(sorted)
    row("all", l, h, b, t)
  }' ./*.gcov
