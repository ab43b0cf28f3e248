#!/bin/sh
# bench/threads.sh with a torc_bench that only pretends: medians, least times and their ratios.
# usage: threads.sh BUILD_DIR
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/bin"
status=0

expect() { # WHAT COMMAND...
    what=$1
    shift
    if ! "$@"; then
        echo "threads: not so: $what" >&2
        status=1
    fi
}

# One thread: 80, 84, 88 ms; two: 40, 41, 42.
cat >"$folder/torc_bench" <<END
#!/bin/sh
echo "\$*" >>"$folder/calls"
threads=\$9
turn=\$(grep -c -- "--threads \$threads" "$folder/calls")
ms=\$((39 + turn))
[ \$threads -ne 1 ] || ms=\$((76 + 4 * turn))
echo "{\"what\":\"lookup\",\"ms\":\$ms,\"right\":\$(cat "$folder/right"),\"threads\":\$threads,\"kernels\":\"avx2\"," \
    "\"model\":\"A CPU\",\"commit\":\"abc\"}"
END
echo true >"$folder/right"
echo "#!/bin/sh" >"$folder/bin/sleep" # the load needs no second here
chmod +x "$folder/torc_bench" "$folder/bin/sleep"
run() {
    PATH=$folder/bin:$PATH TORC_BENCH=$folder/torc_bench sh bench/threads.sh "$@" >"$folder/out" 2>"$folder/said"
}

expect "it ends well" run --set 4_private --batch 64 --threads 2 --turns 3
expect "each thread count in every turn" [ "$(grep -c . "$folder/calls")" -eq 6 ]
expect "the batch is the circuit" grep -q '^lookups --set 4_private --batch 64 --circuit-lookups 64 --threads 1 ' "$folder/calls"
expect "medians and least times" grep -q '"ms_one":84,"ms_all":41,"ratio":2.049,"ms_one_min":80,"ms_all_min":40,"ratio_of_min":2,' "$folder/out"
expect "where it ran" grep -q '"kernels":"avx2","model":"A CPU","commit":"abc"}$' "$folder/out"
echo false >"$folder/right"
if run --set 4_private --batch 1 --turns 1; then
    expect "wrong results end it" false
fi
[ $status -eq 0 ] && echo "threads: rows are as they should be"
exit $status
