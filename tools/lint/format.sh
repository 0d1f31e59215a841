#!/usr/bin/env bash
# Checks that the sources are formatted as .clang-format says; with --fix formats them.
# Exits with 77, which CTest reports as skipped, where clang-format is not installed.
#   format.sh [--fix] [TREE]
set -euo pipefail
fix=
if [[ ${1:-} == --fix ]]; then
  fix=yes
  shift
fi
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

if ! command -v clang-format >/dev/null; then
  echo "format: skipped, clang-format is not installed (./dev deps lint installs it)"
  exit 77
fi

mapfile -d '' files < <(find bench conformance core plugins samples sdk tests tools \
  -path tests/lint/bad -prune -o -type f \
  \( -name '*.h' -o -name '*.hpp' -o -name '*.c' -o -name '*.cpp' -o -name '*.cu' \) \
  -print0 2>/dev/null)
((${#files[@]} > 0)) || { echo "format: no sources" >&2; exit 2; }

if [[ $fix ]]; then
  clang-format --style=file -i "${files[@]}"
elif ! findings=$(clang-format --style=file --dry-run -Werror "${files[@]}" 2>&1); then
  # One line per file: its first place.
  grep -E ' (error|warning): |^Error' <<<"$findings" | sort -u -t: -k1,1
  echo "  ^ not formatted as .clang-format says; ./dev format does it"
  exit 1
fi
echo "format: ${#files[@]} files"
