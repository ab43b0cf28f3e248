#!/bin/sh
# Installs what is missing, builds a release with all tests, runs them; the summary comes last.
# Tests that need a GPU and long statistics are left out (ctest -L "gpu|slow" runs those).
# usage: scripts/test.sh [ctest options]
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh
. scripts/build.sh
build all cuda_objects
echo "test: running the tests"
ctest --preset release -j "$(nproc)" "$@" </dev/null
