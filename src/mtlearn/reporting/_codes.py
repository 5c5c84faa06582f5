"""The codes of findings, and what a finding is."""

from dataclasses import dataclass

CODES = {
    "MTL001": (
        "overfitting",
        "Use more rows, early_stopping=True, weight_decay, dropout, augmentation or a "
        "smaller backbone; or give the task a smaller weight.",
    ),
    "MTL002": (
        "a task at its baseline",
        "Look at its labels and whether X can tell them at all; give the task a larger "
        "weight, train longer, or try it alone.",
    ),
    "MTL003": (
        "a class or label that is never predicted",
        'Use sampler="balanced", class_weight="balanced" (of labels pos_weight="sqrt", '
        "and TunedThresholds), a focal loss, or more rows of it; or join it with "
        "another one.",
    ),
    "MTL004": (
        "a task that dominates the loss",
        "Set loss_weights so that the tasks have a like share, and compare the figures "
        "of all tasks.",
    ),
    "MTL005": (
        "tasks that pull against each other",
        "Compare with networks of their own by sharing_report; share less, or give "
        "each of them an estimator.",
    ),
    "MTL006": (
        "probabilities that do not come true",
        "Put the estimator into a TemperatureScaled or a SeedEnsemble, or use label "
        "smoothing.",
    ),
    "MTL007": (
        "biased values",
        "Compare the mean of the labels here and in training; look at the residuals "
        "for values that are out of reach, such as those beyond bounds.",
    ),
    "MTL008": (
        "training that ended early",
        "Raise max_epochs, or lr with a schedule.",
    ),
    "MTL009": (
        "an uncertain figure",
        "Use more labelled rows, or cross_val_predict, before you trust a comparison.",
    ),
    "MTL010": (
        "labels that a task cannot have",
        "Correct them; or fit again with all classes declared, or with wider bounds.",
    ),
    "MTL011": (
        "labels that are found far less than others",
        'Train longer; use pos_weight="sqrt", loss="focal" or TunedThresholds; look at '
        "the samples in which they are missed, and collect more that have them.",
    ),
    "MTL012": (
        "thresholds far from where F1 is highest",
        "Put the estimator into TunedThresholds, which finds them on samples held out.",
    ),
    "MTL013": (
        "labels that always come together",
        "Look whether one is a copy of the other, and join them; if not, collect "
        "samples that have one alone, without which nothing can tell them apart.",
    ),
}


@dataclass(frozen=True)
class Finding:
    """Something that a report has noticed.

    Attributes
    ----------
    code : str
        Such as ``"MTL001"``; it stays the same from version to version.
    task : str or None
        Which task; None for the whole.
    message : str
        What was found.

    Examples
    --------
    >>> from mtlearn.reporting import Finding
    >>> finding = Finding("MTL002", "item", "accuracy 0.10, baseline 0.12")
    >>> print(finding)
    MTL002 a task at its baseline (item): accuracy 0.10, baseline 0.12
    >>> finding.advice
    'Look at its labels and whether X can tell them at all; ...'
    """

    code: str
    task: str | None
    message: str

    @property
    def name(self) -> str:
        """What the code stands for."""
        return CODES[self.code][0]

    @property
    def advice(self) -> str:
        """What to do."""
        return CODES[self.code][1]

    def __str__(self) -> str:
        about = "" if self.task is None else f" ({self.task})"
        return f"{self.code} {self.name}{about}: {self.message}"
