#!/bin/sh
# The main job end to end: a perceptron that reads handwritten digits is compiled, test images are
# encrypted, evaluated encrypted at 128-bit security, and decrypted.
# usage: scripts/demo.sh [IMAGES]     how many images to encrypt (default 6)
set -eu
cd "$(dirname "$0")/.."
images=${1:-6}
scripts/setup.sh
. scripts/build.sh
build torc example_show_digits

torc=build/release/torc
model=models/digits_mlp
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() {
    echo
    echo "demo: $*"
}

seconds() { # FILE: the member "seconds" of a JSON object
    sed -n 's/.*"seconds":\([0-9.e+-]*\).*/\1/p' "$1"
}

step "compiling $model/digits_mlp.onnx; this is the report"
$torc compile $model/digits_mlp.onnx --inputset $model/inputset.npy \
    -o "$work/digits.torc" --client-spec "$work/digits.client"

step "the client makes its keys"
$torc keygen "$work/digits.client" --secret-key "$work/me.secret" --evaluation-keys "$work/me.evk"

step "the client encrypts $images test images"
$torc encrypt "$work/digits.client" --secret-key "$work/me.secret" \
    --input $model/test_inputs.npy --samples "$images" --output "$work/x.ct"

step "the server runs the circuit on them; it has no secret key"
$torc run "$work/digits.torc" --evaluation-keys "$work/me.evk" \
    --input "$work/x.ct" --output "$work/y.ct" --json >"$work/run.json"

step "the client decrypts the results"
$torc decrypt "$work/digits.client" --secret-key "$work/me.secret" \
    --input "$work/y.ct" --output "$work/encrypted.npy"

step "all $(basename $model) test images through the simulator, without and with noise"
$torc simulate "$work/digits.torc" --input $model/test_inputs.npy --output "$work/simulated.npy"
$torc simulate "$work/digits.torc" --input $model/test_inputs.npy --output "$work/noisy.npy" --noise

build/release/example_show_digits $model/test_inputs.npy $model/test_labels.npy \
    $model/expected.npy "$work/simulated.npy" "$work/noisy.npy" "$work/encrypted.npy" \
    "$(seconds "$work/run.json")"
