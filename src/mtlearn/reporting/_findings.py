"""What a report notices by itself, in words with a stable code."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mtlearn._utils._listing import listed
from mtlearn._utils._written import written
from mtlearn.metrics import calibration_error
from mtlearn.reporting._codes import Finding
from mtlearn.reporting._evidence import Evidence, Network, TaskEvidence
from mtlearn.reporting._label_findings import badly_cut, less_found, together

# From where on something is worth a word; docs/guide/findings.md has them too.
RISE = 0.1  # of a validation loss above its lowest one, as a share
GAP = 0.1  # of a metric between training rows and those of the report
DOMINATES = 0.8  # share of a task in the loss
FALL = 0.02  # of the validation loss in the last tenth of the epochs
MISCALIBRATED = 0.05
OPPOSED = 0.1  # of a cosine below zero
BIASED = 0.1  # mean error, in deviations of the true values
WIDE = 0.2  # of the interval of an accuracy or an R²
_SIMULATIONS = 200
_MOST_NAMED = 5


def findings_of(evidence: Evidence) -> list[Finding]:
    """Look for everything that has a code.

    Parameters
    ----------
    evidence : Evidence
        What is known.

    Returns
    -------
    list of Finding
        By code, then in task order.
    """
    found = [each for look in _WHOLE for each in look(evidence)]
    found += [
        each
        for task in evidence.tasks
        if len(task.rows)
        for look in _EACH
        for each in look(evidence, task)
    ]
    return sorted(found, key=lambda each: each.code)


def _validated(evidence: Evidence) -> list[Network]:
    return [network for _, network in evidence.networks if network.validates]


def _overfitting(evidence: Evidence, task: TaskEvidence) -> Iterator[Finding]:
    said = [*_risen(_validated(evidence), task.name), *_gap(evidence, task)]
    if said:
        yield Finding("MTL001", task.name, "; ".join(said))


def _risen(networks: list[Network], name: str) -> Iterator[str]:
    """Tell of the network whose validation loss has risen most since its lowest."""
    risen = []
    for network in networks:
        losses = network.losses(name, "valid")
        if not np.isfinite(losses).any():
            continue
        lowest, kept = int(np.nanargmin(losses)), network.kept(name)
        limit = losses[lowest] + RISE * abs(losses[lowest])
        if kept > lowest and losses[kept] > limit:
            risen.append((losses[kept] - losses[lowest], lowest, kept, losses))
    if risen:
        _, lowest, kept, losses = max(risen, key=lambda each: each[0])
        yield (
            f"the validation loss was lowest after epoch {lowest + 1} "
            f"({losses[lowest]:.3g}), and is {losses[kept]:.3g} with the weights of "
            f"epoch {kept + 1}"
        )


def _gap(evidence: Evidence, task: TaskEvidence) -> Iterator[str]:
    """Tell how far the metric of training rows is above the one here."""
    metric, row = task.task.metric, task.main
    key = f"train_{task.name}_{metric}"
    found = [
        network.history[network.kept(task.name)][key]
        for estimator, network in evidence.networks
        if _is_plain(estimator)
    ]
    trained = np.mean(found) if found else np.nan
    if trained - row["value"] > GAP and row["high"] < trained:
        yield f"{metric} {trained:.3f} on training rows, {row['value']:.3f} here"


def _is_plain(estimator: Any) -> bool:
    """Tell whether metrics of training rows are means in which each row counts once.

    Drawn rows have another share of each class, and another accuracy.
    """
    drawn = getattr(estimator, "sampler", None) is not None
    return not (drawn or getattr(estimator, "_weighted", False))


def _at_baseline(evidence: Evidence, task: TaskEvidence) -> Iterator[Finding]:
    row = task.main
    if row["low"] <= row["baseline"]:
        yield Finding(
            "MTL002",
            task.name,
            f"{task.task.metric} {row['value']:.3f} ({row['low']:.3f} to "
            f"{row['high']:.3f}), baseline {row['baseline']:.3f}",
        )


def _never_predicted(evidence: Evidence, task: TaskEvidence) -> Iterator[Finding]:
    labels = task.labels
    found = task.task.never_predicted(labels.true, labels.predicted, labels.weight)
    counts = {label: int(count) for label, count in found.items()}
    if counts:
        named = [
            f"{written(label)} ({counts[label]} row{'s' * (counts[label] > 1)})"
            for label in sorted(counts, key=lambda label: -counts[label])
        ]
        yield Finding("MTL003", task.name, listed(named, _MOST_NAMED))


def _dominating(evidence: Evidence) -> Iterator[Finding]:
    names = list(evidence.networks[0][1].weights)
    if len(names) < 2:
        return
    shares = [network.loss_shares() for _, network in evidence.networks]
    for name in names:
        share = float(np.mean([each.get(name, 0.0) for each in shares]))
        if share >= DOMINATES:
            yield Finding(
                "MTL004", name, f"{share:.0%} of the training loss of all epochs"
            )


def _conflicting(evidence: Evidence) -> Iterator[Finding]:
    if evidence.conflict is None:
        return
    against: dict[str, list[str]] = {}
    for pair in evidence.conflict.conflicts():
        sure = pair.part_cosine + 2 * pair.std_error < 0
        if pair.cosine < -OPPOSED and sure:
            said = f"{pair.cosine:.2f} with {pair.other}"
            against.setdefault(pair.task, []).append(said)
    for task, others in against.items():
        message = (
            f"cosine of gradients on the shared weights {listed(others, _MOST_NAMED)}"
        )
        yield Finding("MTL005", task, message)


def _miscalibrated(evidence: Evidence, task: TaskEvidence) -> Iterator[Finding]:
    if not task.task.has_probabilities:
        return
    confidence, right, weight = task.scored.confidences()
    error = calibration_error(confidence, right, weight)
    if error <= MISCALIBRATED:
        return
    # Few rows have an error of calibration by chance alone.
    random = np.random.default_rng(0)
    by_chance = [
        calibration_error(
            confidence, random.random(len(confidence)) < confidence, weight
        )
        for _ in range(_SIMULATIONS)
    ]
    if error > np.quantile(by_chance, 0.975):
        yield Finding(
            "MTL006",
            task.name,
            f"expected calibration error {error:.3f}: mean confidence "
            f"{confidence.mean():.3f}, accuracy {right.mean():.3f}",
        )


def _biased(evidence: Evidence, task: TaskEvidence) -> Iterator[Finding]:
    if "ResidualsDisplay" not in task.task.displays:  # where it is to be seen
        return
    errors = (task.labels.predicted - task.labels.true).astype(float)
    deviation = float(np.std(task.labels.true.astype(float)))
    bias, doubt = errors.mean(), errors.std() / np.sqrt(len(errors))
    if abs(bias) > max(2 * doubt, BIASED * deviation):
        yield Finding(
            "MTL007",
            task.name,
            f"predictions are {abs(bias):.3g} too {'high' if bias > 0 else 'low'} on "
            f"average, where the true values have a deviation of {deviation:.3g}",
        )


def _ended_early(evidence: Evidence) -> Iterator[Finding]:
    falls = []
    for network in _validated(evidence):
        losses = network.valid_losses
        before = losses[: -max(1, len(losses) // 10)]
        # Not by the best epoch, which may be that of another figure.
        if np.isfinite(before).any() and losses[-1] < np.nanmin(losses[:-1]):
            falls.append(1 - losses[-1] / np.nanmin(before))
    if falls and np.mean(falls) > FALL:
        yield Finding(
            "MTL008",
            None,
            f"the validation loss fell by {np.mean(falls):.0%} in the last tenth of "
            "the epochs, and was lowest after the last one",
        )


def _uncertain(evidence: Evidence, task: TaskEvidence) -> Iterator[Finding]:
    row, n, metric = task.main, len(task.rows), task.task.metric
    if n == 1:
        yield Finding("MTL009", task.name, f"{metric} of a single labelled row")
    elif row["high"] - row["low"] > WIDE:
        ends = f"{row['low']:.2f} and {row['high']:.2f}"
        message = f"{metric} between {ends}, from {n} labelled rows"
        yield Finding("MTL009", task.name, message)


def _unknown(evidence: Evidence, task: TaskEvidence) -> Iterator[Finding]:
    unknown = ~task.known
    rows, labels = task.rows[unknown], task.labels.true[unknown]
    if len(rows):
        weight = task.labels.weight[unknown]
        named = [
            f"{task.task.worded(*label)} in row {row}"
            for *label, row in zip(labels, weight, rows, strict=True)
        ]
        count = f"{len(rows)} label{'s are' if len(rows) > 1 else ' is'}"
        yield Finding(
            "MTL010",
            task.name,
            f"{count} {task.task.unknown}: {listed(named, _MOST_NAMED)}",
        )


_WHOLE: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    _dominating,
    _conflicting,
    _ended_early,
)
_EACH: tuple[Callable[[Evidence, TaskEvidence], Iterator[Finding]], ...] = (
    _overfitting,
    _at_baseline,
    _never_predicted,
    _miscalibrated,
    _biased,
    _uncertain,
    _unknown,
    less_found,
    badly_cut,
    together,
)
