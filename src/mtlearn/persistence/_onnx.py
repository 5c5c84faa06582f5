"""Estimators as ONNX files, which predict without this package."""

import itertools
import json
import os
from collections.abc import Sequence
from typing import Any, BinaryIO, Literal

import torch
from torch import nn

from mtlearn._utils._files import write_atomically
from mtlearn._utils._optional import import_optional
from mtlearn._utils._short import short
from mtlearn._utils._unwrap import check_multi_task
from mtlearn._utils._validation import check_choice
from mtlearn.exceptions import InvalidParameterError, NetworkError
from mtlearn.networks import MultiTaskNetwork, OwnHead
from mtlearn.openset import OpenSetDetector
from mtlearn.persistence._onnx_graph import make_module, parts, row_shape
from mtlearn.persistence._onnx_network import Remaking, exported_tasks
from mtlearn.persistence._onnx_open_set import described_thresholds, thresholds
from mtlearn.persistence._quiet import quiet
from mtlearn.persistence._save import versions

_FORMAT = {"name": "mtlearn-onnx", "version": 1}
_OPSET = 20
_DTYPES = {"float32": torch.float32, "uint8": torch.uint8}
# Not torch.export's 0 or 1, which it may take for a constant.
_EXAMPLE_ROWS = 2


def to_onnx(
    estimator: Any,
    path: str | os.PathLike[str],
    *,
    input_dtype: Literal["float32", "uint8"] = "float32",
) -> None:
    """Write what an estimator predicts to one ONNX file.

    The file has one input, rows of X as the estimator takes them, and one output for
    each task, in task order and by its name: what `predict_proba` gives, and what
    `reconstruct` does. Scaling, softmax and the units of y are in the file. Of an
    :class:`~mtlearn.OpenSetClassifier` there is one output more for each threshold:
    what `score_samples` gives.

    Parameters
    ----------
    estimator : estimator
        Fitted: a :class:`~mtlearn.MultiTaskImageEstimator`,
        :class:`~mtlearn.MultiTaskEstimator`, :class:`~mtlearn.SeedEnsemble`,
        :class:`~mtlearn.VotingEnsemble`, :class:`~mtlearn.TemperatureScaled` or
        :class:`~mtlearn.OpenSetClassifier`, or a Pipeline of the transformers of
        `mtlearn.preprocessing` that ends in one, or a search over such. An
        `ImageReader` is left out: the file takes images as it reads them.
    path : str or path-like
        Where to. A file that is there is replaced once the new one is whole.
    input_dtype : {"float32", "uint8"}, default="float32"
        Type of the input.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If the estimator, or a step or member of it, cannot be exported, such as one
        of a table with categories, or `input_dtype` is none of these.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    NetworkError
        If torch cannot export the network, such as a backbone or head of your own, or
        the loss of your own that a score of reconstructions needs.
    MissingDependencyError
        If onnx or onnxscript is not installed.

    See Also
    --------
    save : For a file that `load` makes an estimator of again.

    Notes
    -----
    The input is called ``"X"``, or ``"X_"`` if a task is called so. It has the shape
    `(batch, height, width, n_channels)` for images, `(batch, n_features)` for tables,
    or what the first step of a Pipeline was fitted on; `batch` is any number of rows.
    Outputs are float64: probabilities of shape `(batch, n_classes)`, or values of
    shape `(batch, 1)`. The network computes in float32; an
    :class:`~mtlearn.networks.MLP` in the type of its weights, float64 for tables.
    Hooks of the network are left out, as they are from a pickle.

    The file's ``metadata_props`` are JSON: ``"format"``, ``"class"``, ``"versions"``,
    and ``"tasks"``, a list of the `name`, `kind` and `classes` of each.

    Scores of an :class:`~mtlearn.OpenSetClassifier` are the last outputs, of shape
    `(batch, 1)`: ``"known_score"``, or ``"{task}_known_score"`` of each task with a
    threshold of its own, with underscores after it if a task is called so. A row is
    unknown if its score is below `offset`. ``"open_set"`` of the file's
    ``metadata_props`` is a list of the `output`, `tasks`, `offset`, `quantile` and
    `unknown_label` of each threshold; `offset` is null where none is rejected.

    Examples
    --------
    >>> from mtlearn import MultiTaskEstimator, Regression, to_onnx
    >>> from mtlearn.datasets import load_wine_quality
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> estimator = MultiTaskEstimator(Regression(), max_epochs=1).fit(X, y)
    >>> to_onnx(estimator, "wine.onnx", input_dtype="float64")
    Traceback (most recent call last):
    mtlearn.exceptions.InvalidParameterError: The 'input_dtype' parameter of to_onnx \
must be one of 'float32', 'uint8'. Got 'float64' instead.
    """
    check_choice(input_dtype, "input_dtype", "to_onnx", _DTYPES)
    if isinstance(estimator, OpenSetDetector):
        raise InvalidParameterError(
            "to_onnx cannot export an OpenSetDetector alone. Fit an OpenSetClassifier "
            "with calibration='prefit' around the estimator, and export that."
        )
    check_multi_task(estimator, "estimator", "to_onnx")
    last = parts(estimator)[-1]
    tasks = exported_tasks(last)
    shape, module = row_shape(estimator), make_module(estimator)
    for package in ("onnx", "onnxscript"):
        import_optional(package, "onnx", "to_onnx")
    program = _exported(module, shape, _DTYPES[input_dtype])
    model = program.model
    _forget_origin(model)
    _rename(model, [*tasks.names, *thresholds(last)])
    described = {
        "format": _FORMAT,
        "class": type(estimator).__name__,
        "versions": versions(),
        "tasks": [
            {
                "name": name,
                "kind": task.kind,
                "classes": _labels(task),
                **_thresholds(task),
            }
            for name, task in tasks.items()
        ],
        **described_thresholds(last),
    }
    for name, value in described.items():
        model.metadata_props[name] = json.dumps(value)
    content = program.model_proto.SerializeToString()

    def write(file: BinaryIO) -> None:
        file.write(content)

    write_atomically(path, write)


def _labels(task: Any) -> list[Any] | None:
    """Give the classes of a task, in the order of its probabilities."""
    classes = getattr(task, "classes_", None)
    return None if classes is None else classes.tolist()


def _thresholds(task: Any) -> dict[str, Any]:
    """Give the probabilities above which labels are predicted, if a task has such."""
    found = getattr(task, "thresholds_", None)
    return {} if found is None else {"thresholds": found.tolist()}


def _exported(module: nn.Module, shape: Sequence[int], dtype: torch.dtype) -> Any:
    """Give torch's ONNX program of a module that takes any number of rows."""
    rows = torch.zeros(_EXAMPLE_ROWS, *shape, dtype=dtype, device="cpu")
    with quiet():
        try:
            return torch.onnx.export(
                module,
                (rows,),
                dynamo=True,
                verbose=False,
                opset_version=_OPSET,
                dynamic_shapes=({0: "batch"},),
            )
        except Exception as error:
            raise NetworkError(_refusal(module, error)) from error


def _refusal(module: nn.Module, error: Exception) -> str:
    cause = error.__cause__ or error  # torch's own message is pages of advice
    first_line = str(cause).partition("\n")[0].rstrip(".")
    networks = [each for each in module.modules() if isinstance(each, MultiTaskNetwork)]
    backbones = sorted({type(network.backbone).__name__ for network in networks})
    own = [each for each in module.modules() if isinstance(each, OwnHead)]
    heads = sorted({type(head.module).__name__ for head in own})
    with_heads = f" and the head {' or '.join(heads)}" if heads else ""
    with_losses = "".join(
        f" and the loss {short(each.task.loss)} of task {each.name!r}"
        for each in module.modules()
        if isinstance(each, Remaking) and isinstance(each.loss, nn.Module)
    )
    return (
        f"torch cannot export a network with the backbone {' or '.join(backbones)}"
        f"{with_heads}{with_losses} to ONNX: {type(cause).__name__}: {first_line}. In "
        "a backbone, head or loss of your own, no 'if' and no shape may depend on the "
        "values of the input. torch.export.export(backbone, ...) shows the line."
    )


def _rename(model: Any, names: Sequence[str]) -> None:
    """Name the input and the outputs, after others that have one of these names."""
    (rows,) = model.graph.inputs
    input_name = "X"
    while input_name in names:
        input_name += "_"
    outside = dict(zip(model.graph.outputs, names, strict=True)) | {rows: input_name}
    values = _values(model)
    taken = {value.name for value in values} | set(outside.values())
    for value in values:
        if value in outside:
            value.name = outside[value]
        elif value.name in outside.values():
            fresh = (f"{value.name}_{number}" for number in itertools.count())
            value.name = next(name for name in fresh if name not in taken)
            taken.add(value.name)


def _values(model: Any) -> list[Any]:
    """Give all that has a name, also in the branches of a backbone of the user's."""
    found: list[Any] = []
    for graph in model.graphs():
        found += [*graph.inputs, *graph.initializers.values()]
        for node in graph:
            found += node.outputs
    return found


def _forget_origin(model: Any) -> None:
    """Drop what the exporter notes of source files, their folders and their lines."""
    noted = [*_values(model), *model.graphs(), *model.graph.all_nodes()]
    for each in noted:
        each.metadata_props.clear()
        each.doc_string = None
