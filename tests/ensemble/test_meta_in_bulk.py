"""What is around estimators writes to files and arrays as they do."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtlearn import MultiLabel, SeedEnsemble, VotingEnsemble
from mtlearn import TestTimeAugmented as TimeAugmented
from mtlearn.calibration import ConformalPredictor, TemperatureScaled, TunedThresholds
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.openset import OpenSetClassifier
from mtlearn.training import _inference
from tiny_problems import image_estimator, make_images, make_table, table_estimator

N_ROWS = 60
X, Y = make_table(N_ROWS)
IMAGES, LABELS = make_images(N_ROWS)


@pytest.fixture(autouse=True)
def _few_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(_inference, "_MOST_ROWS", 16)


@pytest.fixture(scope="module")
def fitted():
    return table_estimator(max_epochs=1).fit(X, Y)


class Wider(TransformerMixin, BaseEstimator):
    """Gives rows so many columns that batches are of another size, or fewer rows."""

    def __init__(self, keep=1):
        self.keep = keep

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.tile(X, (1, 2000))[:: self.keep]


def frozen(estimator):
    return FrozenEstimator(estimator)


def voting(fitted):
    narrow, wide = (make_pipeline(step, fitted) for step in (StandardScaler(), Wider()))
    return VotingEnsemble([("narrow", narrow), ("wide", wide)], weights=[1, 3])


AROUND = {
    "seeds": lambda fitted: SeedEnsemble(fitted, 2, random_state=0),
    "voting": voting,
    "temperature": lambda fitted: TemperatureScaled(frozen(fitted)),
    "conformal": lambda fitted: ConformalPredictor(frozen(fitted), confidence=0.8),
    "two views": lambda fitted: TimeAugmented(
        image_estimator(max_epochs=1), n=2, random_state=0
    ),
    "both": lambda fitted: TemperatureScaled(
        frozen(SeedEnsemble(fitted, 2, random_state=0).fit(X, Y))
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", AROUND.values(), ids=AROUND)
def test_the_bits_are_those_of_predict(fitted, make, tmp_path):
    estimator = make(fitted)
    of_images = isinstance(estimator, TimeAugmented)
    rows, y = (IMAGES, LABELS) if of_images else (X, Y)
    estimator.fit(rows, y)
    found = estimator.predict(rows, out=tmp_path / "labels.npy")
    assert_array_equal(found, estimator.predict(rows))
    out = [tmp_path / "kind.npy", tmp_path / "size.npy"]
    pairs = zip(
        estimator.predict_proba(rows, out=out),
        estimator.predict_proba(rows),
        strict=True,
    )
    for each, own in pairs:
        assert_array_equal(each, own)
    view = estimator.task("kind")
    labels = np.zeros(N_ROWS, np.uint8)
    assert_array_equal(view.predict(rows, out=labels), view.predict(rows))


@pytest.mark.filterwarnings("ignore")
def test_thresholds(tmp_path):
    labels = np.column_stack([X[:, :2] > 0, X[:, 2] > 1]).astype(int)
    estimator = table_estimator(MultiLabel(), max_epochs=2).fit(X, labels)
    tuned = TunedThresholds(frozen(estimator)).fit(X, labels)
    found = tuned.predict(X, out=tmp_path / "labels.npy")
    assert_array_equal(found, tuned.predict(X))
    assert (found != estimator.predict(X)).any()


def test_rows_that_a_member_leaves_out(fitted, tmp_path):
    pairs = [("all", fitted), ("half", make_pipeline(Wider(), fitted))]
    ensemble = VotingEnsemble(pairs).fit(X, Y)
    ensemble.estimators_[1].set_params(wider__keep=2)
    with pytest.raises(InvalidDataError, match="The members predict 30, 60 rows of"):
        ensemble.predict(X, out=tmp_path / "labels.npy")
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")
def test_a_bar_where_the_estimator_inside_has_one(fitted, capsys):
    scaled = TemperatureScaled(frozen(fitted)).fit(X, Y)
    scaled.predict(X, out=np.zeros((N_ROWS, 2)))
    assert not capsys.readouterr().err
    fitted.set_params(verbose=1)
    try:
        scaled.predict(X, out=np.zeros((N_ROWS, 2)))
    finally:
        fitted.set_params(verbose=0)
    assert "60/60" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_a_view_of_an_open_set_says_that_it_cannot(fitted):
    classifier = OpenSetClassifier(frozen(fitted), calibration="prefit").fit(X, Y)
    with pytest.raises(InvalidParameterError, match="OpenSetClassifier does not predi"):
        classifier.task("kind").predict(X, out=np.zeros(N_ROWS))
