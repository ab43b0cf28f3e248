#!/bin/sh
# check_layers.sh passes a clean tree and fails on each kind of wrong include.
set -u
script=$PWD/tests/check_layers.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
status=0

try() { # EXPECTED FILE INCLUDE
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/kernels/ref" "$tree/runtime/client" "$tree/runtime/server" "$tree/frontend/command" "$tree/models/m"
    : >"$tree/runtime/torc_client.h"
    : >"$tree/runtime/torc_server.h"
    printf '#include "%s"\n' "$3" >"$tree/$2"
    sh "$script" build "$tree" >/dev/null 2>&1
    got=$?
    if [ "$got" -ne "$1" ]; then
        echo "check_layers: $2 including $3: expected $1, got $got" >&2
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
exit $status
