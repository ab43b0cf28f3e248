#!/bin/sh
# bench/linear.sh with a torc_bench whose lookups only pretend and whose plots are real: the line through
# given points, in a row behind theirs. usage: linear.sh BUILD_DIR
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/bin"
status=0

expect() { # WHAT COMMAND...
    what=$1
    shift
    if ! "$@"; then
        echo "linear: not so: $what" >&2
        status=1
    fi
}

# --- the line ---

line() { # POINTS
    printf '%b' "$1" | awk -f bench/straight_line.awk
}

exact=$(line '1 12\n10 30\n100 210\n1000 2010\n')
expect "points on a line" [ "$exact" = '"points":4,"batch_max":1000,"ms_per_lookup":2,"ms_start":10,"r2":1.000000,"deviation_max_percent":0,"deviation_batch":1000' ]
# Weights 1, 1/4, 1/16, 1/16: ms = 44/73 + 38/73 count, and 4 is 292/196 times what the line says there.
off=$(line '1 1\n2 2\n4 4\n8 4\n')
expect "points off it" [ "${off%%,\"r2*}" = '"points":4,"batch_max":8,"ms_per_lookup":0.5205,"ms_start":0.6027' ]
expect "and how far" [ "${off#*[0-9],\"deviation}" = '_max_percent":49,"deviation_batch":4' ]
expect "two points are no line" [ -z "$(line '1 1\n2 2\n' 2>/dev/null)" ]

# --- the script ---

cat >"$folder/torc_bench" <<END
#!/bin/sh
[ "\$1" = lookups ] || exec "$1/torc_bench" "\$@"
echo "\$*" >"$folder/call"
for batch in 1 10 100; do
    for what in keyswitch lookup; do
        echo "{\"bench\":\"lookups\",\"what\":\"\$what\",\"set\":\"4_private\",\"bits\":4,\"profile\":\"private\",\"norm_sq\":1," \
            "\"batch\":\$batch,\"ms\":\$((2 * batch + 10)),\"per_second\":1,\"right\":true,\"device\":\"cpu\",\"threads\":2," \
            "\"kernels\":\"avx2\",\"model\":\"A CPU\",\"commit\":\"abc\"}"
    done
done
END
echo "#!/bin/sh" >"$folder/bin/sleep" # the load needs no second here
chmod +x "$folder/torc_bench" "$folder/bin/sleep"
PATH=$folder/bin:$PATH TORC_BENCH=$folder/torc_bench sh bench/linear.sh --output "$folder/rows" >"$folder/out" 2>"$folder/said"
expect "it ends well" [ $? -eq 0 ]
expect "1 to 10,000 lookups of 4 bits, within four minutes" grep -qE '^lookups --set 4_private --batch 1,.*,10000 --repeats 3 --max-seconds 2[0-3][0-9]$' "$folder/call"
expect "rows of lookups, and one of the line" [ "$(wc -l <"$folder/rows.jsonl")" -eq 4 ]
expect "the line" grep -q '^{"bench":"linear","set":"4_private","points":3,"batch_max":100,"ms_per_lookup":2,"ms_start":10,"r2":1.000000,' "$folder/out"
expect "where it ran" grep -q '"threads":2,"kernels":"avx2","model":"A CPU","commit":"abc"}$' "$folder/out"
expect "a plot" [ "$(grep -c '<polyline' "$folder/rows.svg")" -eq 1 ]
expect "what is missing is told" grep -q 'left out: the machine was too busy' "$folder/said"
[ $status -eq 0 ] && echo "linear: line and plot are as they should be"
exit $status
