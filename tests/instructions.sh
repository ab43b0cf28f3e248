#!/bin/sh
# The CPU kernels execute as many instructions as kernels/cpu/instructions.txt says. usage: tests/instructions.sh BUILD
exec sh bench/instructions.sh "${1:?usage: instructions.sh BUILD}" --check
