"""The scores, and the figures about them, beside those of pytorch-ood."""

import importlib
import importlib.util
import sys
import types

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.frozen import FrozenEstimator

from mtlearn import Classification, Head, OpenSetClassifier
from mtlearn.metrics import open_set_report
from mtlearn.openset import OpenSetDetector
from tiny_problems import table_estimator

PACKAGE = "pytorch_ood"
N_CLASSES = 4


def make_rows(n_samples, seed, *, spread=1.0):
    """Return rows about four corners, and which one each is of."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % N_CLASSES
    corners = np.stack([y % 2, y // 2, y % 2, y // 2], axis=1) * 2.0
    X = corners + spread * rng.normal(size=(n_samples, 4))
    return X.astype(np.float32), y


X_KNOWN, Y_KNOWN = make_rows(160, 1)
X_NEW, Y_NEW = make_rows(120, 2)
X_UNKNOWN = make_rows(70, 3, spread=3.0)[0]
X_ALL = np.concatenate([X_NEW, X_UNKNOWN])
# Unknown samples have labels below zero there, too.
Y_ALL = np.concatenate([Y_NEW, np.full(len(X_UNKNOWN), -1)])


@pytest.fixture(scope="module")
def reference():
    """Import modules of pytorch-ood, without the package around them.

    It imports its data sets, which need torchvision: that is made for one version of
    torch, and much larger than what is compared here.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None:
        pytest.skip("pytorch-ood is not installed")
    package = types.ModuleType(PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[PACKAGE] = package
    yield lambda name: importlib.import_module(f"{PACKAGE}.{name}")
    for name in [each for each in sys.modules if each.split(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def model():
    X, y = make_rows(160, 0)
    head = Head(hidden=(), dropout=0.0, batch_norm=False)
    tasks = Classification(N_CLASSES, head=head)
    return table_estimator(tasks, max_epochs=15).fit(X, y)


@pytest.fixture(scope="module")
def features(model):
    """Give features of known rows, and of those that are scored."""
    return [torch.from_numpy(model.embed(X)) for X in (X_KNOWN, X_ALL)]


@pytest.fixture(scope="module")
def logits(model, features):
    """Run the head by hand."""
    with torch.no_grad():
        return model.net_.module_.eval().heads[0](features[1])


def ours(model, name):
    """Score by this package; higher is more unlike, as there."""
    detector = OpenSetDetector(model, scores=name, quantile=0.5, random_state=0)
    return -detector.fit(X_KNOWN, Y_KNOWN).score_samples(X_ALL)


@pytest.mark.parametrize(
    ("name", "theirs", "added"),
    [
        # One minus the probability here, minus the probability there.
        ("max_probability", "MaxSoftmax", 1.0),
        ("max_logit", "MaxLogit", 0.0),
        ("energy", "EnergyBased", 0.0),
    ],
)
def test_scores_of_logits(reference, model, logits, name, theirs, added):
    detector = getattr(reference("detector"), theirs)(None)
    expected = detector.predict_logits(logits).numpy() + added
    assert_allclose(ours(model, name), expected, rtol=1e-5, atol=1e-6)


def test_knn(reference, model, features):
    # There k is 50 by default, here always ten; both divide features by their length.
    detector = reference("detector").KNN(None, k=10)
    detector.fit_features(features[0], torch.from_numpy(Y_KNOWN))
    expected = detector.predict_features(features[1]).numpy()
    assert_allclose(ours(model, "knn"), expected, rtol=1e-4, atol=1e-5)


def test_mahalanobis(reference, model, features):
    known, new = (each.double() for each in features)
    torch_y = torch.from_numpy(Y_KNOWN)
    detector = reference("detector").Mahalanobis(None).fit_features(known, torch_y)
    # The covariance is a sum over rows there, and a mean here, which is brought by one
    # per cent towards a ball: that of the reference is replaced by the same.
    covariance = detector.cov.double() / len(known)
    ball = torch.eye(len(covariance)) * covariance.diagonal().mean()
    detector.precision = torch.linalg.inv(0.99 * covariance + 0.01 * ball)
    # Half of the squared distance there, all of it here.
    expected = 2 * detector.predict_features(new).numpy()
    assert_allclose(ours(model, "mahalanobis"), expected, rtol=1e-4)


@pytest.fixture(scope="module")
def open_set(model):
    settings = {"score": "mahalanobis", "quantile": 0.9, "random_state": 0}
    return OpenSetClassifier(FrozenEstimator(model), **settings).fit(X_KNOWN, Y_KNOWN)


@pytest.fixture(scope="module")
def figures(open_set):
    rows = open_set_report(open_set, X_NEW, Y_NEW, X_UNKNOWN).rows
    return {row["metric"]: row["value"] for row in rows}


def test_figures(reference, open_set, figures):
    metrics = reference("metrics")
    scores = torch.from_numpy(-open_set.score_samples(X_ALL))
    labels = torch.from_numpy(Y_ALL)
    predicted = torch.from_numpy(open_set.predict_known(X_ALL))
    found = metrics.OODMetrics().update(scores, labels, predicted).compute()
    # Unknown samples are the positive ones there.
    assert figures["roc_auc"] == pytest.approx(found["AUROC"])
    assert figures["known_rejected_at_95"] == pytest.approx(found["FPR95TPR"])
    assert figures["accuracy"] == pytest.approx(found["ACC"])
    oscr = metrics.oscr_score(scores, predicted, labels)
    assert figures["oscr"] == pytest.approx(float(oscr))
    # The other way round: known samples are those with a label below zero.
    turned = metrics.FPRAtTPR().update(-scores, -1 - labels).compute()
    assert figures["unknown_accepted_at_95"] == pytest.approx(turned["FPR95TPR"])


@pytest.mark.parametrize("positive", ["id", "ood"])
def test_precision_and_recall(reference, open_set, figures, positive):
    # The area under the same curve is that of trapezoids there, and of steps here, as
    # scikit-learn has it: so the curves are compared, by steps.
    scores = torch.from_numpy(-open_set.score_samples(X_ALL))
    curve = reference("metrics").functional.pr_curve
    precision, recall, _ = curve(scores, torch.from_numpy(Y_ALL), positive=positive)
    steps = -(recall.diff() * precision[:-1]).sum()
    name = {"id": "known", "ood": "unknown"}[positive]
    assert figures[f"average_precision_{name}"] == pytest.approx(float(steps))
    assert 0.5 < figures[f"average_precision_{name}"] < 0.999
