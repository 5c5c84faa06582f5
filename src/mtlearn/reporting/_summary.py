"""What the data and the model are, in a few lines."""

from typing import Any

import numpy as np
import sklearn
import torch

from mtlearn._utils._indexing import evenly_spaced, take_rows
from mtlearn._utils._listing import listed
from mtlearn._utils._unwrap import reach_network
from mtlearn._utils._versioned import own_version
from mtlearn.data import LazyImages
from mtlearn.reporting._evidence import Evidence, TaskEvidence
from mtlearn.tasks import Task

# Rows that the range of X is read from; all of a large file would take minutes.
_ROWS_READ = 1000
_MOST_NAMES = 100

Table = tuple[list[str], list[list[str]]]


def data_facts(evidence: Evidence) -> list[tuple[str, str]]:
    """Describe X.

    Parameters
    ----------
    evidence : Evidence
        What is known.

    Returns
    -------
    list of (str, str)
        Names and values.
    """
    n_rows = evidence.tasks[0].n_samples
    rows = evenly_spaced(n_rows, _ROWS_READ)
    network, X = reach_network(evidence.estimator, take_rows(evidence.X, rows))
    if isinstance(X, LazyImages):  # less those that are skipped
        X = X[X.readable()]
    checked = network._check_X(X, reset=False)
    values = checked[np.arange(len(checked))]
    kind = "images" if values.ndim == 4 else "rows of a table"
    height_width = " x ".join(map(str, values.shape[1:3]))
    per_row = (
        f"{height_width} pixels, {values.shape[3]} channel"
        + "s" * (values.shape[3] > 1)
        if values.ndim == 4
        else f"{values.shape[1]} features"
    )
    some = "" if len(values) == n_rows else f", of {len(values)} rows"
    names = getattr(network, "feature_names_in_", None)
    facts = [("samples", f"{n_rows:,} {kind}"), ("each", per_row)]
    categories = getattr(network, "categories_", None)
    if categories is not None:
        numbers = np.array([each is None for each in categories])
        values = values[:, numbers]
        facts.append(("columns of categories", f"{(~numbers).sum()}"))
    known = values[np.isfinite(values)]
    if known.size:
        span = f"{known.min():.4g} to {known.max():.4g}, mean {known.mean():.4g}{some}"
        facts.append(("values, as the network gets them", span))
    if known.size < values.size:
        share = 1 - known.size / values.size
        facts.append(("missing values", f"{share:.1%}{some}"))
    if names is not None:
        facts.append(("columns", listed(names, _MOST_NAMES)))
    return facts


def label_table(evidence: Evidence) -> Table:
    """Describe y, a row for each task."""
    head = ["task", "kind", "labelled rows", "missing", "what they are"]
    return head, [
        [
            task.name,
            task.task.kind,
            f"{len(task.rows):,}",
            f"{task.missing:.1%}",
            _labels(task),
        ]
        for task in evidence.tasks
    ]


def _labels(task: TaskEvidence) -> str:
    if not len(task.rows):
        return "none here"
    return task.task.described(task.labels.true, task.labels.weight)


def model_facts(evidence: Evidence) -> list[tuple[str, str]]:
    """Describe the model and its training."""
    first, network = evidence.networks[0]
    n_networks = len(evidence.networks)
    histories = [each.history for _, each in evidence.networks]
    seconds = sum(row["seconds"] for history in histories for row in history)
    epochs = _range([len(history) for history in histories])
    kept = (
        each.best_epochs.values() or [each.best_epoch] for _, each in evidence.networks
    )
    best = _range([epoch for epochs in kept for epoch in epochs])
    weights = sum(each.numel() for each in first.net_.module_.parameters())
    facts = [
        ("estimator", type(evidence.estimator).__name__),
        ("weights", f"{weights:,}" + (" in each network" if n_networks > 1 else "")),
        ("computes in", first.precision_),
        ("epochs", f"{epochs}; the weights are those of epoch {best}"),
        ("training", f"{seconds:,.1f} s"),
        ("validation rows", "yes" if network.validates else "none"),
        (
            "versions",
            f"mtlearn {own_version()}, torch {torch.__version__}, "
            f"scikit-learn {sklearn.__version__}",
        ),
    ]
    drawn = getattr(first, "sampling_", None)  # which files of earlier versions lack
    if drawn is not None:
        facts.insert(5, ("drawn rows", _draws(drawn)))
    if n_networks > 1:
        facts.insert(1, ("networks", str(n_networks)))
    return facts


def _draws(sampling: dict[str, Any]) -> str:
    """Tell what a sampler makes of the rows of an epoch."""
    parts = [
        f"an epoch of {sampling['n_rows']:,} counts as "
        f"{sampling['effective_rows']:,.0f} different ones"
    ]
    for name, before in sampling["prevalence"].items():
        rarest = np.argmin(np.where(before > 0, before, np.inf))
        parts.append(
            f"the rarest label of {name} comes in {sampling['drawn'][name][rarest]:.1%}"
            f" of them, not {before[rarest]:.1%}"
        )
    return "; ".join(parts)


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def parameters(evidence: Evidence) -> Table:
    """List the parameters of the estimator that is trained."""
    first, _ = evidence.networks[0]
    params = first.get_params(deep=False)
    return ["parameter", "value"], [
        [name, repr(value)] for name, value in params.items()
    ]


def described(evidence: Evidence) -> str:
    """Write the whole estimator, without parameters that have their default."""
    return evidence.estimator.__repr__(N_CHAR_MAX=10**6)


def training_table(evidence: Evidence) -> Table:
    """Tell how each task was learned: its share of the loss, and how soon."""
    networks = [each for _, each in evidence.networks]
    rows = "valid" if all(each.validates for each in networks) else "train"
    where = "validation" if rows == "valid" else "training"
    head = [
        "task",
        "weight",
        "share of the loss",
        f"epochs to 90% of the fall of its {where} loss",
        "metric",
        "training rows",
        "validation rows",
    ]
    tasks = evidence.networks[0][0].tasks_
    return head, [_learned(name, task, networks, rows) for name, task in tasks.items()]


def _learned(name: str, task: Task, networks: list[Any], rows: str) -> list[str]:
    metric = task.metric
    share = np.mean([each.loss_shares().get(name, np.nan) for each in networks])
    soon = [_epochs_to_learn(each.losses(name, rows)) for each in networks]
    kept = [each.history[each.kept(name)] for each in networks]
    metrics = [
        np.mean([row.get(f"{part}_{name}_{metric}", np.nan) for row in kept])
        for part in ("train", "valid")
    ]
    return [
        name,
        f"{networks[0].weights[name]:g}",
        f"{share:.0%}",
        _range([each for each in soon if each]) if any(soon) else "did not fall",
        metric,
        *("" if np.isnan(each) else f"{each:.3f}" for each in metrics),
    ]


def _epochs_to_learn(losses: np.ndarray) -> int:
    """Count epochs until nine tenths of the fall of a loss; 0 if it did not fall."""
    if not np.isfinite(losses[0]) or np.nanmin(losses) >= losses[0]:
        return 0
    goal = losses[0] - 0.9 * (losses[0] - np.nanmin(losses))
    return int(np.flatnonzero(losses <= goal)[0]) + 1
