#!/bin/sh
# Registers, spills, occupancy, FP64 instructions and the bound of every CUDA kernel are those of
# kernels/cuda/resources.txt, and no step loop touches local memory where the table does not say so.
# usage: tests/resources.sh BUILD [--print]     --print: the rows as they are now, to be committed
# Reads what the target cuda_objects made with nvcc 13.0; without it, or without cuobjdump, the test is skipped.
set -u
build=${1:?usage: resources.sh BUILD [--print]}
table=kernels/cuda/resources.txt
list=$build/cuda/objects.txt

skip() {
    echo "resources: skipped, $1" >&2
    exit 77
}

find_tool() { # NAME: on PATH, in the toolkit, or where scripts/setup_cuda.sh puts it
    for tool in "$(command -v "$1")" "/usr/local/cuda/bin/$1" "build/cuda/nvidia/cu13/bin/$1"; do
        if [ -n "$tool" ] && [ -x "$tool" ]; then
            echo "$tool"
            return 0
        fi
    done
    return 1
}

[ -f "$list" ] || skip "no nvcc (scripts/setup_cuda.sh fetches one)"
version=$(cat "$build/cuda/compiler.txt")
[ "$version" = 13.0 ] || skip "the table is of nvcc 13.0, this is $version"
cuobjdump=$(find_tool cuobjdump) || skip "no cuobjdump (scripts/setup_cuda.sh fetches one)"
for program in resources resource_counts; do
    [ -x "$build/$program" ] || skip "$build/$program is not built"
done

bases=""
while read -r object; do
    [ -f "$object" ] || skip "$object is not built (target cuda_objects)"
    if [ -z "$(find "$object.sass" -newer "$object" 2>/dev/null)" ]; then
        "$cuobjdump" -sass "$object" >"$object.sass" 2>"$object.sass.log" || {
            rm -f "$object.sass"
            skip "$cuobjdump does not run: $(head -n 1 "$object.sass.log")"
        }
    fi
    bases="$bases $object"
done <"$list"
shift
if [ -z "$(find "$build/cuda/counts.txt" -newer "$build/resource_counts" 2>/dev/null)" ]; then
    "$build/resource_counts" >"$build/cuda/counts.txt" || exit 1
fi
# shellcheck disable=SC2086 # a list of paths without blanks
"$build/resources" "$@" "$table" "$build/cuda/counts.txt" $bases
