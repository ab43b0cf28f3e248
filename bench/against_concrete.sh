#!/bin/sh
# Encrypted lookups of torc and of Concrete in turns on this machine, at 2^-40 a circuit: one JSON
# object a width, with the ratio of the two times of one run.
# usage: bench/against_concrete.sh TORC_BENCH PYTHON CONCRETE_PBS.py [BITS ...]
#   PYTHON has concrete-python; CONCRETE_PBS.py appends JSON lines with ms_per_lookup to its first
#   argument, for the widths that follow.
set -eu
torc_bench=$1
python=$2
script=$3
shift 3
[ $# -gt 0 ] || set -- 1 2 3 4 5 6 7 8

member() { # NAME FILE: a number or a text of a JSON object
    sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" "$2" | tail -n 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for bits in "$@"; do
    batch=64
    [ "$bits" -le 6 ] || batch=16
    "$torc_bench" lookups --set "${bits}_private" --batch "$batch" --circuit-lookups "$batch" >"$work/torc"
    "$python" "$script" "$work/concrete" "$bits" >/dev/null
    ours=$(member ms_per_lookup "$work/torc")
    theirs=$(member ms_per_lookup "$work/concrete")
    printf '{"bits":%s,"batch":%s,"torc_ms":%s,"concrete_ms":%s,"ratio":%s,"torc_right":%s,"concrete_right":%s,"threads":%s,"cpu":"%s","commit":"%s"}\n' \
        "$bits" "$batch" "$ours" "$theirs" "$(echo "$theirs $ours" | awk '{ printf "%.2f", $1 / $2 }')" \
        "$(member right "$work/torc")" "$(member right "$work/concrete")" \
        "$(member threads "$work/torc")" "$(member model "$work/torc")" "$(member commit "$work/torc")"
done
