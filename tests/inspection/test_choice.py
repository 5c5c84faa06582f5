"""Names in pictures: as they are, unless they are long or look like TeX."""

import numpy as np
import pytest

from mtlearn.inspection import ClasswiseDisplay, ConfusionDisplay, ResidualsDisplay
from mtlearn.inspection._choice import shown


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("digit", "digit"),
        (3, "3"),
        (3.0, "3"),
        (np.float32(0.5), "0.5"),
        ("$5 to $9", r"\$5 to \$9"),
        ("_a_b", " _a_b"),
        ("a" * 24, "a" * 24),
        ("a" * 25, "a" * 23 + "…"),
    ],
)
def test_names_are_short_and_plain(name, written):
    assert shown(name) == written


def test_a_dollar_in_a_name_is_no_formula():
    name = "$x_{ and $y^"
    for display in (
        ConfusionDisplay.from_predictions(["a", name, name], [name, "a", "a"]),
        ClasswiseDisplay.from_predictions(["a", name, name], [name, "a", name]),
        ResidualsDisplay.from_predictions([1, 2, 3], [1, 2, 4], task=name),
    ):
        display.plot().figure_.canvas.draw()
