"""ReconstructionDisplay: the samples that are made again worst and best."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    MultiTaskImageEstimator,
    Partial,
    Reconstruction,
    SeedEnsemble,
    Tasks,
    report,
)
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection import ReconstructionDisplay, TaskConflictDisplay
from mtlearn.networks import MLP, Decoder, Encoder
from mtlearn.pipeline import make_pipeline
from mtlearn.preprocessing import GlobalMaxScaler
from pictures_on_disk import smooth_pictures

PICTURES = smooth_pictures(20, height=6, width=7)
Y = np.arange(20) % 2


def make():
    tasks = Tasks(
        kind=Classification(),
        image=Reconstruction(decoder=Partial(Decoder, widths=(4,))),
    )
    return MultiTaskImageEstimator(
        tasks,
        backbone=Partial(Encoder, widths=(4,), n_features=5),
        max_epochs=2,
        n_threads=1,
        random_state=0,
    )


@pytest.fixture(scope="module")
def model():
    return make_pipeline(GlobalMaxScaler(), make()).fit(PICTURES, Y)


def test_the_worst_and_the_best(model):
    display = ReconstructionDisplay.from_estimator(model, PICTURES, n_shown=3)
    scaled = model[:-1].transform(PICTURES)
    made = model[-1].reconstruct(scaled)
    errors = ((made - scaled) ** 2).mean(axis=(1, 2, 3))
    assert_allclose(display.errors, errors, rtol=1e-4)
    order = np.argsort(errors)
    assert_array_equal(display.best, order[:3])
    assert_array_equal(display.worst, order[::-1][:3])
    rows = [*display.worst, *display.best]
    assert_allclose(display.originals, scaled[rows], rtol=1e-6)
    assert_allclose(display.made, made[rows], atol=1e-2)  # in other batches
    frame = display.frame()
    assert frame.index.name == "row"
    assert_array_equal(frame["error"], display.errors)


def test_a_picture_has_both_of_each(model):
    display = ReconstructionDisplay.from_estimator(model, PICTURES, n_shown=2).plot()
    sides = ("worst", "worst made", "best", "best made")
    names = {f"{side} {place}" for side in sides for place in range(2)}
    assert set(display.axes_) == {"errors", *names}
    row = display.worst[0]
    title = display.axes_["worst 0"].get_title()
    assert title == f"row {row}\n{display.errors[row]:.3g}"
    image, made = display.originals[0], display.made[0]
    for name, values in (("worst 0", image), ("worst made 0", made)):
        pixels = display.axes_[name].images[0].get_array()
        scaled = (values - image.min()) / (image.max() - image.min())
        assert_allclose(pixels, scaled.clip(0, 1), atol=1e-6)
    assert repr(display) == "<ReconstructionDisplay of image>"


@pytest.mark.parametrize(("n_rows", "worst", "best"), [(1, 0, 1), (2, 1, 1), (5, 2, 3)])
def test_no_sample_is_shown_twice(model, n_rows, worst, best):
    display = ReconstructionDisplay.from_estimator(model, PICTURES[:n_rows])
    assert (len(display.worst), len(display.best)) == (worst, best)
    assert len({*display.worst, *display.best}) == n_rows
    display.plot()


def test_rows_of_tables_and_ensembles():
    X = PICTURES.reshape(20, -1)[:, :4] / 255
    tasks = Tasks(kind=Classification(), row=Reconstruction())
    table = MultiTaskEstimator(
        tasks, backbone=Partial(MLP, hidden=(3,)), max_epochs=1, random_state=0
    ).fit(X, Y)
    assert ReconstructionDisplay.from_estimator(table, X).plot().made.shape == (12, 4)
    ensemble = SeedEnsemble(make(), n_members=2, random_state=0).fit(PICTURES, Y)
    display = ReconstructionDisplay.from_estimator(ensemble, PICTURES)
    assert_allclose(display.errors, ensemble.reconstruction_error(PICTURES), rtol=1e-5)


def test_there_is_something_to_show(model):
    plain = make().set_params(tasks=Classification(), max_epochs=1).fit(PICTURES, Y)
    with pytest.raises(InvalidParameterError, match="none of the tasks"):
        ReconstructionDisplay.from_estimator(plain, PICTURES)
    with pytest.raises(InvalidParameterError, match="'n_shown'"):
        ReconstructionDisplay.from_estimator(model, PICTURES, n_shown=0)


def test_the_page_shows_it_beside_one_task_with_labels(model):
    page = report(model, PICTURES, Y, path=None, n_bootstraps=2).html
    median = np.median(model[-1].reconstruction_error(model[:-1].transform(PICTURES)))
    assert f"reconstruction error; the median is {median:.3g}" in page
    conflict = TaskConflictDisplay.from_estimator(model, PICTURES, Y, random_state=0)
    assert [(pair.task, pair.other) for pair in conflict.conflicts()] == [
        ("kind", "image")
    ]
