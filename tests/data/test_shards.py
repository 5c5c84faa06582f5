"""The part of each batch that a process has."""

import numpy as np
import pytest
import torch

from mtlearn.data import Batches, Labels, Samples, Shard


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("passes", [[7], [1], [4, 4, 2]])
def test_the_shares_are_the_batch(size, passes):
    ends = np.cumsum(passes)
    slices = [slice(end - n, end) for end, n in zip(ends, passes, strict=True)]
    shares = [Shard(number, size).share_of(slices) for number in range(size)]

    counted = [np.setdiff1d(s.rows, s.rows[_padding(s)]) for s in shares]
    assert sorted(np.concatenate(counted)) == list(range(sum(passes)))
    for share in shares:
        assert (share.n_rows, share.n_sharing) == (
            sum(passes),
            min(size, sum(passes)),
        )
        # Of each pass something, and never more than one row above the others.
        for piece, rows in zip(slices, share.passes, strict=True):
            own = share.rows[rows]
            assert set(own) <= set(range(piece.start, piece.stop))
            assert 1 <= len(own) <= -(-(piece.stop - piece.start) // size)


def _padding(share):
    none = np.zeros(len(share.rows), bool)
    return none if share.padding is None else share.padding


def test_what_does_not_count():
    share = Shard(0, 3).share_of([slice(0, 3), slice(3, 5)])

    # Two rows for three: the first of them has none.
    assert share.counted == (True, False)
    assert share.rows.tolist() == [0, 3]
    assert share.padding.tolist() == [False, True]


def test_batches_of_a_process_have_no_weight_where_nothing_counts():
    weights = torch.arange(1.0, 6.0)
    pair = torch.stack([weights, weights], dim=1)
    labels = Labels((weights, pair), (weights, pair), (2 * weights, pair))
    samples = Samples(np.arange(5.0)[:, None], labels)

    def share_of(n_rows):
        return Shard(0, 2).share_of([slice(0, n_rows)])

    batches = Batches(samples, 4, torch.float64, share_of=share_of)
    (x, first), (alone, last) = batches
    assert x.flatten().tolist() == [0, 1]
    assert first.weights[0].tolist() == [1, 2]
    # Of the one row of the last batch, the other process has all.
    assert alone.flatten().tolist() == [4]
    assert last.values[0].tolist() == [5]
    assert last.weights[0].tolist() == [0]
    assert last.weights[1].tolist() == [[0, 0]]
    assert last.loss_weights[0].tolist() == [0]
    assert batches.present[0].tolist() == [4]


def test_a_mixed_row_without_weight_has_none_in_either_half():
    both = torch.arange(1.0, 5.0)
    labels = Labels((both, None), (both, both[:2]))

    left = labels.without(torch.tensor([False, True]))
    assert [each.tolist() for each in left.weights] == [[1, 0, 3, 0], [1, 0]]
