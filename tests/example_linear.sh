#!/bin/sh
# The linear example prints exactly models/linear/expected.txt.
# usage: tests/example_linear.sh BUILD_DIR, from the repository root
set -u
out=$("$1/example_linear") || exit 1
if [ "$out" != "$(cat models/linear/expected.txt)" ]; then
    echo "example_linear printed:" >&2
    echo "$out" >&2
    exit 1
fi
