"""mtlearn's estimators for the problems of the benchmarks, on the CPU."""

from typing import Any

import numpy as np
import torch

from benchmarks._problem import Problem
from benchmarks._process import Contender
from mtlearn import (
    Classification,
    Head,
    MultiTaskImageEstimator,
    Partial,
    Regression,
    Tasks,
)
from mtlearn.networks import ResNet
from mtlearn.tasks import Task


def make_tasks(problem: Problem) -> Tasks:
    """Return the three tasks, with the heads of the problem."""
    digit, item, shade = (
        Head(hidden=(width,), dropout=problem.head_dropout)
        for width in problem.head_hidden
    )
    digits, items, _ = problem.n_outputs
    return Tasks(
        digit=Classification(digits, head=digit),
        item=Classification(items, head=item),
        shade=Regression(head=shade),
    )


def make_estimator(
    problem: Problem, tasks: Tasks | Task | None = None, **params: Any
) -> MultiTaskImageEstimator:
    """Return an estimator with the network of the problem that trains one epoch.

    For the reference problem, the widths and two of the heads are mtlearn's defaults.
    """
    backbone = Partial(
        ResNet,
        widths=problem.widths,
        n_blocks=problem.n_blocks,
        n_features=problem.n_features,
        dropout=problem.dropout,
    )
    settings = {
        "backbone": backbone,
        "batch_size": problem.batch_size,
        "lr": problem.lr,
        "lr_schedule": None,
        "max_epochs": 1,
        "device": "cpu",
        "random_state": 0,
    }
    tasks = make_tasks(problem) if tasks is None else tasks
    return MultiTaskImageEstimator(tasks, **{**settings, **params})


def training(
    X: np.ndarray,
    y: np.ndarray,
    problem: Problem,
    threads: int | None,
    *,
    precision: str = "auto",
) -> Contender:
    """Return an estimator that trains one epoch a call: a whole `fit` that goes on."""
    if threads is not None:
        torch.set_num_threads(threads)
    estimator = make_estimator(problem, precision=precision, warm_start=True)
    return Contender(
        lambda: estimator.fit(X, y),
        lambda: sum(weight.numel() for weight in estimator.net_.module_.parameters()),
    )
