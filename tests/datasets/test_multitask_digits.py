"""The made images look as documented and really carry their targets."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.utils import check_random_state

from mtlearn.datasets import make_multitask_digits
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


@pytest.fixture(scope="module")
def images():
    return make_multitask_digits(1000, random_state=0)


@pytest.fixture(scope="module")
def clean_images():
    return make_multitask_digits(1000, noise=0.0, random_state=0)


@pytest.fixture(scope="module")
def clean_spectra():
    return make_multitask_digits(1000, domain="spectrum", noise=0.0, random_state=0)


def test_shapes_dtypes_and_ranges(images):
    X, y = images
    assert X.shape == (1000, 32, 32)
    assert y.shape == (1000, 3)
    assert X.dtype == y.dtype == np.float32
    assert X.min() >= 0
    assert X.max() <= 1
    assert X.std(axis=(1, 2)).min() > 0.05
    digit, item, shade = y.T
    assert set(digit) == set(range(10))
    assert set(item) == set(range(32))
    assert shade.min() >= 0
    assert shade.max() <= 1


@pytest.mark.parametrize("image_size", [16, 21, 48])
def test_image_size(image_size):
    X, _ = make_multitask_digits(5, image_size=image_size, random_state=0)
    assert X.shape == (5, image_size, image_size)
    assert X.std(axis=(1, 2)).min() > 0.05


def test_targets_are_balanced(images):
    digit, item, shade = images[1].T
    assert np.bincount(digit.astype(int)).min() > 70
    assert np.bincount(item.astype(int), minlength=32).min() > 10
    assert np.histogram(shade, bins=4, range=(0, 1))[0].min() > 200
    # Drawn on their own: no target tells about another.
    correlations = np.corrcoef(images[1].T) - np.eye(3)
    assert np.abs(correlations).max() < 0.1


def test_source_digits_repeat_only_after_all_were_used():
    counts = np.bincount(load_digits().target)
    X, y = make_multitask_digits(image_size=16, random_state=0)
    assert X.shape == (3000, 16, 16)
    first, rest = y[:1797, 0].astype(int), y[1797:, 0].astype(int)
    assert np.array_equal(np.bincount(first), counts)
    assert (np.bincount(rest) <= counts).all()
    assert not np.array_equal(first[: len(rest)], rest)


def test_spectrum_is_that_of_the_image(images):
    X, y = images
    spectra, same_y = make_multitask_digits(1000, domain="spectrum", random_state=0)
    assert spectra.dtype == np.float32
    assert np.array_equal(y, same_y)
    expected = np.log1p(np.abs(np.fft.fftshift(np.fft.fft2(X), axes=(1, 2))))
    np.testing.assert_allclose(spectra, expected, atol=1e-4)
    assert np.array_equal(
        spectra.reshape(1000, -1).argmax(axis=1), [16 * 32 + 16] * 1000
    )
    assert 6.5 < spectra.max() < 7


def test_digits_are_drawn_dark_on_light_paper(clean_images):
    X, y = clean_images
    paper = np.median(X, axis=(1, 2))
    assert paper.min() > 0.6
    # The mean of the darkest pixels is the ink: it darkens with the shade.
    darkest = np.sort(X.reshape(len(X), -1), axis=1)[:, :20].mean(axis=1)
    contrast = paper - darkest
    assert contrast.min() > 0.15
    assert np.corrcoef(contrast, y[:, 2])[0, 1] > 0.95


def test_digit_can_be_cut_out_and_recognised(clean_images):
    X, y = clean_images
    cuts = []
    for image in X:
        smooth = np.median(image) - ndimage.gaussian_filter(image, 1.0)
        row, column = ndimage.center_of_mass(np.maximum(smooth, 0.08) - 0.08)
        cut = ndimage.shift(smooth, (15.5 - row, 15.5 - column), order=1)[6:26, 6:26]
        cuts.append(cut.ravel() / np.linalg.norm(cut))
    model = KNeighborsClassifier(3).fit(cuts[:800], y[:800, 0])
    assert model.score(cuts[800:], y[800:, 0]) > 0.9


def test_item_is_the_peak_of_the_spectrum(clean_spectra):
    X, y = clean_spectra
    frequencies = np.array([0.14, 0.20, 0.28, 0.39])
    rows, columns = np.mgrid[-16:16, -16:16] / 32
    radius = np.hypot(rows, columns)
    peaks = np.where(radius > 0.12, X, 0).reshape(len(X), -1).argmax(axis=1)
    angle = np.degrees(np.arctan2(rows, columns)).ravel()[peaks]
    orientation = np.round(angle / 22.5) % 8
    distance = np.abs(np.log(radius.ravel()[peaks][:, None] / frequencies))
    item = 4 * orientation + distance.argmin(axis=1)
    assert np.mean(item == y[:, 1]) > 0.7


@pytest.mark.parametrize("column", [0, 1])
def test_spectrum_carries_the_classes(clean_spectra, column):
    X, y = clean_spectra[0].reshape(1000, -1), clean_spectra[1][:, column]
    score = NearestCentroid().fit(X[:800], y[:800]).score(X[800:], y[800:])
    assert score > 0.5  # chance: 0.1 and 0.03


def test_spectrum_carries_the_shade(clean_spectra):
    X, y = clean_spectra
    # The strokes' energy lies at low frequencies, apart from the paper's at zero.
    low = np.expm1(X[:, 13:20, 13:20]).reshape(len(X), -1)
    energy = np.sum(np.delete(low, 24, axis=1) ** 2, axis=1)
    assert np.corrcoef(np.sqrt(energy), y[:, 2])[0, 1] > 0.85


def test_noise_adds_only_noise(images, clean_images):
    assert np.array_equal(images[1], clean_images[1])
    difference = images[0] - clean_images[0]
    assert abs(difference.std() - 0.02) < 0.001
    assert abs(difference.mean()) < 0.001


def test_same_seed_same_data():
    X, y = make_multitask_digits(20, random_state=7)
    for seed in (7, np.int64(7), np.random.default_rng(7)):
        again, same_y = make_multitask_digits(20, random_state=seed)
        assert np.array_equal(X, again)
        assert np.array_equal(y, same_y)
    other, _ = make_multitask_digits(20, random_state=8)
    assert not np.array_equal(X, other)


def test_random_state_object_is_drawn_from():
    X, _ = make_multitask_digits(5, random_state=np.random.RandomState(0))
    state = np.random.RandomState(0)
    again, _ = make_multitask_digits(5, random_state=state)
    following, _ = make_multitask_digits(5, random_state=state)
    assert np.array_equal(X, again)
    assert not np.array_equal(X, following)


def test_none_draws_fresh_data():
    first, _ = make_multitask_digits(5)
    second, _ = make_multitask_digits(5)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("random_state", [0, None])
def test_global_random_state_is_left_alone(random_state):
    before = check_random_state(None).get_state()
    make_multitask_digits(5, missing_labels=0.5, random_state=random_state)
    after = check_random_state(None).get_state()
    assert before[0] == after[0]
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]


def test_missing_labels_change_nothing_else(images):
    X, y = make_multitask_digits(1000, missing_labels=0.25, random_state=0)
    missing = np.isnan(y)
    assert missing.sum(axis=0).tolist() == [250, 250, 250]
    # A quarter of a quarter lacks two: each task's rows are drawn on their own.
    assert 40 < missing[:, :2].all(axis=1).sum() < 90
    assert np.array_equal(X, images[0])
    assert np.array_equal(y[~missing], images[1][~missing])


def test_missing_labels_never_take_all():
    _, y = make_multitask_digits(3, missing_labels=0.99, random_state=0)
    assert np.isnan(y).sum(axis=0).tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "'n_samples' .* an int of at least 1. Got 0 instead"),
        ({"image_size": 15}, "'image_size' .* an int of at least 16. Got 15 instead"),
        (
            {"domain": "wave"},
            r"'domain' .* \('image', 'spectrum'\). Got 'wave' instead",
        ),
        ({"noise": -0.1}, "'noise' .* finite float of at least 0. Got -0.1 instead"),
        ({"noise": np.inf}, "'noise' .* finite float of at least 0. Got inf instead"),
        ({"missing_labels": 1.0}, "'missing_labels' .* below 1. Got 1.0 instead"),
        ({"missing_labels": np.nan}, "'missing_labels' .* below 1. Got nan instead"),
        (
            {"random_state": -1},
            "'random_state' .* an int of at least 0, a Gen.* Got -1",
        ),
    ],
)
def test_value_out_of_range(parameters, message):
    with pytest.raises(InvalidParameterError, match=message):
        make_multitask_digits(**{"n_samples": 2, **parameters})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 2.0}, "'n_samples' .* an int of at least 1. Got 2.0 instead"),
        ({"image_size": True}, "'image_size' .* at least 16. Got True instead"),
        ({"noise": "low"}, "'noise' .* float of at least 0. Got 'low' instead"),
        ({"missing_labels": None}, "'missing_labels' .* below 1. Got None instead"),
        ({"random_state": "0"}, "'random_state' .* RandomState or None. Got '0'"),
    ],
)
def test_value_of_the_wrong_type(parameters, message):
    with pytest.raises(ParameterTypeError, match=message):
        make_multitask_digits(**{"n_samples": 2, **parameters})
