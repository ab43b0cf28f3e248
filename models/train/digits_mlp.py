"""Trains models/digits_mlp on scikit-learn's digits and writes its files. Not needed to use torc.

    python models/train/digits_mlp.py models/digits_mlp

Needs torch, scikit-learn, onnx, onnxscript and onnxruntime; models/digits_mlp/README.md names the
versions that made the files in the tree. The split and the scaling (X/16, 60/40, stratified, seed 0)
are those of common benchmarks of private inference, so that accuracies compare.
"""
import os
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 0
EPOCHS = 80
BATCH = 32
CALIBRATION_ROWS = 500


def data():
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    return train_test_split(x, y, test_size=0.4, random_state=SEED, stratify=y)


def train(x, y):
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, 64), torch.nn.ReLU(),
        torch.nn.Linear(64, 32), torch.nn.ReLU(),
        torch.nn.Linear(32, 10))
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    x, y = torch.tensor(x), torch.tensor(y)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
        schedule.step()
    return net.eval()


def export(net, path):
    torch.onnx.export(net, (torch.zeros(2, 64),), path, input_names=["image"],
                      output_names=["logits"], dynamic_shapes=({0: torch.export.Dim("batch")},),
                      dynamo=True, external_data=False)
    model = onnx.load(path)
    del model.metadata_props[:]
    for node in model.graph.node:  # stack traces of the exporting machine
        del node.metadata_props[:]
    onnx.save(model, path)


def main(folder):
    train_x, test_x, train_y, test_y = data()
    net = train(train_x, train_y)
    path = os.path.join(folder, "digits_mlp.onnx")
    export(net, path)
    logits = onnxruntime.InferenceSession(path).run(None, {"image": test_x})[0]
    np.save(os.path.join(folder, "inputset.npy"), train_x[:CALIBRATION_ROWS])
    np.save(os.path.join(folder, "test_inputs.npy"), test_x)
    np.save(os.path.join(folder, "test_labels.npy"), test_y.astype(np.int64))
    np.save(os.path.join(folder, "expected.npy"), logits)
    print("accuracy: train %.4f test %.4f" % (
        float((net(torch.tensor(train_x)).argmax(1).numpy() == train_y).mean()),
        float((logits.argmax(1) == test_y).mean())))


if __name__ == "__main__":
    main(sys.argv[1])
