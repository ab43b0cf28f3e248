#!/bin/sh
# check_layers.sh passes a clean tree and fails on each kind of wrong include.
set -u
script=$PWD/tests/check_layers.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
status=0

try() { # EXPECTED FILE HEADER, or a line of code instead
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/kernels/ref" "$tree/kernels/cuda" "$tree/kernels/emu" "$tree/runtime/client" "$tree/runtime/server" "$tree/frontend/command" "$tree/models/m"
    : >"$tree/runtime/torc_client.h"
    : >"$tree/runtime/torc_server.h"
    case "$3" in
    *.h) printf '#include "%s"\n' "$3" >"$tree/$2" ;;
    *) printf '%s\n' "$3" >"$tree/$2" ;;
    esac
    sh "$script" build "$tree" >/dev/null 2>&1
    got=$?
    if [ "$got" -ne "$1" ]; then
        echo "check_layers: $2 with $3: expected $1, got $got" >&2
        status=1
    fi
}

try 0 frontend/local.c runtime/torc_client.h
try 0 frontend/command/main.c runtime/torc_server.h
try 0 runtime/server/server.c kernels/kernels.h
try 0 frontend/print.c runtime/program.h
try 1 frontend/print.c runtime/torc_client.h
try 1 frontend/print.c kernels/kernels.h
try 1 frontend/print.c runtime/backend.h
try 1 frontend/print.c frontend/command/command.h
try 1 frontend/command/main.c kernels/kernels.h
try 1 runtime/spec.c frontend/graph.h
try 1 runtime/spec.c runtime/torc_client.h
try 1 runtime/client/keygen.c runtime/backend.h
try 1 runtime/client/keygen.c kernels/ref/fft.h
try 1 runtime/server/server.c runtime/torc_client.h
try 1 kernels/ref/fft.c runtime/rng.h
try 1 models/m/m.c frontend/graph.h
try 0 kernels/cuda/fft.cu kernels/cuda/gpu.h
try 0 kernels/cuda/gpu.h kernels/emu/gpu_emu.h
try 1 kernels/cuda/fft.cu kernels/emu/state.h
try 1 kernels/cuda/fft.cu cuda_runtime.h
try 1 kernels/ref/fft.c kernels/kernels_cuda.h
try 1 kernels/emu/fiber.cpp tests/gpu_test.h
try 1 kernels/emu/fiber.cpp runtime/rng.h
try 1 kernels/cuda/fft.cu '__shared__ double words[32];'
try 1 kernels/cuda/fft.cu 'fft<<<1, 32>>>(words);'
try 0 kernels/cuda/gpu_device.h 'asm volatile("bar.sync 0;");'
exit $status
