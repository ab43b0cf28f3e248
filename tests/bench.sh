#!/bin/sh
# torc_bench: rows of a short run, what it leaves out, and plots of rows. usage: bench.sh BUILD_DIR
set -u
bench=$1/torc_bench
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0

expect() { # WHAT COMMAND...
    what=$1
    shift
    if ! "$@"; then
        echo "bench: not so: $what" >&2
        status=1
    fi
}

count() { # PATTERN FILE
    grep -cE "$1" "$2"
}

# shellcheck disable=SC2317 # called through expect
fails_with() { # CODE PATTERN ARGUMENTS of torc_bench
    wanted=$1
    pattern=$2
    shift 2
    "$bench" "$@" >/dev/null 2>"$work/said"
    [ $? -eq "$wanted" ] && grep -qE "$pattern" "$work/said"
}

# --- rows ---

"$bench" lookups --set 1_private --batch 1,2 --repeats 1 >"$work/rows" 2>"$work/said"
expect "a short run ends well" [ $? -eq 0 ]
expect "one row of transforms, three of each batch" [ "$(count '"right":true' "$work/rows")" -eq 7 ]
for what in transform keyswitch bootstrap lookup; do
    expect "a row of $what" grep -q "\"what\":\"$what\",\"set\":\"1_private\"" "$work/rows"
done
for member in ms ms_spread per_second repeats log2_p_error parameters device model commit; do
    expect "every row has $member" [ "$(count "\"$member\":" "$work/rows")" -eq 7 ]
done

"$bench" steps --repeats 1 >"$work/steps" 2>"$work/said"
expect "steps end well" [ $? -eq 0 ]
expect "a row of transforms, steps of 1, 2 and 3 key bits" [ "$(count '"bench":"steps".*"right":true' "$work/steps")" -eq 4 ]
expect "each of one core" [ "$(count '"threads":1,' "$work/steps")" -eq 4 ]
expect "by key bit" [ "$(count '"what":"step".*"grouping":[123],.*"us_per_key_bit":' "$work/steps")" -eq 3 ]

"$bench" lookups --set 8_shared --max-seconds 1 --batch 100000 >"$work/none" 2>"$work/said"
expect "what takes too long is left out" [ $? -eq 0 ]
expect "and told" grep -q '8_shared on cpu: left out' "$work/said"
expect "without a row" [ ! -s "$work/none" ]

expect "an unknown set is refused" fails_with 2 "expected names from 1_private" lookups --set 9_private
expect "an unknown circuit is taken for a file" fails_with 2 "give samples with --input" circuit --circuit nn30
expect "a circuit must be named" fails_with 2 "expected --circuit" circuit
expect "a batch of 0 is refused" fails_with 2 "expected a number from 1" lookups --batch 1,0
expect "a device that is not there is refused" fails_with 13 "cuda" lookups --device cuda:77

# --- plots ---

row() { # SET BATCH PER_SECOND MS BOUND RIGHT
    echo "{\"bench\":\"lookups\",\"what\":\"lookup\",\"set\":\"$1\",\"bits\":4,\"profile\":\"shared\",\"norm_sq\":25," \
        "\"batch\":$2,\"per_second\":$3,\"ms\":$4,\"bound_per_second\":$5,\"right\":$6,\"device\":\"cuda:0\"," \
        "\"model\":\"A <device>\",\"commit\":\"abc\",\"log2_p_error_lookup\":-129.2,\"parameters\":{\"lwe_dim\":864}}"
}

{
    row a 132 100 1320 4000 true
    row a 1 10 100 4000 true
    echo '{"name":"a row of another program"}'
    row b 1 20 50 0 true
    row b 10000 3000 3333 0 true
    row a 1 11 90 4000 true
    echo '{"bench":"circuit","circuit":"nn20","lookups":2440,"batch":4,"seconds":3,"right":true,"device":"cuda:0","model":"A"}'
} >"$work/rows.jsonl"
for plot in throughput time; do
    "$bench" plot "$work/rows.jsonl" --plot $plot -o "$work/$plot.svg"
    expect "$plot is drawn" [ $? -eq 0 ]
    expect "$plot is one SVG" [ "$(count '^<svg |^</svg>$' "$work/$plot.svg")" -eq 2 ]
    expect "$plot says device and commit" grep -q 'A &lt;device&gt;, commit abc' "$work/$plot.svg"
    expect "$plot says parameters" grep -q '>n 864, .*2^-129 a lookup<' "$work/$plot.svg"
    expect "$plot says set" [ "$(count '>cuda:0: 4 bits, shared, norm 5<' "$work/$plot.svg")" -eq 2 ]
done
expect "a line a set" [ "$(count '<polyline' "$work/throughput.svg")" -eq 2 ]
expect "and one a circuit" [ "$(count '<polyline' "$work/time.svg")" -eq 3 ]
expect "the last of several rows of a batch counts" [ "$(count '<circle' "$work/throughput.svg")" -eq 3 ] # legend too
expect "a bound is dashed, in the legend too" [ "$(count 'stroke-dasharray="7 5"' "$work/throughput.svg")" -eq 2 ]
expect "growth in proportion is drawn" [ "$(count 'stroke-dasharray="2 4"' "$work/time.svg")" -eq 2 ]
expect "ticks of both axes have units" grep -q '>10,000<' "$work/time.svg"
expect "seconds are named" grep -q '>1 s<' "$work/time.svg"

row a 1 1 1 1 false >"$work/wrong.jsonl"
echo 'not JSON' >"$work/bad.jsonl"
: >"$work/empty.jsonl"
expect "wrong results are not drawn" fails_with 3 "not right" plot "$work/wrong.jsonl" -o "$work/no.svg"
expect "lines that are no JSON are refused" fails_with 4 "line 1 is no JSON" plot "$work/bad.jsonl" -o "$work/no.svg"
expect "nothing to draw is told" fails_with 3 "no row" plot "$work/empty.jsonl" -o "$work/no.svg"
expect "no file is left behind" [ ! -e "$work/no.svg" ]
expect "an unknown plot is refused" fails_with 2 "expected throughput or time" plot "$work/rows.jsonl" -o "$work/no.svg" --plot pie
[ $status -eq 0 ] && echo "bench: rows and plots are as they should be"
exit $status
