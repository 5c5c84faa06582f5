"""What a mixed batch's labels stand for, and what a callable may return."""

import pytest
import torch
from sklearn.base import clone

from mtlearn.augmentation import Augmentation, CutMix, MixUp
from mtlearn.data import Labels
from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import MultiTaskLoss, sample_loss
from mtlearn.training import Changes
from mtlearn.training._changes import mixed_labels


@pytest.fixture
def outputs():
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.randn(4, k, generator=generator, dtype=torch.float64) for k in (3, 1)
    )


@pytest.fixture
def labels():
    return Labels(
        (torch.tensor([0, 2, 1, 2]), torch.tensor([0.5, -1.0, 2.0, 0.0]).double()),
        (torch.ones(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)),
    )


PERMUTATION = torch.tensor([2, 0, 3, 1])
LAM = torch.tensor([0.9, 0.25, 1.0, 0.5], dtype=torch.float64)
KINDS = "cross_entropy", "mse"


def mixed_total(outputs, labels, lam=LAM):
    loss = MultiTaskLoss([sample_loss(kind) for kind in KINDS], [1.0, 3.0])
    mixed = mixed_labels(labels, PERMUTATION, lam)
    twice = tuple(torch.cat([output, output]) for output in outputs)
    return loss(twice, mixed.values, mixed.weights).total


def each_loss(outputs, labels, rows):
    """Return the losses of every row beside the labels of some rows, by task."""
    return [
        sample_loss(kind)(output, value[rows])
        for kind, output, value in zip(KINDS, outputs, labels.values, strict=True)
    ]


def test_the_loss_is_that_of_both_labels_by_their_share(outputs, labels):
    own = each_loss(outputs, labels, torch.arange(4))
    partner = each_loss(outputs, labels, PERMUTATION)
    by_task = [
        (LAM * a + (1 - LAM) * b).mean() for a, b in zip(own, partner, strict=True)
    ]

    torch.testing.assert_close(
        mixed_total(outputs, labels), by_task[0] + 3 * by_task[1]
    )


def test_one_number_is_the_share_of_all_rows(outputs, labels):
    torch.testing.assert_close(
        mixed_total(outputs, labels, 0.3),
        mixed_total(outputs, labels, torch.full((4,), 0.3).double()),
    )


def test_a_pair_keeps_the_half_that_has_a_label(outputs, labels):
    labels.weights[0][0] = 0  # row 0 loses its own label, row 1 its partner's
    own = each_loss(outputs, labels, torch.arange(4))
    partner = each_loss(outputs, labels, PERMUTATION)
    first = torch.tensor([0.0, *LAM[1:]]).double()
    second = (1 - LAM) * torch.tensor([1.0, 0.0, 1.0, 1.0])
    expected = (first * own[0] + second * partner[0]).sum() / (first + second).sum()
    size = (LAM * own[1] + (1 - LAM) * partner[1]).mean()

    torch.testing.assert_close(mixed_total(outputs, labels), expected + 3 * size)


def test_weights_of_rows_go_along(labels):
    labels.weights[0][:] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    weights = mixed_labels(labels, PERMUTATION, LAM).weights[0]

    expected = [0.9, 0.5, 3.0, 2.0, 0.1 * 3, 0.75 * 1, 0.0, 0.5 * 2]
    torch.testing.assert_close(weights, torch.tensor(expected).double())


def test_class_weights_are_shared_too(labels):
    weighted = labels.weights[0] * 2, labels.weights[1]
    mixed = mixed_labels(labels._replace(class_weighted=weighted), PERMUTATION, LAM)
    apart = mixed_labels(labels, PERMUTATION, LAM)

    assert apart.class_weighted is None
    torch.testing.assert_close(mixed.weights, apart.weights)
    torch.testing.assert_close(
        mixed.loss_weights, (apart.weights[0] * 2, apart.weights[1])
    )


def test_a_share_of_one_is_the_plain_loss(outputs, labels):
    loss = MultiTaskLoss([sample_loss(kind) for kind in KINDS], [1.0, 3.0])
    plain = loss(outputs, labels.values, labels.weights).total

    assert mixed_total(outputs, labels, 1.0) == plain


def test_augmentation_comes_before_mixing(labels):
    x = torch.arange(4.0)[:, None]
    changes = Changes(
        lambda x, generator: x + 1,
        lambda x, generator: (x[PERMUTATION], PERMUTATION, 0.0),
    )
    changed, mixed = changes.apply(x, labels, torch.Generator())

    assert changed[:, 0].tolist() == [3, 1, 4, 2]
    assert [len(each) for each in mixed.weights] == [8, 8]


def test_without_changes_a_batch_is_passed_on(labels):
    x = torch.zeros(4, 2)
    changed, same = Changes().apply(x, labels, torch.Generator())

    assert changed is x
    assert same is labels


@pytest.mark.parametrize(
    ("result", "got"),
    [
        (torch.zeros(3, 2), r"\(3, 2\) of torch.float32"),
        (torch.zeros(4, 2).double(), r"\(4, 2\) of torch.float64"),
        (None, "NoneType"),
    ],
)
def test_an_augmentation_must_return_a_batch_like_the_one_it_got(labels, result, got):
    changes = Changes(lambda x, generator: result)

    message = rf"'augmentation'.*\(4, 2\) of torch.float32\. Got .*{got}"
    with pytest.raises(InvalidParameterError, match=message):
        changes.apply(torch.zeros(4, 2), labels, torch.Generator())


def test_a_mixing_must_return_three_things(labels):
    changes = Changes(mixing=lambda x, generator: x[:2])

    with pytest.raises(InvalidParameterError, match=r"'mixing'.*Got \(2, 2\)"):
        changes.apply(torch.zeros(4, 2), labels, torch.Generator())


ORDER = torch.arange(4)


@pytest.mark.parametrize(
    "parts",
    [
        (ORDER[:3], 0.5),
        (ORDER + 1, 0.5),
        (torch.zeros(4, dtype=torch.int64), 0.5),
        (ORDER.double(), 0.5),
        (ORDER, 1.5),
        (ORDER, float("nan")),
        (ORDER, torch.full((4, 1), 0.5)),
        (ORDER, "half"),
    ],
)
def test_a_mixing_must_return_a_permutation_and_shares(labels, parts):
    changes = Changes(mixing=lambda x, generator: (x, *parts))

    with pytest.raises(InvalidParameterError, match=r"'mixing' .* must return a batch"):
        changes.apply(torch.zeros(4, 2), labels, torch.Generator())


def test_a_mixing_may_return_arrays_and_lists(labels):
    changes = Changes(mixing=lambda x, generator: (x, ORDER.numpy(), [0.5] * 4))
    _, mixed = changes.apply(torch.zeros(4, 2), labels, torch.Generator())

    assert [each.tolist() for each in mixed.weights] == [[0.5] * 8] * 2


def test_a_mixing_must_keep_the_shape(labels):
    changes = Changes(mixing=lambda x, generator: (x[:2], PERMUTATION, 0.5))

    with pytest.raises(InvalidParameterError, match=r"'mixing'.*Got \(2, 2\)"):
        changes.apply(torch.zeros(4, 2), labels, torch.Generator())


NAN = float("nan")
# Cells of two rows that are mixed with each other, and what they have in common.
PAIRS = [(1, 1, 1), (1, 0, 1), (0, 1, 1), (0, 0, 0), (1, NAN, 1), (NAN, 1, 1),
         (0, NAN, NAN), (NAN, 0, NAN), (NAN, NAN, NAN)]  # fmt: skip


def united(first, second, lam, weights=(1.0, 1.0)):
    """Return targets and weights of both halves of a row of single cells."""
    cells = torch.tensor([first, second], dtype=torch.float64)
    rows = torch.tensor(weights, dtype=torch.float64)[:, None]
    known = (~cells.isnan()) * rows
    tags = Labels((cells.nan_to_num(7.0),), (known,))
    other = torch.tensor([1, 0])
    mixed = mixed_labels(tags, other, torch.tensor([lam, 1.0]).double(), [True])
    return mixed.values[0][[0, 2]], mixed.weights[0][[0, 2]]


def test_labels_are_united():
    first, second, expected = map(list, zip(*PAIRS, strict=True))
    values, weights = united(first, second, 0.75)

    for own, partner, cell in zip(*values.T[:, :, None].unbind(1), PAIRS, strict=True):
        if cell[2] == cell[2]:
            assert own == partner == cell[2]
    known = torch.tensor([cell == cell for cell in expected]).double()
    torch.testing.assert_close(weights, torch.stack([0.75 * known, 0.25 * known]))


def test_a_united_cell_has_the_weights_of_what_it_follows_from():
    first, second, _ = map(list, zip(*PAIRS, strict=True))
    _, weights = united(first, second, 0.75, (2.0, 8.0))

    both, one, other = 0.75 * 2 + 0.25 * 8, 2.0, 8.0
    expected = [both, both, both, both, one, other, 0.0, 0.0, 0.0]
    torch.testing.assert_close(weights.sum(dim=0), torch.tensor(expected).double())


@pytest.mark.parametrize(("lam", "cell"), [(1.0, 0), (0.0, 1)])
def test_what_has_no_share_is_not_united(lam, cell):
    first, second, _ = map(list, zip(*PAIRS, strict=True))
    values, weights = united(first, second, lam)
    expected = torch.tensor((first, second)[cell]).double()

    known = ~expected.isnan()
    assert torch.equal(weights.sum(dim=0), known.double())
    assert torch.equal(values[cell][known], expected[known])


def test_other_tasks_are_mixed_by_their_shares(labels):
    tags = torch.tensor([[1.0], [0.0], [0.0], [1.0]]).double()
    given = Labels((*labels.values, tags), (*labels.weights, torch.ones_like(tags)))
    soft = mixed_labels(given, PERMUTATION, LAM)
    union = mixed_labels(given, PERMUTATION, LAM, [False, False, True])

    for place in (0, 1):
        assert torch.equal(union.values[place], soft.values[place])
        assert torch.equal(union.weights[place], soft.weights[place])
    # The third row has all of its share, and no partner.
    assert union.values[2][:, 0].tolist() == [1, 1, 0, 1] * 2


def test_class_weights_of_another_task_leave_united_cells_their_weight():
    tags = Labels(
        (torch.tensor([[1.0, 0], [0, 0]]),), (torch.tensor([[1.0, 0], [0, 2]]),)
    )
    other, share = torch.tensor([1, 0]), torch.tensor([0.75, 0.5])
    beside = tags._replace(class_weighted=(3 * tags.weights[0],))
    alone = mixed_labels(tags, other, share, [True])
    found = mixed_labels(beside, other, share, [True])

    # The first label is there by the first row; the second one is unknown in it.
    expected = torch.tensor([[0.75, 0], [0.5, 0], [0.25, 0], [0.5, 0]])
    torch.testing.assert_close(alone.weights[0], expected)
    torch.testing.assert_close(found.weights[0], expected)
    torch.testing.assert_close(found.loss_weights[0], 3 * expected)


@pytest.mark.parametrize("cls", [MixUp, CutMix])
def test_the_share_of_rows_that_are_united(cls):
    assert Changes(mixing=cls(probability=0.25, labels="union")).united == 0.25
    assert Changes(mixing=cls(probability=0.25)).united == 0
    assert Changes(mixing=lambda x, generator: (x, ORDER, 0.5)).united == 0
    assert Changes().united == 0


@pytest.mark.parametrize("value", [MixUp(1.0), CutMix()], ids=["mixup", "cutmix"])
def test_a_mixing_unites_where_it_is_told_to(value):
    x = torch.eye(4).reshape(4, 1, 2, 2).repeat(1, 1, 4, 4)
    tags = torch.eye(4).double()
    given = Labels((tags,), (torch.ones_like(tags),))
    found = {}
    for labels in ("soft", "union"):
        changes = Changes(None, value.set_params(labels=labels))
        generator = torch.Generator().manual_seed(0)
        found[labels] = changes.apply(x, given, generator, [True])[1].values[0]

    assert found["soft"].sum() == 8
    assert found["union"].max() == 1
    assert found["union"].sum() > 8
    assert torch.equal(found["union"][:4], found["union"][4:])


NOISY = Augmentation(flip="horizontal", brightness=0.2, noise=0.3, cutout=0.5)


@pytest.mark.parametrize("mixing", [None, MixUp(), CutMix()])
def test_what_was_seen_less_noise(labels, mixing):
    x = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))

    def changed(augmentation, *, denoises):
        generator = torch.Generator().manual_seed(0)
        changes = Changes(augmentation, mixing)
        return changes.apply(x, labels, generator, denoises=denoises)

    seen, both = changed(NOISY, denoises=True)
    # The same draws, whether anyone asks or not.
    torch.testing.assert_close(seen, changed(NOISY, denoises=False)[0], rtol=0, atol=0)
    clean = both.inputs.clean
    assert clean.shape == x.shape
    generator = torch.Generator().manual_seed(0)
    moved = clone(NOISY).set_params(noise=0.0, cutout=0.0)(x, generator)
    if mixing is None:
        torch.testing.assert_close(clean, moved, rtol=0, atol=0)
        return
    noisy = NOISY.spoil(moved, generator)
    mixed = mixing(torch.cat([noisy, moved], dim=1), generator)
    torch.testing.assert_close(seen, mixed.x[:, :3], rtol=0, atol=0)
    share = mixed.lam.reshape(-1, 1, 1, 1)
    if isinstance(mixing, MixUp):
        moved = share * moved + (1 - share) * moved[mixed.permutation]
        torch.testing.assert_close(clean, moved)
    else:
        pasted = (seen != noisy).any(dim=1, keepdim=True)
        expected = torch.where(pasted, moved[mixed.permutation], moved)
        torch.testing.assert_close(clean, expected, rtol=0, atol=0)


def test_a_mixing_of_the_users_is_asked_once(labels):
    x = torch.rand(4, 3, 8, 8)

    def swap(x, generator):
        return x.flip(0), torch.arange(4).flip(0), torch.zeros(4)

    generator = torch.Generator().manual_seed(0)
    seen, both = Changes(NOISY, swap).apply(x, labels, generator, denoises=True)
    assert both.inputs.clean is seen


class Half(Augmentation):
    def __call__(self, x, generator):
        return super().__call__(x, generator) / 2


def test_a_call_of_the_users_is_made(labels):
    x = torch.rand(4, 3, 8, 8)
    changes, generator = Changes(Half(flip="both")), torch.Generator()
    seen, both = changes.apply(x, labels, generator.manual_seed(0), denoises=True)
    expected = Augmentation(flip="both")(x, generator.manual_seed(0)) / 2
    torch.testing.assert_close(seen, expected, rtol=0, atol=0)
    assert both.inputs.clean is seen
