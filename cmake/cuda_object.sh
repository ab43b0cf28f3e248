#!/bin/sh
# usage: cuda_object.sh OBJECT COMPILER ARGUMENTS...   compiles OBJECT; what the compiler says goes to
# OBJECT.log, and to the terminal when it fails; OBJECT.d lists the headers.
object=$1
shift
"$@" -MD -MF "$object.d" -c -o "$object" >"$object.log" 2>&1 && exit 0
grep -vE '^ptxas info|bytes stack frame' "$object.log" >&2
rm -f "$object"
exit 1
