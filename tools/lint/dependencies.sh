#!/usr/bin/env bash
# Checks the direction of dependencies: sdk/ and plugins/ include no header of core and plugins link
# no librondo; core/ includes no header of a plugin and none of CUDA.
#   dependencies.sh [TREE]
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
findings=0

# forbid WHY PATTERN DIRECTORY…: report each line that matches.
forbid() {
  local why=$1 pattern=$2 lines
  shift 2
  lines=$(grep -rnE --include='*.h' --include='*.hpp' --include='*.c' --include='*.cpp' \
    --include='*.cu' --include='*.cuh' --include='*.in' --include='CMakeLists.txt' \
    --include='*.cmake' -- "$pattern" "$@") || return 0
  printf '%s\n' "$lines"
  printf '  ^ %s\n' "$why"
  findings=1
}

# alternatives DIRECTORY NAME…: the headers below it as one regular expression.
headers_below() {
  (cd "$1" && find . \( -name '*.h' -o -name '*.hpp' -o -name '*.cuh' \) -printf '%P\n') |
    sed 's/[.]/[.]/g' | paste -sd'|'
}

include='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]'
core_headers=$(headers_below core/include)
[[ -n $core_headers ]] || { echo "dependencies: no headers below core/include" >&2; exit 2; }

forbid "a core header: the SDK and plugins depend on the SDK alone" \
  "$include($core_headers|.*core/)" sdk plugins
forbid "a plugin never links librondo" '(rondo::|rondo_)core' plugins
forbid "core knows plugins only through the ABI" "$include.*plugins/" core sdk
forbid "a CUDA header: core builds and runs without CUDA" \
  "$include(cuda|nvrtc|nvml|cooperative_groups|cub/|thrust/)" core

((findings == 0)) && echo "dependencies: nothing points the wrong way"
exit $findings
