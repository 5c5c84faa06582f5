"""A fit that fails leaves what there was."""

import pytest

from mtlearn._utils._whole import in_one_step


class Thing:
    def __init__(self, param=0):
        self.param = param

    @in_one_step
    def fit(self, value, error=None, during=None):
        """Say what it does."""
        self.early_ = value
        self.__dict__.pop("gone_", None)
        if during is not None:
            during()
        if error is not None:
            raise error
        self.late_ = value
        return self


def test_all_is_there_at_the_end():
    thing = Thing()
    thing.gone_ = 1
    assert thing.fit(2) is thing
    assert vars(thing) == {"param": 0, "early_": 2, "late_": 2}
    assert Thing.fit.__doc__ == "Say what it does."


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_has_changed_after_an_error(error):
    thing = Thing().fit(1)
    thing.gone_ = 1
    before = dict(vars(thing))
    with pytest.raises(error):
        thing.fit(2, error)
    assert vars(thing) == before


def test_nothing_is_seen_before_the_end_and_what_others_set_stays():
    thing, seen = Thing().fit(1), []

    def during():
        seen.append(dict(vars(thing)))
        thing.param = 5

    thing.fit(2, during=during)
    assert seen == [{"param": 0, "early_": 1, "late_": 1}]
    assert vars(thing) == {"param": 5, "early_": 2, "late_": 2}
