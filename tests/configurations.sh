#!/bin/sh
# kernels/configurations.def is what torc_bench prints. usage: configurations.sh BUILD_DIR
set -u
printed=$(mktemp) || exit 1
trap 'rm -f "$printed"' EXIT

"$1/torc_bench" configurations >"$printed" || exit 1
if ! diff -u kernels/configurations.def "$printed"; then
    echo "configurations: the list differs from what the search gives; look at the difference, then" >&2
    echo "configurations: torc_bench configurations > kernels/configurations.def" >&2
    exit 1
fi
