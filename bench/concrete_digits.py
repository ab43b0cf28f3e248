"""The digits perceptron in Concrete-ML: seconds an encrypted image, simulated images, accuracy.

usage: concrete_digits.py ROWS.jsonl NAME

Appends one JSON object, called NAME, to ROWS.jsonl. The network 64-64-32-10 is trained on the split of
models/digits_mlp, quantised to 4 bits, its sums rounded to 5 bits (approximately), at 2^-40 a lookup:
96 lookups, as torc has them. Encryption and decryption count.
"""

import json
import sys
import time

import numpy as np
import torch
from concrete.ml.torch.compile import compile_torch_model
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EPOCHS = 60
CALIBRATION_ROWS = 500
SIMULATED = 200
ENCRYPTED = 3


def timed(function):
    begin = time.perf_counter()
    result = function()
    return result, time.perf_counter() - begin


def train(x, y):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, 64), torch.nn.ReLU(),
        torch.nn.Linear(64, 32), torch.nn.ReLU(),
        torch.nn.Linear(32, 10))
    torch.manual_seed(0)  # again: the order of samples, whatever the initialisation drew
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    x, y = torch.tensor(x), torch.tensor(y)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    return net.eval()


def measure(net, x_train, x, y):
    model, compile_s = timed(lambda: compile_torch_model(
        net, x_train[:CALIBRATION_ROWS], n_bits=4, p_error=2.0**-40,
        rounding_threshold_bits={"n_bits": 5, "method": "approximate"}))
    circuit = model.fhe_circuit
    _, keygen_s = timed(lambda: circuit.client.keygen(True))
    simulated, simulate_s = timed(lambda: model.forward(x[:SIMULATED], fhe="simulate").argmax(1))
    encrypted = [timed(lambda i=i: model.forward(x[i:i + 1], fhe="execute").argmax(1))
                 for i in range(ENCRYPTED)]
    same = sum(int(label[0] == simulated[i]) for i, (label, _) in enumerate(encrypted))
    return {
        "compile_s": compile_s,
        "keygen_s": keygen_s,
        "encrypted_s": [seconds for _, seconds in encrypted],
        "simulate_s_per_sample": simulate_s / SIMULATED,
        "accuracy_simulated": float(np.mean(simulated == y[:SIMULATED])),
        "same": f"{same}/{ENCRYPTED}",
        "pbs": circuit.programmable_bootstrap_count,
    }


def main():
    path, name = sys.argv[1:]
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        (x / 16).astype(np.float32), y, test_size=0.4, random_state=0, stratify=y)
    row = {"name": name, **measure(train(x_train, y_train), x_train, x_test, y_test)}
    with open(path, "a", encoding="utf-8") as rows:
        rows.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
