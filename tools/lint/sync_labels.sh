#!/usr/bin/env bash
# Checks that every `SYNC: label` comment has a partner: both ends of each release/acquire carry the
# same label, so a label that occurs once names an order that nobody relies on, or a missing one.
#   sync_labels.sh [TREE]
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

# FILE:LINE:label for each label.
places=$(grep -rnoE 'SYNC: *[A-Za-z0-9_]+([.-][A-Za-z0-9_]+)*' sdk core plugins |
  sed -E 's/SYNC: *//') || true
[[ -n $places ]] || { echo "sync_labels: no SYNC labels in sdk, core and plugins" >&2; exit 2; }

labels=$(cut -d: -f3 <<<"$places" | sort)
lonely=$(uniq -u <<<"$labels")
for label in $lonely; do
  grep -E ":$label\$" <<<"$places"
  echo "  ^ \"$label\" occurs once; its other end is not labelled"
done
[[ -z $lonely ]] || exit 1
echo "sync_labels: $(uniq <<<"$labels" | wc -l) labels, each with both ends"
