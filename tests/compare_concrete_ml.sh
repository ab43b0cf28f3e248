#!/bin/sh
# bench/compare_concrete_ml.sh with a torc and a Concrete-ML that only pretend: medians of turns in one row,
# and nothing is claimed when a result is wrong.
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
        echo "compare_concrete_ml: not so: $what" >&2
        status=1
    fi
}

cat >"$folder/torc_bench" <<'END'
#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/torc_calls"
end="\"right\":$(cat "$here/right"),\"model\":\"A CPU\",\"threads\":2,\"kernels\":\"avx2\",\"commit\":\"abc\"}"
if [ "$1" = circuit ]; then
    echo "{\"bench\":\"circuit\",\"seconds_per_sample\":$(grep -c ^circuit "$here/torc_calls"),\"keygen_seconds\":0.5,$end"
else
    echo "{\"bench\":\"simulate\",\"noise\":false,\"per_second\":1000,$end"
    echo "{\"bench\":\"simulate\",\"noise\":true,\"per_second\":500,$end"
fi
END
cat >"$folder/venv/bin/python" <<'END'
#!/bin/sh
here=$(dirname "$0")/../..
if [ "$1" = -c ]; then
    case $2 in *argmax*) echo 97.5 ;; *) echo 1.9.0 ;; esac
    exit 0
fi
echo "$*" >>"$here/peer_calls"
echo '{"name": "digits_mlp_w4_r5", "keygen_s": 4.5, "encrypted_s": [70, 20.5, 30], "simulate_s_per_sample": 0.01,' \
    '"accuracy_simulated": 0.945, "same": "3/3"}' >>"$4"
END
echo "#!/bin/sh" >"$folder/bin/sleep" # the load needs no second here
printf '#!/bin/sh\necho "what torc says of its work"\n' >"$folder/torc" # and no row may hold
chmod +x "$folder/torc" "$folder/torc_bench" "$folder/venv/bin/python" "$folder/bin/sleep"

run() { # RIGHT ARGUMENTS...: sets code
    echo "$1" >"$folder/right"
    shift
    : >"$folder/torc_calls"
    : >"$folder/peer_calls"
    PATH=$folder/bin:$PATH TORC=$folder/torc TORC_BENCH=$folder/torc_bench \
        sh "$folder/tree/repository/bench/compare_concrete_ml.sh" --venv "$folder/venv" "$@" >"$folder/out" 2>"$folder/said"
    code=$?
}

run true --output "$folder/rows"
expect "it ends well" [ "$code" -eq 0 ]
expect "whose accuracy is a number" grep -q '"torc_accuracy":97.5,' "$folder/out"
expect "with one row" [ "$(wc -l <"$folder/out")" -eq 1 ]
expect "which is kept" cmp -s "$folder/out" "$folder/rows"
expect "medians of three turns" grep -q '"turns":3,"torc_s":2,"concrete_ml_s":30,"ratio":15,"ratio_min":10,"ratio_max":30,' "$folder/out"
expect "simulated images" grep -q '"torc_simulated_per_second":1000,"torc_simulated_noisy_per_second":500,"concrete_ml_simulated_per_second":100,' "$folder/out"
expect "accuracies" grep -q '"torc_accuracy":97.5,"concrete_ml_accuracy":94.5,' "$folder/out"
expect "where it ran" grep -q '"threads":2,"kernels":"avx2","model":"A CPU","commit":"abc","concrete_ml":"1.9.0"}' "$folder/out"
expect "the ratio is told" grep -q 'torc 2 s, Concrete-ML 30 s: 15 times as fast' "$folder/said"
expect "images one by one" grep -q '^circuit --circuit digits_mlp --batch 1 --repeats 3$' "$folder/torc_calls"
expect "the peer's model" grep -qE '^-W ignore bench/concrete_digits.py [^ ]+ digits_mlp_w4_r5$' "$folder/peer_calls"

run false
expect "a wrong result fails" [ "$code" -eq 1 ]
expect "and leaves no row" [ ! -s "$folder/out" ]
run true --turns 0
expect "no turns are refused" [ "$code" -eq 2 ]
expect "with the usage" grep -q 'usage: bench/compare_concrete_ml.sh' "$folder/said"
[ $status -eq 0 ] && echo "compare_concrete_ml: rows are as they should be"
exit $status
