"""What to learn: kinds of tasks, and the codec between y and numbers."""

from mtlearn.tasks._array_rows import (
    array_dtype,
    in_arrays,
    keeps_labels,
    label_dtype,
)
from mtlearn.tasks._base import Task
from mtlearn.tasks._classification import Classification
from mtlearn.tasks._codec import (
    Codec,
    EncodedTargets,
    Layout,
    fit_codec,
    join_codecs,
)
from mtlearn.tasks._columns import PresentLabels, Strata
from mtlearn.tasks._count import Count
from mtlearn.tasks._decisions import FEW_SAMPLES, Decisions
from mtlearn.tasks._figure import Figure, LabelFigure, ScoredLabels
from mtlearn.tasks._head import Head, HeadLike
from mtlearn.tasks._infer import read_targets, suited_to, task_of_classes
from mtlearn.tasks._kinds import kinds
from mtlearn.tasks._label_weights import label_weights, task_weights
from mtlearn.tasks._layout import may_hold
from mtlearn.tasks._multi_label import MultiLabel
from mtlearn.tasks._one_of_labels import OneOfLabels
from mtlearn.tasks._open_targets import known_targets, open_targets
from mtlearn.tasks._ordinal import Ordinal
from mtlearn.tasks._predictions import TaskReader, read_predictions, read_scored
from mtlearn.tasks._reconstruction import Reconstruction
from mtlearn.tasks._regression import Regression
from mtlearn.tasks._shown import Mistakes
from mtlearn.tasks._target import Target, with_label
from mtlearn.tasks._tasks import Tasks
from mtlearn.tasks._unknown import (
    decode_rows,
    has_label,
    has_output,
    only_known,
    warn_unpredicted,
)

__all__ = [
    "FEW_SAMPLES",
    "Classification",
    "Codec",
    "Count",
    "Decisions",
    "EncodedTargets",
    "Figure",
    "Head",
    "HeadLike",
    "LabelFigure",
    "Layout",
    "Mistakes",
    "MultiLabel",
    "OneOfLabels",
    "Ordinal",
    "PresentLabels",
    "Reconstruction",
    "Regression",
    "ScoredLabels",
    "Strata",
    "Target",
    "Task",
    "Tasks",
    "array_dtype",
    "decode_rows",
    "fit_codec",
    "has_label",
    "has_output",
    "in_arrays",
    "join_codecs",
    "keeps_labels",
    "kinds",
    "known_targets",
    "label_dtype",
    "label_weights",
    "only_known",
    "may_hold",
    "open_targets",
    "TaskReader",
    "read_predictions",
    "read_scored",
    "read_targets",
    "task_weights",
    "suited_to",
    "task_of_classes",
    "warn_unpredicted",
    "with_label",
]
