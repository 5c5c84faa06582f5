"""The displays that a report shows."""

from collections.abc import Iterator

from mtlearn.inspection._classwise import ClasswiseDisplay
from mtlearn.inspection._confusion import ConfusionDisplay
from mtlearn.inspection._learning_curves import TOTAL, LearningCurvesDisplay
from mtlearn.inspection._page._evidence import Evidence, TaskEvidence
from mtlearn.inspection._page._pictures import Picture, drawn
from mtlearn.inspection._residuals import ResidualsDisplay

# A matrix of more classes cannot be read.
_MOST_CLASSES = 100


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
    return [_curves(evidence, TOTAL, "the weighted loss and the mean of the metrics")]


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
    return []


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
    draw = _of_classes if task.is_classification else _of_values
    return [*pictures, *draw(task)]


def _curves(evidence: Evidence, task: str, what: str) -> Picture:
    display = LearningCurvesDisplay.from_estimator(evidence.estimator)
    return drawn(lambda: display.plot(tasks=[task]), f"By epoch: {what}.")


def _of_classes(task: TaskEvidence) -> Iterator[Picture]:
    true, predicted, classes = (
        task.labels.true,
        task.labels.predicted,
        task.task.classes_,
    )
    confusion = ConfusionDisplay.from_predictions(
        true, predicted, labels=classes, task=task.name
    )
    confused = "; ".join(
        f"{each.true} as {each.predicted} ({each.count:g} times, {each.rate:.0%})"
        for each in confusion.confused(3)
    )
    if len(confusion.labels[task.name]) <= _MOST_CLASSES:
        yield drawn(
            lambda: confusion.plot(normalize=True, mask_diagonal=len(classes) > 2),
            "Share of each true class that is predicted as another. "
            f"Most often confused: {confused or 'none'}.",
        )
    if len(classes) > 2:
        classwise = ClasswiseDisplay.from_predictions(
            true, predicted, labels=classes, task=task.name
        )
        worst = ", ".join(f"{each.label} ({each.f1:.2f})" for each in classwise.worst())
        yield drawn(
            classwise.plot,
            f"Each class, against its share of the labels. Lowest F1: {worst}.",
        )


def _of_values(task: TaskEvidence) -> Iterator[Picture]:
    display = ResidualsDisplay.from_predictions(
        task.labels.true, task.labels.predicted, task=task.name
    )
    found = display.figures()
    yield drawn(
        display.plot,
        f"True against predicted values, and the residuals: bias {found.bias:.3g}, "
        f"deviation {found.deviation:.3g}.",
    )
