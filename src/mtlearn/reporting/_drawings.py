"""The displays that a report shows."""

from collections.abc import Callable, Iterator

import numpy as np

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._unwrap import reach_network, unwrap
from mtlearn.inspection import (
    CalibrationDisplay,
    ClasswiseDisplay,
    ConfusionDisplay,
    EmbeddingDisplay,
    EnsembleGainDisplay,
    LearningCurvesDisplay,
    ReconstructionDisplay,
    ResidualsDisplay,
    reliability,
)
from mtlearn.metrics import has_spread
from mtlearn.reporting._evidence import Evidence, TaskEvidence
from mtlearn.reporting._label_drawings import OF_LABELS_THAT_ARE_THERE
from mtlearn.reporting._pictures import Picture, drawn

# A matrix of more classes cannot be read.
MOST_CLASSES = 100
# Of fewer rows there is no neighbourhood; more take seconds.
_FEWEST_ROWS, MOST_POINTS = 10, 500


def pictures_of_training(evidence: Evidence) -> list[Picture]:
    """Draw the curves of all tasks together.

    Parameters
    ----------
    evidence : Evidence
        What is known.

    Returns
    -------
    list of Picture
        One.
    """
    return [
        _curves(
            evidence,
            LearningCurvesDisplay.TOTAL,
            "the weighted loss and the mean of the metrics",
        )
    ]


def pictures_together(evidence: Evidence) -> list[Picture]:
    """Draw what tasks have to do with each other.

    Parameters
    ----------
    evidence : Evidence
        What is known.

    Returns
    -------
    list of Picture
        Those that there are for such an estimator.
    """
    pictures = []
    conflict = evidence.conflict
    if conflict is not None:
        pairs = "; ".join(
            f"{each.task} and {each.other} ({each.cosine:.2f})"
            for each in conflict.conflicts(3)
        )
        text = f"Cosines between gradients on the shared weights. Lowest: {pairs}."
        pictures.append(drawn(conflict.plot, text))
    for name in whose_features(evidence):
        embedding = EmbeddingDisplay.from_estimator(
            evidence.estimator,
            evidence.X,
            evidence.y,
            tasks=None if name is None else [name],
            features_of=name,
            max_samples=MOST_POINTS,
            random_state=0,
        )
        whose = "that the tasks share" if name is None else f"of {name}"
        text = (
            f"The features {whose}, by t-SNE: near points are alike to the "
            "network. Distances across the picture and axes mean nothing."
        )
        pictures.append(drawn(embedding.plot, text))
    tasks = unwrap(evidence.estimator).tasks_
    for name in [name for name, task in tasks.items() if task.makes_inputs]:
        display = ReconstructionDisplay.from_estimator(
            evidence.estimator, evidence.X, task=name
        )
        text = (
            f"What {name} makes of the samples with the largest and the smallest "
            f"reconstruction error; the median is {np.nanmedian(display.errors):.3g}."
        )
        pictures.append(drawn(display.plot, text))
    if has_spread(evidence.estimator):
        gain = EnsembleGainDisplay.from_estimator(
            evidence.estimator, evidence.X, evidence.y
        )
        text = "The members of the ensemble, their mean and the ensemble."
        pictures.append(drawn(gain.plot, text))
    return pictures


def whose_features(evidence: Evidence) -> list[str | None]:
    """Tell of which tasks one network has features to draw enough rows by.

    Parameters
    ----------
    evidence : Evidence
        What is known.

    Returns
    -------
    list of str or None
        None stands for all tasks, where they share their features. Empty where no task
        has colours for them.
    """
    display = EmbeddingDisplay.__name__
    shown = [each.name for each in evidence.tasks if display in each.task.displays]
    few = evidence.tasks[0].n_samples < _FEWEST_ROWS
    if few or len(evidence.networks) > 1 or not shown:
        return []
    network, X = reach_network(evidence.estimator, take_rows(evidence.X, np.arange(1)))
    names = shown if network.net_.module_.per_task else [None]
    return [name for name in names if network.embed(X, name).shape[1] > 1]


def pictures_of_task(evidence: Evidence, task: TaskEvidence) -> list[Picture]:
    """Draw the displays of one task.

    Parameters
    ----------
    evidence : Evidence
        What is known.
    task : TaskEvidence
        With labels.

    Returns
    -------
    list of Picture
        Of the displays for its kind.
    """
    pictures = [_curves(evidence, task.name, f"loss and metric of {task.name}")]
    for display, draw in _OF_LABELS.items():
        if display in task.task.displays:
            pictures.extend(draw(evidence, task))
    return pictures


def _curves(evidence: Evidence, task: str, what: str) -> Picture:
    display = LearningCurvesDisplay.from_estimator(evidence.estimator)
    return drawn(lambda: display.plot(tasks=[task]), f"By epoch: {what}.")


def _confusion(evidence: Evidence, task: TaskEvidence) -> Iterator[Picture]:
    classes = task.task.classes_in_order()
    confusion = ConfusionDisplay.from_predictions(
        task.labels.true, task.labels.predicted, labels=classes, task=task.name
    )
    confused = "; ".join(
        f"{each.true} as {each.predicted} ({each.count:g} times, {each.rate:.0%})"
        for each in confusion.confused(3)
    )
    if len(confusion.labels[task.name]) <= MOST_CLASSES:
        yield drawn(
            lambda: confusion.plot(normalize=True, mask_diagonal=len(classes) > 2),
            "Share of each true class that is predicted as another. "
            f"Most often confused: {confused or 'none'}.",
        )


def _classwise(evidence: Evidence, task: TaskEvidence) -> Iterator[Picture]:
    classes = task.task.classes_in_order()
    if len(classes) > 2:
        classwise = ClasswiseDisplay.from_predictions(
            task.labels.true, task.labels.predicted, labels=classes, task=task.name
        )
        worst = ", ".join(f"{each.label} ({each.f1:.2f})" for each in classwise.worst())
        yield drawn(
            classwise.plot,
            f"Each class, against its share of the labels. Lowest F1: {worst}.",
        )


def _calibration(evidence: Evidence, task: TaskEvidence) -> Iterator[Picture]:
    if task.task.has_probabilities:
        curve = reliability(task.scored.confidences())
        yield drawn(
            CalibrationDisplay({task.name: curve}).plot,
            "Accuracy against confidence, and the share of the samples with it: "
            f"expected calibration error {curve.error:.3f}.",
        )
    elif evidence.coverage is not None:
        display = CalibrationDisplay({task.name: evidence.coverage.curves[task.name]})
        yield drawn(
            display.plot,
            "How many true values lie within intervals from the spread of the members: "
            f"on average {display.error():.2f} away from what they say.",
        )


def _residuals(evidence: Evidence, task: TaskEvidence) -> Iterator[Picture]:
    display = ResidualsDisplay.from_predictions(
        task.labels.true, task.labels.predicted, task=task.name
    )
    found = display.figures()
    yield drawn(
        display.plot,
        f"True against predicted values, and the residuals: bias {found.bias:.3g}, "
        f"deviation {found.deviation:.3g}.",
    )


# By the displays that kinds name, in the order of the page.
_OF_LABELS: dict[str, Callable[[Evidence, TaskEvidence], Iterator[Picture]]] = {
    ConfusionDisplay.__name__: _confusion,
    ClasswiseDisplay.__name__: _classwise,
    ResidualsDisplay.__name__: _residuals,
    CalibrationDisplay.__name__: _calibration,
    **OF_LABELS_THAT_ARE_THERE,  # at the end, beside which examples stand
}
