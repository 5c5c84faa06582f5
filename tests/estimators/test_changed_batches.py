"""Augmentation and mixing through an estimator: seeds, searches, what is left alone."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from mtlearn.augmentation import Augmentation, CutMix, MixUp, RandAugment
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.pipeline import make_pipeline
from mtlearn.preprocessing import ImageNormalizer
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    image_tasks,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    table_tasks,
)

SHIFT = Augmentation(flip="horizontal", translate=0.2, noise=0.1)
CHANGES = [
    {"augmentation": SHIFT},
    {"augmentation": "light"},
    {"augmentation": "trivial"},
    {"augmentation": Augmentation(resized_crop=(0.3, 1.0), policy=RandAugment())},
    {"mixing": "mixup"},
    {"mixing": CutMix(alpha=1.0)},
    {"augmentation": "standard", "mixing": MixUp(alpha=0.4)},
]


class Recorder:
    """Keeps the batches that it is given, unchanged."""

    def __init__(self):
        self.batches = []

    def __call__(self, x, generator):
        self.batches.append(x.clone())
        return x


@pytest.mark.parametrize("params", CHANGES, ids=str)
def test_the_same_seed_gives_the_same_bits(params):
    X, y = make_images()
    first, second, other = (
        image_estimator(**params, random_state=seed).fit(X, y) for seed in (0, 0, 1)
    )

    assert_same_bits(first, second)
    assert not same_bits(first, other)


@pytest.mark.parametrize("params", CHANGES, ids=str)
def test_changes_have_an_effect(params):
    X, y = make_images()

    plain, changed = image_estimator().fit(X, y), image_estimator(**params).fit(X, y)

    assert not same_bits(plain, changed)
    assert np.isfinite(changed.history_[-1]["train_loss"])


@pytest.mark.parametrize("params", CHANGES, ids=str)
def test_global_generators_are_left_alone(params):
    X, y = make_images()
    before = torch.get_rng_state(), np.random.get_state()[1].copy()

    image_estimator(**params).fit(X, y)

    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def test_an_identity_changes_nothing():
    X, y = make_images()
    plain = image_estimator().fit(X, y)

    same = image_estimator(augmentation=Augmentation(), mixing=MixUp(probability=0.0))

    assert_same_bits(plain, same.fit(X, y))


def test_the_order_of_rows_does_not_depend_on_what_is_drawn_for_them():
    X, y = make_images()
    seen = []
    for augmentation in (None, SHIFT):
        recorder = Recorder()

        def record(x, generator, augmentation=augmentation, recorder=recorder):
            recorder(x, generator)
            return x if augmentation is None else augmentation(x, generator)

        image_estimator(augmentation=record).fit(X, y)
        seen.append(recorder.batches)

    for plain, changed in zip(*seen, strict=True):
        assert torch.equal(plain, changed)


def test_validation_and_prediction_see_the_rows_as_they_are():
    X, y = make_images()
    recorder = Recorder()
    estimator = image_estimator(augmentation=recorder, max_epochs=1, batch_size=8)

    estimator.fit(X[:16], y[:16], X_val=X[16:], y_val=y[16:]).predict(X)

    assert sum(map(len, recorder.batches)) == 16
    assert estimator.history_[0]["valid_loss"] > 0


def test_x_is_not_written_to():
    X, y = make_images()
    before = X.copy()

    image_estimator(augmentation="standard", mixing="cutmix").fit(X, y)

    np.testing.assert_array_equal(X, before)


def test_a_callable_gets_channels_first_and_the_fits_generator():
    X, y = make_images(n_channels=3)
    recorder = Recorder()

    image_estimator(augmentation=recorder).fit(X, y)

    assert recorder.batches[0].shape == (8, 3, 6, 6)
    assert recorder.batches[0].dtype == torch.float32


def test_tables_are_mixed_too():
    X, y = make_table()

    plain, mixed = table_estimator(), table_estimator(mixing="mixup")

    assert not same_bits(plain.fit(X, y), mixed.fit(X, y))


def test_rectangles_are_pasted_into_images_only():
    with pytest.raises(InvalidDataError, match="CutMix"):
        table_estimator(mixing="cutmix").fit(*make_table())


def test_missing_labels_and_weights_go_with_mixed_rows():
    X, y = make_images()
    y[::3, 0], y[1::4, 1] = np.nan, np.nan
    weight = np.linspace(0, 2, len(X))
    params = {"augmentation": SHIFT, "mixing": "mixup"}
    tasks = image_tasks().set_params(kind__label_smoothing=0.1)

    estimator = image_estimator(tasks, **params).fit(X, y, weight)

    assert np.isfinite([row["train_loss"] for row in estimator.history_]).all()
    again = image_estimator(tasks, **params).fit(X, y, weight)
    assert_same_bits(estimator, again)


def test_training_figures_count_both_labels():
    X, y = make_table()

    def half(x, generator):
        return x, torch.arange(len(x)).flip(0), 0.5

    estimator = table_estimator(mixing=half, lr=1e-9, max_epochs=1).fit(X, y)
    right = estimator.predict(X)[:, 0] == y[:, 0]

    # Whatever the order, each row's label counts a half with its own prediction.
    assert estimator.history_[0]["train_kind_accuracy"] < 1
    assert estimator.history_[0]["train_kind_accuracy"] >= right.mean() / 2 - 1e-9


def test_a_search_reaches_into_the_values():
    X, y = make_images()
    estimator = image_estimator(augmentation=SHIFT, mixing=MixUp(), max_epochs=1)
    grid = {"augmentation__translate": [0.0, 0.2], "mixing__alpha": [0.2, 1.0]}

    search = GridSearchCV(estimator, grid, cv=2, scoring=None).fit(X, y)

    assert len(search.cv_results_["params"]) == 4
    assert search.best_estimator_.mixing.alpha in (0.2, 1.0)
    assert SHIFT.translate == 0.2


@pytest.mark.parametrize("params", CHANGES, ids=str)
def test_clones_and_pickles_predict_the_same(params):
    X, y = make_images()
    estimator = clone(image_estimator(**params)).fit(X, y)

    loaded = pickle.loads(pickle.dumps(estimator))

    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
    assert repr(loaded.augmentation) == repr(estimator.augmentation)


def test_going_on_draws_anew():
    X, y = make_images()
    recorded = Recorder()

    def jitter(x, generator):
        noise = torch.rand(len(x), generator=generator)
        recorded.batches.append(noise)
        return x

    estimator = image_estimator(augmentation=jitter, max_epochs=1, warm_start=True)
    estimator.fit(X, y).fit(X, y)

    first, second = recorded.batches[:3], recorded.batches[3:]
    assert not any(map(torch.equal, first, second))


def test_a_fitted_net_does_not_keep_the_changes():
    estimator = image_estimator(augmentation=Recorder()).fit(*make_images())

    assert estimator.net_.changes_.augmentation is None


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"augmentation": "strong"}, "'augmentation'.*Got 'strong'"),
        ({"augmentation": Augmentation(rotate=-1)}, "'rotate'.*Got -1"),
        ({"augmentation": RandAugment(magnitude=40)}, "'magnitude'.*Got 40"),
        ({"augmentation": Augmentation(policy="strong")}, "'policy'.*Got 'strong'"),
        ({"augmentation": Augmentation(resized_crop=0.5)}, "'resized_crop'.*Got 0.5"),
        ({"mixing": "mix"}, "'mixing'.*Got 'mix'"),
        ({"mixing": MixUp(alpha=0)}, "'alpha'.*Got 0"),
        ({"augmentation": lambda x, generator: x[:1]}, "return a batch like the one"),
    ],
)
def test_a_bad_value_is_named(params, message):
    with pytest.raises(InvalidParameterError, match=message):
        image_estimator(**params).fit(*make_images())


@pytest.mark.parametrize(
    ("augmentation", "message"),
    [
        (
            Augmentation(hue=0.1),
            "hue of an Augmentation need images with three channels",
        ),
        ("trivial", "operations of a TrivialAugment need images with three channels"),
    ],
)
def test_colours_need_red_green_and_blue(augmentation, message):
    with pytest.raises(InvalidDataError, match=message):
        image_estimator(augmentation=augmentation).fit(*make_images(n_channels=2))


def test_bytes_need_their_range():
    X, y = make_images(n_channels=3)
    X = (255 * X).astype(np.uint8)

    with pytest.raises(InvalidDataError, match=r"give \(0, 255\) for bytes"):
        image_estimator(augmentation="randaugment").fit(X, y)
    image_estimator(augmentation=RandAugment(value_range=(0, 255))).fit(X, y)


def test_behind_a_normalizer_the_picture_is_changed():
    X, y = make_images(n_channels=3)
    seen = []

    def record(x, generator):
        seen.append(x.clone())
        return x, torch.arange(len(x)), 1.0

    changes = {"resized_crop": (0.5, 1.0), "hue": 0.1, "policy": "trivial"}
    plain = Augmentation(**changes)
    image_estimator(augmentation=plain, mixing=record).fit(X, y)
    normalized = Augmentation(**changes, value_range="imagenet")
    model = image_estimator(augmentation=normalized, mixing=record)
    make_pipeline(ImageNormalizer(), model).fit(X, y)

    batches = [batch.permute(0, 2, 3, 1).numpy() for batch in seen]
    half = len(batches) // 2
    for pictures, inputs in zip(batches[:half], batches[half:], strict=True):
        differs = np.abs(inputs - ImageNormalizer().fit_transform(pictures)) > 1e-4
        assert differs.mean() < 0.01  # a rounding may cross a threshold


def test_a_search_reaches_into_a_policy():
    X, y = make_images(n_channels=3)
    augmentation = Augmentation(policy=RandAugment())
    estimator = image_estimator(augmentation=augmentation, max_epochs=1)
    grid = {"augmentation__policy__magnitude": [3, 9]}

    search = GridSearchCV(estimator, grid, cv=2, scoring=None).fit(X, y)

    assert search.best_estimator_.augmentation.policy.magnitude in (3, 9)
    assert augmentation.policy.magnitude == 9


def test_a_nested_name_needs_a_value_with_parameters():
    with pytest.raises(InvalidParameterError, match=r"Pass an Augmentation\(\.\.\.\)"):
        image_estimator().set_params(augmentation__rotate=3)


def test_a_task_without_a_weight_stays_out_of_mixed_losses():
    X, y = make_table()
    free = table_tasks().set_params(size__weight=0.0)
    y_odd = y.copy()
    y_odd[:, 1] *= -1

    first = table_estimator(free, mixing="mixup").fit(X, y)
    second = table_estimator(free, mixing="mixup").fit(X, y_odd)

    np.testing.assert_array_equal(first.predict_proba(X)[0], second.predict_proba(X)[0])
