#!/bin/sh
# bench/compare_concrete.sh with a torc_bench and a Concrete that only pretend: medians of turns, one row a
# width, a wrong result is told, and the tables.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/venv/bin" "$folder/tree/repository" "$folder/bin"
cp -r bench "$folder/tree/repository/"
status=0

expect() { # WHAT COMMAND...
    what=$1
    shift
    if ! "$@"; then
        echo "compare_concrete: not so: $what" >&2
        status=1
    fi
}

# Each call takes the next time of its file times_NAME, the last one again when there is no other.
cat >"$folder/next" <<'END'
#!/bin/sh
head -n 1 "$(dirname "$0")/times_$1"
[ "$(wc -l <"$(dirname "$0")/times_$1")" -eq 1 ] || sed -i 1d "$(dirname "$0")/times_$1"
END

cat >"$folder/torc_bench" <<'END'
#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/torc_calls"
case $3 in *_shared) ms=9 ;; *) ms=$("$here/next" torc) ;; esac
for what in keyswitch lookup; do
    echo "{\"bench\":\"lookups\",\"what\":\"$what\",\"ms\":640,\"ms_per_lookup\":$ms,\"right\":true,\"keygen_seconds\":0.25," \
        "\"key_bytes\":104857600,\"key_bytes_seeded\":20971520,\"model\":\"A CPU\",\"threads\":2,\"kernels\":\"avx2\",\"commit\":\"abc\"}"
done
END

cat >"$folder/venv/bin/python" <<'END'
#!/bin/sh
here=$(dirname "$0")/../..
[ "$1" != -c ] || { echo 2.11.0; exit 0; }
echo "$*" >>"$here/peer_calls"
ms=$("$here/next" concrete)
[ "$ms" != crash ] || exit 1
right=true
[ "$ms" != wrong ] || { ms=1; right=false; }
echo "{\"bits\": 4, \"ms_per_lookup\": $ms, \"keygen_s\": 1.25, \"key_mb\": 110.5, \"right\": $right}" >>"$4"
END
echo "#!/bin/sh" >"$folder/bin/sleep" # the load needs no second here
chmod +x "$folder/bin/sleep" "$folder/next" "$folder/torc_bench" "$folder/venv/bin/python"

run() { # TORC_TIMES CONCRETE_TIMES ARGUMENTS...: sets code
    echo "$1" | tr ' ' '\n' >"$folder/times_torc"
    echo "$2" | tr ' ' '\n' >"$folder/times_concrete"
    shift 2
    : >"$folder/torc_calls"
    : >"$folder/peer_calls"
    PATH=$folder/bin:$PATH TORC_BENCH=$folder/torc_bench sh "$folder/tree/repository/bench/compare_concrete.sh" --venv "$folder/venv" \
        --output "$folder/rows" "$@" >"$folder/out" 2>"$folder/said"
    code=$?
}

# shellcheck disable=SC2317 # called through expect
fails() { # ARGUMENTS...
    run 1 1 "$@"
    [ "$code" -eq 2 ] && [ ! -s "$folder/torc_calls" ] && grep -q 'usage: bench/compare_concrete.sh' "$folder/said"
}

# --- rows ---

run "2 8 3" "21 20 90" --bits 4,8
expect "two widths end well" [ "$code" -eq 0 ]
expect "one row a width" [ "$(grep -c '^{"bench":"compare_concrete"' "$folder/out")" -eq 2 ]
expect "rows are kept" cmp -s "$folder/out" "$folder/rows"
expect "medians of three turns" grep -q '"turns":3,"torc_ms":3,"torc_shared_ms":9,"concrete_ms":21,' "$folder/out"
expect "their ratio, and those of the turns" grep -q '"ratio":7,"ratio_min":2.5,"ratio_max":30,"ratio_shared":2.333' "$folder/out"
expect "keys of both" grep -q '"torc_key_mb":100,"torc_key_mb_seeded":20,"concrete_key_mb":110.5' "$folder/out"
expect "key generation of both" grep -q '"torc_keygen_s":0.25,"concrete_keygen_s":1.25' "$folder/out"
expect "where it ran" grep -q '"threads":2,"kernels":"avx2","model":"A CPU","commit":"abc","concrete":"2.11.0"}' "$folder/out"
expect "the load of the machine" grep -qE '"load_max":[0-9]+,' "$folder/out"
expect "batches of 64" grep -q '^lookups --set 4_private --batch 64 --circuit-lookups 64$' "$folder/torc_calls"
expect "and of 16 above 6 bits" grep -q '^lookups --set 8_shared --batch 16 --circuit-lookups 16$' "$folder/torc_calls"
expect "our own copy of the peer's measurement" grep -qE '^-W ignore bench/concrete_lookup.py [^ ]+ 8$' "$folder/peer_calls"
expect "each three times" [ "$(wc -l <"$folder/peer_calls") $(wc -l <"$folder/torc_calls")" = "6 12" ]
expect "a table at the end" grep -qE '^ *4 +64 +3 +21 +7 +2.5..30 +9 +2.333 +100 +110.5 +[0-9]+%$' "$folder/said"

mkdir -p "$folder/tree/shared/peers"
: >"$folder/tree/shared/peers/concrete_pbs.py"
run "2" "20" --bits 1 --turns 1
expect "a script beside the repository goes first" grep -q '^-W ignore ../shared/peers/concrete_pbs.py ' "$folder/peer_calls"
run "2" "20" --bits 1 --turns 1 --alone
expect "one lookup alone" grep -q '^lookups --set 1_private --batch 1 --circuit-lookups 1$' "$folder/torc_calls"
expect "in Concrete too" grep -qE '^-W ignore bench/concrete_lookup.py [^ ]+ --count 1 1$' "$folder/peer_calls"
expect "its row says so" grep -q '"batch":1,"turns":1,' "$folder/out"

# --- what goes wrong ---

run "2" "20 20 wrong 30" --bits 1,2
expect "a wrong result fails" [ "$code" -eq 1 ]
expect "and is told" grep -q '1 bits: one of the two failed, or gave a wrong result' "$folder/said"
expect "without a row; the next width has one" grep -q '"bits":2' "$folder/out"
expect "only that" [ "$(wc -l <"$folder/out")" -eq 1 ]
run "2" "crash" --bits 1
expect "a peer that crashes fails" [ "$code" -eq 1 ]
expect "an unknown option is refused" fails --fast
expect "9 bits are refused" fails --bits 9
expect "widths run together are refused" fails --bits 18
expect "no turns are refused" fails --turns 0
expect "an option without its value is refused" fails --bits

# --- the README's table ---

sh bench/compare_concrete.sh --markdown "$folder/rows" >"$folder/table"
expect "Markdown is made" [ $? -eq 0 ]
expect "a column a width, the last row of each counts" grep -q '^| bits | 4 | 8 | 1 | 2 |$' "$folder/table"
expect "ratios" grep -q '^| \*\*times as fast\*\* | 7.0 | ' "$folder/table"
expect "with their origin" grep -q '^2 threads of A CPU (avx2), commit abc, Concrete 2.11.0, ' "$folder/table"
expect "one lookup alone beside the table" grep -q '^One lookup alone, all cores: 1 bits 2.0 ms (Concrete 20, 10 times)\.$' "$folder/table"
expect "what is not in the file is not told" [ "$(grep -cE 'perceptron|One core|lookups \(' "$folder/table")" -eq 0 ]
cat >>"$folder/rows" <<'END'
{"bench":"compare_concrete_ml","torc_s":0.5,"concrete_ml_s":6,"ratio":12,"torc_simulated_per_second":1234567,"torc_simulated_noisy_per_second":550000,"concrete_ml_simulated_per_second":100,"torc_accuracy":97.36,"concrete_ml_accuracy":94.5,"concrete_ml":"1.9.0"}
{"bench":"steps","what":"transform","us":1.6}
{"bench":"steps","what":"step","grouping":1,"us":10.7}
{"bench":"steps","what":"step","grouping":2,"us":13.7}
{"bench":"steps","what":"step","grouping":3,"us":17.7}
{"bench":"threads","set":"4_private","batch":64,"threads":2,"ms_one":84,"ms_all":41,"ratio":2.049,"ratio_of_min":1.953}
{"bench":"linear","set":"4_private","batch_max":10000,"ms_per_lookup":3.512,"r2":0.99998,"deviation_max_percent":7.66}
END
sh bench/compare_concrete.sh --markdown "$folder/rows" >"$folder/table"
expect "the digits" grep -q '^| one encrypted image, s | 0.50 | 6.00 | 12 |$' "$folder/table"
expect "simulated" grep -q '^| simulated images a second | 1,234,567 | 100 | 12,346 |$' "$folder/table"
expect "steps" grep -q 'a forward transform 1.60 us; a step of 1, 2 and 3 key bits 10.7, 13.7 and 17.7 us' "$folder/table"
expect "what threads gain beside the table" grep -q '^2 threads against one.*: 4_private, batch 64, 1.95 times (medians 2.05)\.$' "$folder/table"
expect "the line" grep -q '^1 to 10,000 lookups (.4_private.): 3.51 ms each, r^2 0.99998, .* 8 % off the line\.$' "$folder/table"
echo '{"bench":"lookups"}' >"$folder/none"
expect "no rows, no table" [ "$(sh bench/compare_concrete.sh --markdown "$folder/none" 2>&1)" = "compare_table: no row of compare_concrete.sh" ]
[ $status -eq 0 ] && echo "compare_concrete: rows and tables are as they should be"
exit $status
