#!/bin/sh
# The C program in README.md compiles, runs encrypted and prints what it should.
# usage: tests/readme_example.sh BUILD_DIR, from the repository root
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' >"$work/example.c"
libraries=""
for name in torc_local torc_compiler torc_onnx_schema torc_client torc_server torc_base torc_kernels; do
    [ ! -f "$build/lib$name.a" ] || libraries="$libraries $build/lib$name.a"
done
sanitize=$(sed -n 's/^TORC_SANITIZE:[A-Z]*=\(..*\)/-fsanitize=\1/p' "$build/CMakeCache.txt")
# shellcheck disable=SC2046,SC2086 # lists of words
${CC:-cc} -std=c17 -D_GNU_SOURCE -I. -Wall -Wextra -Werror $sanitize "$work/example.c" -o "$work/example" \
    -Wl,--start-group $libraries -Wl,--end-group -fopenmp \
    $(pkg-config --libs libcjson libsodium libprotobuf-c) -lm
out=$(ASAN_OPTIONS=detect_leaks=0 "$work/example")
if [ "$out" != "5 * 5 + 3 = 28, computed on encrypted data" ]; then
    echo "the example of README.md printed: $out" >&2
    exit 1
fi
