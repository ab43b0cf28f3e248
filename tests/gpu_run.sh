#!/bin/sh
# scripts/gpu_run.sh with programs that only pretend: every part leaves its row, a part that fails or
# hangs stops no other, a tool that cannot work is no failure, and without a device nothing is claimed.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/scripts" "$folder/build-gpu" "$folder/bench/results" "$folder/bin" "$folder/out"
cp scripts/gpu_run.sh scripts/gpu_build.sh "$folder/scripts/"
status=0

expect() { # WHAT COMMAND...
    what=$1
    shift
    if ! "$@"; then
        echo "gpu_run: not so: $what" >&2
        status=1
    fi
}

program() { # NAME: a script in build-gpu from standard input
    { echo '#!/bin/sh'; cat; } >"$folder/build-gpu/$1"
    chmod +x "$folder/build-gpu/$1"
}

run() { # ARGUMENTS...: sets code
    env OUT="$folder/out" TORC_COMMIT=abc PATH="$folder/bin:$PATH" TORC_GPU_SECONDS="${seconds:-60}" \
        sh "$folder/scripts/gpu_run.sh" "$@" >"$folder/said" 2>&1
    code=$?
}

rows() { # PATTERN: how many rows have it
    grep -cE "$1" "$folder/out/results.jsonl"
}

# shellcheck disable=SC2317 # called through expect
has() { # NUMBER PATTERN
    [ "$(rows "$2")" -eq "$1" ]
}

echo abc >"$folder/build-gpu/commit"
printf 'gpu_good\ngpu_bad\ngpu_absent\nslowgpu_statistics\n' >"$folder/build-gpu/tests.txt"
echo 'a 0' >"$folder/build-gpu/digests.txt"
program gpu_good <<'EOT'
echo "words for people"
echo "{\"name\":\"figure of a test\"}"
EOT
program gpu_bad <<'EOT'
echo "wrong" >&2
exit 1
EOT
program gpu_absent <<'EOT'
exit 77
EOT
program slowgpu_statistics <<'EOT'
[ "$TORC_LONG" = yes ] && echo long
exit 0
EOT
program gpu_digest <<'EOT'
echo "{\"name\":\"digest\",\"argument\":\"$1\"}"
EOT
program gpu_rotation <<'EOT'
case $1 in
--names) echo "g2_c4 g3_c4" | tr ' ' '\n' ;;
--check) ;;
*) echo "{\"name\":\"rotation_$1_blocks132\",\"value\":$(echo "$1" | tr -dc 0-9),\"unit\":\"rotations/s\"}" ;;
esac
EOT

program gpu_keyswitch_time <<'EOT'
echo '{"name":"keyswitch_4bits_batch1","value":1,"unit":"keyswitches/s"}'
EOT

program torc_bench <<'EOT'
case $* in
*nn20_dense*) exit 14 ;;
esac
echo "{\"name\":\"bench\",\"arguments\":\"$*\"}"
EOT

# no device
program gpu_ceilings <<'EOT'
exit 77
EOT
for step in first check figures; do
    run --step $step
    expect "without a device --step $step is skipped" [ $code -eq 77 ]
done
expect "nothing is claimed without a device" [ ! -e "$folder/out/results.jsonl" ]

# all is well but what is planted
program gpu_ceilings <<'EOT'
case $1 in
shared) exit 3 ;;
esac
echo "{\"name\":\"device\",\"device\":\"NVIDIA H200\",\"part\":\"$1\"}"
EOT
run --step first
expect "a ceiling that fails is told" [ $code -eq 1 ]
expect "a ceiling that fails has its row" has 1 '"part":"ceilings shared".*"failed with exit code 3"'
expect "the others go on" has 6 '"part":"ceilings [a-z0-9]*".*"done"'
expect "digests are compared first" has 1 '"name":"digest","argument":"--time"'
expect "every variant is run" has 2 '"name":"rotation_g[23]_c4_blocks132"'
expect "the name of the results says device, date and commit" \
    grep -qE 'NVIDIA-H200-[0-9]{4}-[0-9]{2}-[0-9]{2}-abc\.jsonl' "$folder/said"
expect "every row is one object" [ "$(rows '')" -eq "$(rows '^\{.*\}$')" ]

# tools: a sanitizer that finds a race, one that cannot work, no profiler
cat >"$folder/bin/compute-sanitizer" <<'EOT'
#!/bin/sh
case $2 in
racecheck) echo "RACECHECK SUMMARY: 2 hazards" && exit 9 ;;
memcheck) exit 1 ;;
esac
EOT
chmod +x "$folder/bin/compute-sanitizer"
run --step check
expect "a test that fails is told" [ $code -eq 1 ]
expect "tests that pass, fail and are skipped have their rows" has 3 \
    '"part":"gpu_(good".*"done|bad".*"failed with exit code 1|absent".*"skipped)"'
expect "words for people are no rows" has 0 'words for people'
expect "rows among them are" has 1 'figure of a test'
expect "a tool that cannot work is not available" has 1 '"part":"sanitizer memcheck".*"not available"'
expect "what a tool finds is told" has 1 '"part":"sanitizer racecheck".*"found something'
expect "repeats are run" has 1 '"argument":"--repeat"'

run --step figures --long
expect "the fastest variant comes first" \
    [ "$(sed -n 's/.*"step":"figures","part":"rotation \([^"]*\)".*/\1/p' "$folder/out/results.jsonl" | head -n 1)" = g3_c4 ]
expect "whole lookups come before all else" \
    [ "$(sed -n 's/.*"step":"figures","part":"\([^"]*\)".*/\1/p' "$folder/out/results.jsonl" | head -n 1)" = "lookups of 4 bits, g = 2" ]
expect "circuits run on the device, for a limited time" has 1 '"arguments":"circuit --circuit nn20 .*--device cuda --max-seconds 70"'
expect "a circuit with wrong results is told" has 1 '"part":"NN-20, dense".*"failed with exit code 14"'
expect "the keyswitch is timed" has 1 '"name":"keyswitch_4bits_batch1"'
expect "--long reaches the statistics" grep -q long "$folder/out/gpu_run.log"

# a program that hangs takes the step's time, not more
program gpu_ceilings <<'EOT'
[ "$1" = nothing ] || sleep 100
EOT
rm "$folder/out/results.jsonl"
seconds=2
started=$(date +%s)
run --step first
expect "a step ends in its time" [ $(($(date +%s) - started)) -lt 20 ]
expect "a part that hangs is stopped" has 1 '"result":"time ran out"'
expect "parts without time are told" [ "$(rows '"no time left"')" -gt 3 ]
[ $status -eq 0 ] && echo "gpu_run: all steps behave"
exit $status
