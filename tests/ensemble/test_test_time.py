"""TestTimeAugmented: the mean over an image and changes of it."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from changed_views import around, assert_near, flipped, jitter
from mtlearn import (
    Classification,
    MultiLabel,
    Ordinal,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
    TestTimeAugmented,
    TunedThresholds,
    VotingEnsemble,
)
from mtlearn.augmentation import Augmentation, RandAugment, get_augmentation
from mtlearn.exceptions import InvalidParameterError
from mtlearn.preprocessing import ImageStandardScaler
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)


class NeverMade(torch.nn.Module):
    def __init__(self):
        raise AssertionError("this was to be refused before")


@pytest.fixture(scope="module")
def images():
    return make_images(n_channels=3)


@pytest.fixture(scope="module")
def fitted(images):
    return image_estimator(precision="float32").fit(*images)


def test_the_mean_of_an_image_and_its_mirror_image(images, fitted):
    X, y = images
    expected = flipped(fitted, X)
    outer = around(fitted)
    assert_near(outer.predict_proba(X), expected)
    labels = outer.predict(X)
    np.testing.assert_array_equal(labels[:, 0], expected[0].argmax(axis=1))
    np.testing.assert_allclose(labels[:, 1], expected[1][:, 0], atol=1e-6)
    # It is neither what the image nor what its mirror image gives.
    assert abs(fitted.predict_proba(X)[0] - expected[0]).max() > 1e-4
    view = outer.task("kind")
    np.testing.assert_allclose(view.predict_proba(X), expected[0], atol=1e-6)
    accuracy = np.mean(expected[0].argmax(axis=1) == y[:, 0])
    assert view.score(X, y[:, 0]) == accuracy
    residual = y[:, 1] - expected[1][:, 0]
    r2 = 1 - (residual**2).sum() / ((y[:, 1] - y[:, 1].mean()) ** 2).sum()
    assert outer.score(X, y) == pytest.approx((accuracy + r2) / 2)


def test_the_image_counts_once_among_n(images, fitted):
    X, _ = images
    mirrored = fitted.predict_proba(X[:, :, ::-1])
    pairs = zip(fitted.predict_proba(X), mirrored, strict=True)
    expected = [(plain + 3 * other) / 4 for plain, other in pairs]
    assert_near(around(fitted, 4).predict_proba(X), expected)
    alone = around(fitted, 1)
    assert alone.seeds_ == []
    assert_near(alone.predict_proba(X), fitted.predict_proba(X), atol=0)


@pytest.mark.parametrize(
    "augmentation",
    ["standard", "trivial", Augmentation(noise=0.1, crop=1), RandAugment(1)],
    ids=repr,
)
def test_changes_are_those_that_the_seeds_give(images, fitted, augmentation):
    X, _ = images
    outer = around(fitted, 4, augmentation, random_state=3)
    assert len(set(outer.seeds_)) == 3
    change = augmentation
    if isinstance(augmentation, str):
        change = get_augmentation(augmentation)
    views = [fitted.predict_proba(X)]
    for seed in outer.seeds_:
        rows = [
            change(
                torch.from_numpy(X[i : i + 1]).permute(0, 3, 1, 2),
                torch.Generator().manual_seed(seed),
            )
            for i in range(len(X))
        ]
        changed = torch.cat(rows).permute(0, 2, 3, 1).numpy()
        views.append(fitted.predict_proba(changed))
    expected = [np.mean(each, axis=0) for each in zip(*views, strict=True)]
    assert_near(outer.predict_proba(X), expected)


def test_a_row_does_not_depend_on_the_others(images, fitted):
    X, _ = images
    outer = around(fitted, 3, Augmentation(rotate=90, noise=0.2), random_state=0)
    together = outer.predict_proba(X)
    for rows in ([5], [23, 5, 5, 0], range(7)):
        parts = outer.predict_proba(X[list(rows)])
        assert_near(parts, [each[list(rows)] for each in together])
    many = np.concatenate([X] * 100)[::-1]  # more than a batch holds
    expected = [np.concatenate([each] * 100)[::-1] for each in together]
    assert_near(outer.predict_proba(many), expected)


def test_changes_are_drawn_when_it_is_fitted(images, fitted):
    X, _ = images
    outer = around(fitted, 4, "standard")
    first = outer.predict_proba(X)
    state = torch.random.get_rng_state(), np.random.get_state()[1]
    assert_near(outer.predict_proba(X), first, atol=0)
    assert torch.equal(torch.random.get_rng_state(), state[0])
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])
    others = [around(fitted, 4, "standard", random_state=seed) for seed in (0, 1, 0)]
    assert others[0].seeds_ == others[2].seeds_ != others[1].seeds_
    assert around(fitted, 9, random_state=0).seeds_[:3] == others[0].seeds_
    assert around(fitted, 4).seeds_ != outer.seeds_


class Darker(RandAugment):
    """Draw in a way of its own."""

    def _draw(self, n_samples, generator):
        drawn = super()._draw(n_samples, generator)
        return drawn._replace(amounts=torch.rand(1, n_samples, generator=generator) - 1)

    def __call__(self, x, generator):
        return super().__call__(x, generator) * torch.rand(
            (len(x), 1, 1, 1), generator=generator
        )


@pytest.mark.parametrize("policy", [Darker(1), Augmentation(policy=Darker(1))])
def test_a_subclass_that_draws_in_its_own_way(images, fitted, policy):
    X, _ = images
    outer = around(fitted, 3, policy, random_state=0)
    rows = [outer.predict_proba(X[i : i + 1]) for i in range(len(X))]
    alone = [np.concatenate(each) for each in zip(*rows, strict=True)]
    assert_near(outer.predict_proba(X), alone)


def sloppy(x, generator):
    """Draw from torch's own generator."""
    return x + torch.rand(x.shape)


def test_what_draws_without_the_generator(images, fitted):
    X, _ = images
    outer = around(fitted, 3, sloppy, random_state=0)
    state = torch.random.get_rng_state()
    together = outer.predict_proba(X)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert_near(outer.predict_proba(X[7:8]), [each[7:8] for each in together])
    assert abs(together[0] - fitted.predict_proba(X)[0]).max() > 1e-4


def test_what_is_set_after_the_fit_waits_for_the_next_one(images, fitted):
    X, _ = images
    outer = around(fitted, 3, Augmentation(noise=0.3), random_state=0)
    before = outer.predict_proba(X)
    outer.set_params(n=8, augmentation__noise=3.0, random_state=5)
    assert_near(outer.predict_proba(X), before, atol=0)
    after = outer.fit(None).predict_proba(X)
    assert abs(after[0] - before[0]).max() > 1e-4


def test_none_takes_what_the_networks_were_trained_with(images):
    X, y = images
    noisy = Augmentation(noise=0.3)
    inner = image_estimator(augmentation=noisy, precision="float32")
    own = TestTimeAugmented(inner, 3, augmentation=None, random_state=0).fit(X, y)
    assert repr(own.augmentation_) == repr(noisy)
    assert_same_bits(own.estimator_, clone(inner).fit(X, y))
    given = around(own.estimator_, 3, Augmentation(noise=0.3), random_state=0)
    assert_near(own.predict_proba(X), given.predict_proba(X), atol=0)
    ensemble = SeedEnsemble(inner.set_params(random_state=None), 2, random_state=0)
    both = TestTimeAugmented(ensemble, 3, augmentation=None).fit(X, y)
    assert both.augmentation_.noise == 0.3
    other = image_estimator(augmentation="light")
    pair = VotingEnsemble([("one", inner), ("other", other)])
    with pytest.raises(InvalidParameterError, match="these do not share one"):
        TestTimeAugmented(pair, augmentation=None).fit(X, y)
    with pytest.raises(InvalidParameterError, match="these were trained without"):
        TestTimeAugmented(image_estimator(), augmentation=None).fit(X, y)


def test_tables(images):
    X, y = make_table()
    message = "'augmentation' parameter of TestTimeAugmented .* is for tables"
    # Refused before anything is trained, where it is known.
    untrained = table_estimator(backbone=NeverMade)
    inner = table_estimator().fit(X, y)
    for each in (
        untrained,
        make_pipeline(StandardScaler(), untrained),
        SeedEnsemble(untrained),
        VotingEnsemble([("one", image_estimator()), ("two", untrained)]),
        FrozenEstimator(inner),
    ):
        with pytest.raises(InvalidParameterError, match=message):
            TestTimeAugmented(each).fit(X, y)
    with pytest.raises(InvalidParameterError, match=message):
        TestTimeAugmented(SeedEnsemble(n_members=1)).fit(X, y[:, 1])
    outer = around(inner, 3, jitter, random_state=0)
    views = [X]
    for seed in outer.seeds_:
        # Each row by itself: all of them get the same.
        noise = torch.randn(
            1, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        views.append(X + 0.1 * noise.numpy())
    outputs = [inner.predict_proba(each) for each in views]
    expected = [np.mean(each, axis=0) for each in zip(*outputs, strict=True)]
    assert_near(outer.predict_proba(X), expected)


KINDS = {
    "classes": (Classification(3), lambda X: np.arange(24) % 3),
    "grades": (Ordinal([1, 2, 3, 4]), lambda X: np.arange(24) % 4 + 1),
    "words": (Classification(), lambda X: np.array(["no", "yes"])[np.arange(24) % 2]),
    "value": (Regression(), lambda X: X.mean(axis=(1, 2, 3))),
    "labels": (MultiLabel(), lambda X: (X[:, :3, 0, 0] > 0.5).astype(int)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_layouts_are_those_of_what_is_inside(images, kind):
    X, _ = images
    task, labels = KINDS[kind]
    y = labels(X)
    inner = image_estimator(task, precision="float32").fit(X, y)
    outer = around(inner)
    found, plain = outer.predict(X), inner.predict(X)
    assert (found.shape, found.dtype) == (plain.shape, plain.dtype)
    assert hasattr(outer, "predict_proba") == hasattr(inner, "predict_proba")
    assert get_tags(outer) == get_tags(outer.estimator)
    if kind == "value":
        expected = (plain + inner.predict(X[:, :, ::-1])) / 2
        np.testing.assert_allclose(found, expected, atol=1e-6)
        return
    chances = inner.predict_proba(X), inner.predict_proba(X[:, :, ::-1])
    mean = (chances[0] + chances[1]) / 2
    np.testing.assert_allclose(outer.predict_proba(X), mean, atol=1e-6)
    np.testing.assert_array_equal(outer.classes_, inner.classes_)
    if kind == "labels":
        np.testing.assert_array_equal(found, mean > 0.5)
    elif kind != "grades":
        np.testing.assert_array_equal(found, inner.classes_[mean.argmax(axis=1)])


def test_it_passes_through_what_is_inside(images):
    X, y = images
    seeds = SeedEnsemble(image_estimator(random_state=None), seeds=[1, 2])
    scaled = make_pipeline(ImageStandardScaler(), image_estimator(precision="float32"))
    voting = VotingEnsemble([("seeds", seeds), ("scaled", scaled)], weights=[1, 2])
    voting.set_params(seeds__estimator__precision="float32")
    tempered = TemperatureScaled(scaled, random_state=0)
    for inner in (seeds, voting, tempered):
        inner.fit(X, y)
        assert_near(around(inner).predict_proba(X), flipped(inner, X), atol=1e-5)
    twice = around(around(scaled.fit(X, y)))
    # The image, its mirror image twice, and the mirror image of that.
    assert_near(twice.predict_proba(X), flipped(scaled, X), atol=1e-5)


def test_one_change_after_another(images, fitted):
    X, _ = images
    brighter = around(fitted, 2, lambda x, generator: x + 1)
    twice = around(brighter, 2, lambda x, generator: 3 * x)
    views = [fitted.predict_proba(each) for each in (X, X + 1, 3 * X, 3 * X + 1)]
    expected = [np.mean(each, axis=0) for each in zip(*views, strict=True)]
    assert_near(twice.predict_proba(X), expected, atol=1e-5)


def test_thresholds_stay(images):
    X, _ = images
    y = (X[:, :3, 0, 0] > 0.6).astype(int)
    tasks = Tasks(tags=MultiLabel())
    inner = image_estimator(tasks, precision="float32").fit(X, y)
    tuned = TunedThresholds(FrozenEstimator(inner), calibrate=False).fit(X, y)
    cuts = tuned.thresholds_["tags"]
    mean = (inner.predict_proba(X) + inner.predict_proba(X[:, :, ::-1])) / 2
    np.testing.assert_array_equal(around(tuned).predict(X), mean > cuts)
    # And they are found on means, where it is inside.
    outside = TunedThresholds(FrozenEstimator(around(inner)), calibrate=False)
    assert (outside.fit(X, y).thresholds_["tags"] != cuts).any()


def test_a_change_that_gives_something_else(images, fitted):
    X, _ = images
    outer = around(fitted, 2, lambda x, generator: x[..., 1:])
    with pytest.raises(InvalidParameterError, match=r"a batch like the one.*6, 5\)"):
        outer.predict(X)
