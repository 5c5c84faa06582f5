"""Batches as the network trains on them: augmented, and mixed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
from torch import Tensor

from mtlearn.augmentation import Augmentation, CutMix, Mixed, MixUp, United
from mtlearn.data import Labels
from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import Inputs

Change = Callable[[Tensor, torch.Generator], Any]


@dataclass(frozen=True)
class Changes:
    """What happens to a batch in training, and not in validation.

    Parameters
    ----------
    augmentation : callable or None
        Maps a batch and a generator to a batch of the same shape.
    mixing : callable or None
        Maps a batch and a generator to a batch, a permutation of its rows, and the
        share `(n_samples,)` of each row's own label.
    """

    augmentation: Change | None = None
    mixing: Change | None = None

    @property
    def united(self) -> float:
        """Share of the rows of a batch whose labels are united with another's."""
        mixing = self.mixing
        if isinstance(mixing, MixUp | CutMix) and mixing.labels == "union":
            return mixing.probability
        return 0.0

    def apply(
        self,
        x: Tensor,
        labels: Labels,
        generator: torch.Generator,
        unites: Sequence[bool] = (),
        *,
        denoises: bool = False,
    ) -> tuple[Tensor, Labels]:
        """Change a batch.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            Inputs.
        labels : Labels
            Their labels.
        generator : torch.Generator
            On the CPU; draws everything.
        unites : sequence of bool, default=()
            By task, whether a mixing may unite its labels; empty for none.
        denoises : bool, default=False
            Whether the inputs without noise are wanted too.

        Returns
        -------
        x : Tensor of shape (n_samples, ...)
            Changed inputs.
        labels : Labels
            Of twice as many rows if the batch is mixed; see `mixed_labels`. With the
            inputs of before and after.
        """
        given, clean = x, None
        if denoises and _spoils_last(self.augmentation):
            clean = self.augmentation.move_and_tone(x, generator)
            x = self.augmentation.spoil(clean, generator)
        elif self.augmentation is not None:
            before, x = x, self.augmentation(x, generator)
            check_batch(x, before, "augmentation", self.augmentation)
        if self.mixing is not None:
            if not isinstance(self.mixing, MixUp | CutMix):
                clean = None  # nobody knows how to mix it alike
            before = x if clean is None else torch.cat([x, clean], dim=1)
            mixed = self.mixing(before, generator)
            x, permutation, lam = _unpack(mixed, len(before), self.mixing)
            check_batch(x, before, "mixing", self.mixing)
            if clean is not None:
                x, clean = x.tensor_split(2, dim=1)
            unites = unites if isinstance(mixed, United) else ()
            labels = mixed_labels(labels, permutation, lam, unites)
        if x is not given:
            labels = labels._replace(inputs=Inputs(given, x, clean))
        return x, labels


def _spoils_last(augmentation: Any) -> TypeGuard[Augmentation]:
    """Tell whether it is done in two, which a class with a call of its own is not."""
    is_known = isinstance(augmentation, Augmentation)
    return is_known and type(augmentation).__call__ is Augmentation.__call__


def mixed_labels(
    labels: Labels,
    permutation: Tensor,
    lam: Tensor | float,
    unites: Sequence[bool] = (),
) -> Labels:
    """Join the labels of both halves of a mixed batch.

    The loss of row i is then ``lam[i] * loss(y[i]) + (1 - lam[i]) * loss(y[j])`` with
    ``j = permutation[i]``; where one of the two labels is missing, its half has no
    weight and the other one stays.

    Parameters
    ----------
    labels : Labels
        Of the batch before.
    permutation : Tensor of int64 of shape (n_samples,)
        The row that each row is mixed with.
    lam : Tensor of shape (n_samples,) or float
        Share of the row's own label, in [0, 1].
    unites : sequence of bool, default=()
        Tasks whose 0 and 1 are united, see `_united`; empty for none.

    Returns
    -------
    Labels
        Of twice as many rows: the rows' own labels, then those of their partners. The
        weights of a task without labels stay as they are.
    """
    weights = labels.weights[0]
    permutation = permutation.to(weights.device)
    own = torch.as_tensor(lam, dtype=weights.dtype, device=weights.device)
    own = own.expand(len(weights))
    # What has no labels learns from the mixed inputs, of which there are no more.
    doubled = [each is not None for each in labels.values]

    def shared(each: Tensor) -> Tensor:
        share = own.reshape(-1, *[1] * (each.ndim - 1))
        return torch.cat([share * each, (1 - share) * each[permutation]])

    def of_tasks(each: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        pairs = zip(each, doubled, strict=True)
        return tuple(shared(each) if twice else each for each, twice in pairs)

    weighted = labels.class_weighted
    mixed = Labels(
        tuple(
            None if value is None else torch.cat([value, value[permutation]])
            for value in labels.values
        ),
        of_tasks(labels.weights),
        None if weighted is None else of_tasks(weighted),
    )
    for place, is_united in enumerate(unites):
        if is_united:
            mixed = _united(mixed, labels, place, permutation, own)
    return mixed


def _united(
    mixed: Labels, labels: Labels, place: int, permutation: Tensor, own: Tensor
) -> Labels:
    """Give both halves of a task the labels that are in either.

    A label is there if it is in a half, and not if it is known to be in neither. A cell
    that follows from one half has all of its weight. What has a share of nothing is no
    half.
    """
    values = labels.values[place]
    assert values is not None
    share = own.reshape(-1, *[1] * (values.ndim - 1))
    is_known = labels.weights[place] > 0
    halves = [
        (values > 0, is_known, share > 0),
        (values[permutation] > 0, is_known[permutation], share < 1),
    ]
    there = torch.stack([a & known & has for a, known, has in halves]).any(dim=0)
    absent = torch.stack([~a & known | ~has for a, known, has in halves]).all(dim=0)

    def shared(each: Tensor) -> Tensor:
        first, second = each, each[permutation]
        first, second = (
            torch.where(first > 0, first, second),
            torch.where(second > 0, second, first),
        )
        whole = torch.cat([share * first, (1 - share) * second])
        return whole * torch.cat([there | absent] * 2)

    def replaced(each: tuple[Any, ...], new: Tensor) -> tuple[Any, ...]:
        return (*each[:place], new, *each[place + 1 :])

    target = there.to(values.dtype)
    weighted = labels.class_weighted
    return Labels(
        replaced(mixed.values, torch.cat([target, target])),
        replaced(mixed.weights, shared(labels.weights[place])),
        None
        if weighted is None or mixed.class_weighted is None
        else replaced(mixed.class_weighted, shared(weighted[place])),
    )


def _unpack(mixed: Any, n_rows: int, mixing: Change) -> tuple[Any, Tensor, Tensor]:
    """Take a mixed batch apart; check it where a callable of the user's made it."""
    if isinstance(mixed, Mixed):
        return mixed
    try:
        x, permutation, lam = mixed
        permutation, lam = _as_tensor(permutation), _as_tensor(lam)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidParameterError(_MIXED.format(mixing, _kind(mixed))) from error
    whole = not (permutation.is_floating_point() or permutation.is_complex())
    rows = torch.arange(n_rows, device=permutation.device)
    is_permutation = whole and permutation.sort()[0].equal(rows)
    share = lam if lam.ndim == 0 or lam.shape == (n_rows,) else lam.new_full((), -1)
    if not is_permutation or not ((share >= 0) & (share <= 1)).all():
        got = ", ".join(map(_kind, (x, permutation, lam)))
        raise InvalidParameterError(_MIXED.format(mixing, got))
    return x, permutation, lam


def _as_tensor(values: Any) -> Tensor:
    """Leave a tensor where it is, and make anything else one on the CPU."""
    if isinstance(values, Tensor):
        return values
    return torch.as_tensor(values, device="cpu")


_MIXED = (
    "The 'mixing' {!r} must return a batch, a permutation of its rows and the share of "
    "each row's own label, a number in [0, 1] or (n_samples,) of them. Got {} instead."
)


def check_batch(x: Any, before: Tensor, name: str, change: Change) -> None:
    """Raise if a callable has made something else of a batch.

    Parameters
    ----------
    x : object
        What it has returned.
    before : Tensor
        The batch that it got.
    name : str
        The parameter, for the message.
    change : callable
        The callable.

    Raises
    ------
    InvalidParameterError
        If it is no tensor of that shape and dtype.
    """
    if isinstance(x, Tensor) and x.shape == before.shape and x.dtype == before.dtype:
        return
    raise InvalidParameterError(
        f"The {name!r} {change!r} must return a batch like the one it got, "
        f"{_kind(before)}. Got {_kind(x)} instead."
    )


def _kind(x: Any) -> str:
    """Describe what a callable returned, without its values."""
    if isinstance(x, Tensor):
        return f"{tuple(x.shape)} of {x.dtype}"
    return type(x).__name__
