"""Writes the small models of tests/data/onnx with inputs and expected outputs. Not run by the tests.

    python models/train/test_models.py tests/data/onnx

NAME.onnx, NAME.x.npy [rows][...], NAME.y.npy (the scores, from onnxruntime), for classifiers also
NAME.label.npy. Versions: Python 3.11, torch 2.15.0, scikit-learn 1.9.1, skl2onnx 1.20.0,
onnx 1.23.2, onnxruntime 1.31.1.
"""
import os
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")
N = torch.nn
ROWS = 96


def save(folder, name, model, x, scores=None, label=None):
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in list(model.graph.input) + list(model.graph.value_info) + list(model.graph.output):
        del value.metadata_props[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    path = os.path.join(folder, name + ".onnx")
    onnx.save(model, path)
    finish(folder, name, path, x, scores, label)


def finish(folder, name, path, x, scores, label):
    session = onnxruntime.InferenceSession(path)
    feed = session.get_inputs()[0].name
    fixed = session.get_inputs()[0].shape[0] == 1
    names = [o.name for o in session.get_outputs()]
    batches = [x[i:i + 1] for i in range(len(x))] if fixed else [x]
    runs = [session.run(names, {feed: b}) for b in batches]
    out = {n: [r[i] for r in runs] for i, n in enumerate(names)}
    y = out[scores or names[-1]]
    if isinstance(y[0], list):  # ZipMap: a list of dictionaries
        y = [np.array([[row[k] for k in sorted(row)] for row in part]) for part in y]
    np.save(os.path.join(folder, name + ".x.npy"), x)
    np.save(os.path.join(folder, name + ".y.npy"), np.concatenate(y).astype(np.float32))
    if label:
        np.save(os.path.join(folder, name + ".label.npy"), np.concatenate(out[label]).astype(np.int64))


def fit(net, draw, out, steps=300):
    """Fits a smooth function, so that weights and activations are those of a trained network."""
    generator = torch.Generator().manual_seed(1)
    x = torch.tensor(draw(1000))
    flat = (x.flatten(1) - x.flatten(1).mean(0)) / x.flatten(1).std(0)
    hidden = torch.tanh(1.5 * flat @ torch.randn(flat.shape[1], 4, generator=generator)
                        / flat.shape[1] ** 0.5)
    target = hidden @ torch.randn(4, out, generator=generator)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        ((net(x).reshape(len(x), -1) - target) ** 2).mean().backward()
        optimizer.step()
    return net.eval()


class Residual(N.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = N.Linear(8, 8), N.Linear(8, 8), N.Linear(16, 3)

    def forward(self, x):
        h = torch.relu(self.a(x))
        g = torch.tanh(self.b(h) + x)
        return self.c(torch.cat([g, h], 1))


class Scaled(N.Module):
    """Constants around the layers: normalised input, affine output."""

    def __init__(self):
        super().__init__()
        self.a, self.b = N.Linear(6, 10), N.Linear(10, 2)
        self.register_buffer("mean", torch.tensor([1., -2., 0.5, 3., 0., 10.]))
        self.register_buffer("deviation", torch.tensor([1., 2., 0.1, 5., 1., 20.]))

    def forward(self, x):
        h = N.functional.leaky_relu((x - self.mean) / self.deviation @ self.a.weight.T + self.a.bias)
        return 3 * self.b(h) - 0.5


def chain(*sizes, act=N.ReLU, head=(), tail=(), norm=False):
    parts = list(head)
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        parts.append(N.Linear(a, b))
        if i < len(sizes) - 2:
            parts += ([N.BatchNorm1d(b)] if norm else []) + [act()]
    return N.Sequential(*parts, *tail)


def torch_models(folder):
    # name, network, input shape, outputs, opset (None: newest), dynamo, symbolic batch
    table = [
        ("ts9_relu", lambda: chain(8, 16, 4, head=[N.Flatten()]), (2, 4), 4, 9, False, True),
        ("ts9_clip", lambda: chain(8, 12, 3, act=N.ReLU6), (8,), 3, 9, False, True),
        ("ts11_tanh_fixed", lambda: chain(6, 12, 12, 3, act=N.Tanh), (6,), 3, 11, False, False),
        ("ts11_elu", lambda: chain(5, 10, 2, act=N.ELU), (5,), 2, 11, False, True),
        ("ts12_softmax", lambda: chain(8, 12, 5, tail=[N.Softmax(1)]), (8,), 5, 12, False, True),
        ("ts13_sigmoid", lambda: chain(7, 14, 7, 3, act=N.Sigmoid), (7,), 3, 13, False, True),
        ("ts13_hardtanh", lambda: chain(8, 12, 3, act=N.Hardtanh), (8,), 3, 13, False, False),
        ("ts14_view", lambda: chain(8, 9, 4, head=[N.Flatten()], tail=[N.Unflatten(1, (2, 2))]),
         (2, 2, 2), 4, 14, False, True),
        ("ts17_norm_leaky", lambda: chain(10, 20, 10, 4, act=N.LeakyReLU, norm=True,
                                          tail=[N.LogSoftmax(1)]), (10,), 4, 17, False, True),
        ("ts15_softplus", lambda: chain(4, 16, 16, 1, act=N.Softplus), (4,), 1, 15, False, True),
        ("dyn18_relu", lambda: chain(12, 24, 12, 6, 3), (12,), 3, 18, True, True),
        ("dyn18_fixed_sigmoid", lambda: chain(6, 12, 1, tail=[N.Sigmoid()]), (6,), 1, 18, True, False),
        ("dyn20_gelu", lambda: chain(8, 16, 2, act=N.GELU), (8,), 2, 20, True, True),
        ("dyn21_tokens", lambda: chain(4, 8, 2, act=N.Tanh), (3, 4), 6, 21, True, True),
        ("dyn23_prelu", lambda: chain(8, 16, 2, act=lambda: N.PReLU(16)), (8,), 2, 23, True, True),
        ("dyn_residual", Residual, (8,), 3, None, True, True),
        ("dyn_scaled", Scaled, (6,), 2, None, True, True),
        ("dyn_norm", lambda: chain(10, 12, 3, act=N.ReLU, norm=True), (10,), 3, None, True, True),
        ("dyn_linear", lambda: chain(16, 4), (16,), 4, None, True, True),
        ("dyn_wide", lambda: chain(40, 60, 2), (40,), 2, None, True, True),
        ("dyn_external", lambda: chain(8, 16, 2), (8,), 2, None, True, True),
        ("dyn_silu", lambda: chain(8, 16, 2, act=N.SiLU), (8,), 2, None, True, True),
    ]
    for seed, (name, make, shape, out, opset, dynamo, symbolic) in enumerate(table):
        torch.manual_seed(seed)
        generator = np.random.default_rng(seed)

        def draw(rows):
            x = generator.uniform(-2, 2, size=(rows, *shape))
            if name == "dyn_scaled":
                x = x * [1, 2, 0.1, 5, 1, 20] + [1, -2, 0.5, 3, 0, 10]
            return x.astype(np.float32)

        x = draw(ROWS)
        net = fit(make(), draw, out)
        path = os.path.join(folder, name + ".onnx")
        extra = {}
        if symbolic:
            extra = ({"dynamic_shapes": ({0: torch.export.Dim("batch")},)} if dynamo
                     else {"dynamic_axes": {"x": {0: "batch"}, "y": {0: "batch"}}})
        torch.onnx.export(net, (torch.tensor(x[:2 if symbolic else 1]),), path, input_names=["x"],
                          output_names=["y"], opset_version=opset, dynamo=dynamo,
                          external_data=name == "dyn_external", **extra)
        if name == "dyn_external":
            external = onnx.load(path, load_external_data=False)
            save(folder, name, external, x)
        else:
            save(folder, name, onnx.load(path), x)


def sklearn_models(folder):
    def rows(load):
        x, y = load(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(x))
        return x[order], y[order]

    def model(cls, seed, scaled, **arguments):
        m = cls(random_state=seed, max_iter=400, **arguments)
        return make_pipeline(StandardScaler(), m) if scaled else m

    table = [
        ("skl_iris", load_iris, MLPClassifier, False, dict(hidden_layer_sizes=(10,)), "float", {}),
        ("skl_wine_scaled", load_wine, MLPClassifier, True,
         dict(hidden_layer_sizes=(16, 8), activation="tanh"), "float", {}),
        ("skl_cancer_scaled", load_breast_cancer, MLPClassifier, True,
         dict(hidden_layer_sizes=(16,)), "float", {"zipmap": False}),
        ("skl_cancer_logistic", load_breast_cancer, MLPClassifier, True,
         dict(hidden_layer_sizes=(8, 8), activation="logistic"), "float", {}),
        ("skl_diabetes_scaled", load_diabetes, MLPRegressor, True,
         dict(hidden_layer_sizes=(12,)), "float", None),
        ("skl_diabetes_tanh", load_diabetes, MLPRegressor, False,
         dict(hidden_layer_sizes=(8, 4), activation="tanh", learning_rate_init=0.01), "float",
         None),
        ("skl_constant", load_diabetes, MLPRegressor, False,  # saturated: gives one value always
         dict(hidden_layer_sizes=(8, 4), activation="tanh", solver="lbfgs"), "float", None),
        ("skl_identity_double", load_diabetes, MLPRegressor, True,
         dict(hidden_layer_sizes=(6,), activation="identity", solver="lbfgs"), "double", None),
        ("skl_iris_integer", load_iris, MLPClassifier, True,
         dict(hidden_layer_sizes=(9,)), "int", {"zipmap": False}),
    ]
    for seed, (name, load, cls, scaled, arguments, kind, options) in enumerate(table):
        x, y = rows(load)
        if kind == "int":
            x = np.rint(x * 10)
        if name == "skl_diabetes_tanh":  # no scaler in the model, so data of a good scale
            x, y = x * 20, (y - 152) / 77
        m = model(cls, seed, scaled, **arguments).fit(x, y)
        types = {"float": (FloatTensorType, np.float32), "double": (DoubleTensorType, np.float64),
                 "int": (Int64TensorType, np.int64)}[kind]
        last = m.steps[-1][1] if scaled else m
        onx = to_onnx(m, initial_types=[("X", types[0]([None, x.shape[1]]))],
                      options=None if options is None else {id(last): options}, target_opset=None)
        label = "label" if options is not None else None
        if label:
            label = onx.graph.output[0].name
        save(folder, name, onx, x[:ROWS].astype(types[1]), label=label)


if __name__ == "__main__":
    torch.set_num_threads(1)
    os.makedirs(sys.argv[1], exist_ok=True)
    torch_models(sys.argv[1])
    sklearn_models(sys.argv[1])
