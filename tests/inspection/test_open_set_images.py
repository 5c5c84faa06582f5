"""OpenSetImagesDisplay: the samples on the wrong side of the threshold."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from open_set_cases import (
    IMAGES,
    KINDS,
    NEAR,
    OTHERS,
    SETTINGS,
    TEST,
    X,
    Y,
    fitted_columns,
    fitted_images,
    fitted_points,
)

from mtlearn import Classification, OpenSetClassifier
from mtlearn.data import ImageFiles
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.inspection import (
    ConfusionDisplay,
    EmbeddingDisplay,
    OpenSetCase,
    OpenSetCurveDisplay,
    OpenSetImagesDisplay,
    OpenSetScoreDisplay,
)
from pictures_on_disk import smooth_pictures, write_pictures
from tiny_problems import image_estimator


@pytest.fixture(scope="module")
def display():
    sets = {"slanted": OTHERS[:15], "lying": OTHERS[15:]}
    return OpenSetImagesDisplay.from_estimator(
        fitted_images(), IMAGES, KINDS, sets, n_shown=2
    )


def test_all_that_are_wrong_and_the_worst_first(display):
    open_set = fitted_images()
    rejected = np.flatnonzero(open_set.predict(IMAGES).astype(str) == "-1")
    scores = open_set.score_samples(IMAGES)[rejected]
    order = rejected[np.argsort(scores, kind="stable")]
    assert 2 < len(order) < 60
    assert [case.row for case in display.rejected] == order.tolist()
    predicted = open_set.predict_known(IMAGES)
    for case in display.rejected:
        assert case.samples == "X"
        assert case.true == KINDS[case.row]
        assert case.predicted == predicted[case.row]
        assert case.score == pytest.approx(open_set.score_samples(IMAGES)[case.row])
    assert (display.n_known, display.n_unknown) == (120, 18)


def test_accepted_samples_of_all_sets(display):
    open_set = fitted_images()
    scores = open_set.score_samples(OTHERS)
    accepted = np.flatnonzero(open_set.predict(OTHERS).astype(str) != "-1")
    assert set(accepted) & {15, 16, 17}
    order = accepted[np.argsort(-scores[accepted])]
    expected = [("slanted", row) if row < 15 else ("lying", row - 15) for row in order]
    assert [(case.samples, case.row) for case in display.accepted] == expected
    predicted = open_set.predict_known(OTHERS)[order].tolist()
    assert [case.predicted for case in display.accepted] == predicted
    assert {case.true for case in display.accepted} == {""}
    frame = display.frame()
    assert frame["side"].tolist() == ["accepted"] * len(order) + ["rejected"] * len(
        display.rejected
    )
    assert frame["row"][: len(order)].tolist() == [row for _, row in expected]


def test_what_is_drawn(display):
    display.plot()
    n_accepted = min(2, len(display.accepted))
    names = [f"accepted {place}" for place in range(n_accepted)]
    assert list(display.axes_) == [*names, "rejected 0", "rejected 1"]
    case, ax = display.rejected[0], display.axes_["rejected 0"]
    title = f"row {case.row}\n{case.true} as {case.predicted}\n{case.score:.3g}"
    assert ax.get_title() == title
    image = IMAGES[case.row, :, :, 0]
    scaled = (image - image.min()) / np.ptp(image)
    np.testing.assert_allclose(ax.images[0].get_array(), scaled, atol=1e-6)
    case, ax = display.accepted[0], display.axes_["accepted 0"]
    title = f"{case.samples}\nrow {case.row}\nas {case.predicted}\n{case.score:.3g}"
    assert ax.get_title() == title
    titles = [part.texts[0].get_text() for part in display.figure_.subfigs]
    assert titles == [
        f"stripes: {len(display.accepted)} of 18 unknown images accepted",
        f"stripes: {len(display.rejected)} of 120 known images rejected",
    ]
    assert repr(display) == "<OpenSetImagesDisplay of stripes>"


def test_labels_that_are_missing_or_of_no_class():
    labels = KINDS.astype(object)
    labels[:20], labels[60:90] = None, "slanted"
    made = OpenSetImagesDisplay.from_estimator
    display = made(fitted_images(), IMAGES, labels)
    assert (display.n_known, display.n_unknown) == (70, 30)
    assert {case.row for case in display.rejected} <= {*range(20, 60), *range(90, 120)}
    assert {case.row for case in display.accepted} <= set(range(60, 90))
    assert {(case.samples, case.true) for case in display.accepted} == {("X", "")}
    display.plot()
    alone = made(fitted_images(), IMAGES, X_unknown=OTHERS)
    assert {case.true for case in alone.rejected} == {""}
    assert {case.samples for case in alone.accepted} == {"unknown"}


def test_the_worst_of_several_sets():
    sets = {"even": IMAGES[::2], "odd": IMAGES[1::2]}
    display = OpenSetImagesDisplay.from_estimator(
        fitted_images(), IMAGES, X_unknown=sets, n_shown=1
    )
    scores = np.empty(120)
    scores[::2], scores[1::2] = map(fitted_images().score_samples, sets.values())
    kept = np.flatnonzero(scores >= fitted_images().offset_)
    order = kept[np.lexsort((kept, kept % 2, -scores[kept]))]
    rows = [2 * case.row + (case.samples == "odd") for case in display.accepted]
    assert rows == order.tolist()
    assert list(display.plot().axes_) == ["accepted 0", "rejected 0"]
    assert f"row {order[0] // 2}\n" in display.axes_["accepted 0"].get_title()


def test_captions_stand_beside_each_other():
    pixels = np.zeros((6, 6))
    names = ["Ankle boot", "a very long name of a $class$ of things"]
    cases = [
        OpenSetCase("X", 10**6, -1234.5, predicted, true, pixels)
        for predicted in names
        for true in names
    ]
    others = [OpenSetCase(names[1], 3, 0.5, each, "", pixels) for each in names]
    display = OpenSetImagesDisplay("task", others, cases, 2, 4).plot()
    display.figure_.canvas.draw()
    for ax in display.axes_.values():
        box, title = ax.get_window_extent(), ax.title.get_window_extent()
        assert title.width < 1.12 * display.figure_.bbox.width / 4
        assert box.height > 0.6 * display.figure_.bbox.width / 4
    first, second = (display.axes_[f"rejected {place}"].get_title() for place in (0, 1))
    assert first == "row 1000000\nAnkle boot\nas Ankle boot\n-1.23e+03"
    assert second.splitlines()[1] == "a very long nam…"


def test_nothing_is_wrong():
    far = 5 * np.ones((2, 6, 6, 1)) * np.random.default_rng(0).normal(size=(6, 6, 1))
    kept = IMAGES[fitted_images().predict_inlier(IMAGES) == 1]
    display = OpenSetImagesDisplay.from_estimator(
        fitted_images(), kept, X_unknown=far
    ).plot()
    assert display.axes_ == {}
    assert display.frame().empty
    display.figure_.canvas.draw()


def test_tables_and_tasks_are_refused():
    made = OpenSetImagesDisplay.from_estimator
    with pytest.raises(InvalidParameterError, match="shows images, and the samples ar"):
        made(fitted_points(), X[TEST], Y[TEST], NEAR)
    with pytest.raises(
        InvalidParameterError, match=r"one of \['kind', 'first'\]. Got No"
    ):
        made(fitted_columns(), X[TEST], X_unknown=NEAR)
    with pytest.raises(
        InvalidParameterError, match=r"of which there are \['stripes'\]"
    ):
        made(fitted_images(), IMAGES, KINDS, OTHERS, task="digit")
    with pytest.raises(InvalidParameterError, match="'n_shown'"):
        made(fitted_images(), IMAGES, KINDS, OTHERS, n_shown=0)
    with pytest.raises(InvalidDataError, match="needs unknown samples"):
        made(fitted_images(), IMAGES, KINDS)
    with pytest.raises(
        InvalidDataError, match="was fitted on images of shape"
    ) as error:
        made(fitted_images(), IMAGES, KINDS, {"wide": np.zeros((3, 6, 9, 1))})
    assert error.value.__notes__ == ["These are the unknown samples 'wide'."]
    assert_array_equal(fitted_images().classes_, ["lying", "upright"])


def pictures_with_holes(folder):
    """Return files of images and their classes; two of them cannot be read."""
    pictures = smooth_pictures(60, height=12, width=12)
    y = (pictures.mean(axis=(1, 2, 3)) > 127).astype(int)
    names = [folder / name for name in write_pictures(folder, pictures)]
    for name in names[3], names[40]:
        name.write_bytes(b"")
    files = ImageFiles(list(map(str, names)), size=12, n_workers=1, on_error="skip")
    return files, y


@pytest.mark.filterwarnings("ignore:.*cannot be read")
def test_images_that_are_skipped_are_in_no_picture(tmp_path):
    files, y = pictures_with_holes(tmp_path)
    estimator = image_estimator(Classification(), max_epochs=1)
    open_set = OpenSetClassifier(estimator, **{**SETTINGS, "quantile": 0.5})
    open_set.fit(files, y)
    there = ~np.isin(np.arange(60), [3, 40])
    scores = open_set.score_samples(files)[there]
    given = open_set, files, y, {"same": files}
    message = r"2 of 60 rows (of 'same' )?have no prediction"
    with pytest.warns(UserWarning, match=message) as warned:
        histogram = OpenSetScoreDisplay.from_estimator(*given)
    said = [
        str(each.message) for each in warned if "no prediction" in str(each.message)
    ]
    assert [" of 'same' " in each for each in said] == [False, True]
    assert_array_equal(histogram.scores["task_0"].known, scores)
    assert_array_equal(histogram.scores["task_0"].unknown["same"], scores)
    with pytest.warns(UserWarning, match=message):
        curves = OpenSetCurveDisplay.from_estimator(*given).curves
    assert [curve.roc_auc for curve in curves] == pytest.approx([0.5] * 3)
    with pytest.warns(UserWarning, match=message):
        shown = OpenSetImagesDisplay.from_estimator(*given)
    rows = [case.row for case in [*shown.accepted, *shown.rejected]]
    assert sorted(rows) == np.flatnonzero(there).tolist()
    shown.plot()
    with pytest.warns(UserWarning, match=message):
        matrix = ConfusionDisplay.from_estimator(open_set, files, y, X_unknown=given[3])
    assert matrix.matrices["task_0"][-1].sum() == 58
    points = EmbeddingDisplay.from_estimator(
        open_set, files, y, method="pca", X_unknown=files
    )
    assert points.rows.tolist() == np.flatnonzero(there).tolist() * 2
