"""Mixing the samples of a batch with each other."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from mtlearn._utils._short import short
from mtlearn._utils._validation import check_choice, check_real
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn.augmentation._checks import check_floating, check_images
from mtlearn.augmentation._draws import per_sample
from mtlearn.augmentation._intensity import random_rectangles
from mtlearn.augmentation._registry import check_change
from mtlearn.exceptions import InvalidDataError, InvalidParameterError


class Mixed(NamedTuple):
    """A mixed batch, and what it was mixed from.

    The loss of sample ``i`` is
    ``lam[i] * loss(y[i]) + (1 - lam[i]) * loss(y[permutation[i]])``, whatever kind of
    target `y` is.

    Attributes
    ----------
    x : tensor of shape (n_samples, ...)
        The mixed samples.
    permutation : int64 tensor of shape (n_samples,)
        The row that each sample was mixed with.
    lam : tensor of shape (n_samples,)
        The share of each sample's own label, in [0, 1], of the dtype of `x`. 1 is an
        unmixed sample.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.augmentation import MixUp
    >>> x = torch.eye(3)
    >>> mixed = MixUp()(x, torch.Generator().manual_seed(0))
    >>> own, other = mixed.lam[:, None] * x, (1 - mixed.lam)[:, None] * x
    >>> torch.allclose(mixed.x, own + (1 - mixed.lam)[:, None] * x[mixed.permutation])
    True
    """

    x: torch.Tensor
    permutation: torch.Tensor
    lam: torch.Tensor


class United(Mixed):
    """A mixed batch, in which labels that a sample may have several of are united.

    They are there if they are in one half, not there if they are known to be in
    neither, and otherwise unknown. Other targets are mixed as in `Mixed`, whose parts
    it has.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.augmentation import MixUp, United
    >>> mixed = MixUp(labels="union")(torch.eye(3), torch.Generator().manual_seed(0))
    >>> isinstance(mixed, United), len(mixed)
    (True, 3)
    """


class _Mixing(VersionedEstimator):
    """What both mixings are made of: how far, and how often."""

    alpha: float
    probability: float
    labels: str

    def validate(self, owner: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        owner : str
            What the mixing belongs to, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        where = f"the {type(self).__name__} of {owner}"
        check_real(self.alpha, "alpha", where, low=0, include_low=False)
        check_real(self.probability, "probability", where, low=0, high=1)
        check_choice(self.labels, "labels", where, ("soft", "union"))

    def _draw(
        self, x: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw each sample's partner, and on the CPU the share it keeps of itself."""
        n_samples = len(x)
        permutation = torch.randperm(n_samples, generator=generator, device="cpu")
        drawn = torch.rand(
            n_samples, generator=generator, dtype=torch.float32, device="cpu"
        )
        is_mixed = drawn < self.probability
        # torch's Beta distribution takes no generator.
        seed = int(torch.randint(2**63 - 1, (), generator=generator, device="cpu"))
        shares = np.random.default_rng(seed).beta(self.alpha, self.alpha, n_samples)
        lam = torch.where(is_mixed, torch.from_numpy(shares), 1)
        return permutation.to(x.device), lam.to(x.dtype)

    def _made(self, *parts: torch.Tensor) -> Mixed:
        return United(*parts) if self.labels == "union" else Mixed(*parts)


class MixUp(_Mixing):
    """Replace samples by a weighted mean of themselves and another of the batch.

    The weight is drawn for each sample from a Beta distribution. Images and rows of
    tables alike can be mixed.

    Parameters
    ----------
    alpha : float, default=0.2
        Both parameters of the Beta distribution, above 0. Small: most samples stay
        near one of the two; 1: every weight is as likely.
    probability : float, default=1.0
        How likely a sample is to be mixed, in [0, 1].
    labels : {"soft", "union"}, default="soft"
        ``"soft"`` takes the loss of both halves' labels by their share. ``"union"``
        does so too, but for a task of several labels: a label of either half is there,
        and one that is known to be in neither is not. Otherwise it is unknown.

    References
    ----------
    .. [1] H. Zhang, M. Cisse, Y. N. Dauphin and D. Lopez-Paz, "mixup: Beyond Empirical
       Risk Minimization", ICLR 2018.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.augmentation import MixUp
    >>> x = torch.tensor([[0.0], [1.0]])
    >>> mixed = MixUp(alpha=1.0)(x, torch.Generator().manual_seed(0))
    >>> mixed.x.shape, mixed.permutation.shape, mixed.lam.shape
    (torch.Size([2, 1]), torch.Size([2]), torch.Size([2]))
    """

    def __init__(
        self,
        alpha: float = 0.2,
        *,
        probability: float = 1.0,
        labels: Literal["soft", "union"] = "soft",
    ) -> None:
        self.alpha = alpha
        self.probability = probability
        self.labels = labels

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> Mixed:
        """Mix a batch.

        Parameters
        ----------
        x : tensor of shape (n_samples, ...)
            Samples of a floating dtype, on any device. They stay as they are.
        generator : torch.Generator
            Of the CPU; the only source of randomness.

        Returns
        -------
        Mixed
            The mixed batch, the permutation and the shares. Unmixed samples are the
            same to the bit.

        Raises
        ------
        DataTypeError
            If `x` is not of a floating dtype.
        """
        check_floating(x, "MixUp")
        permutation, lam = self._draw(x, generator)
        weights = per_sample(lam, x)
        # Another sample may hold inf or NaN, of which no share is zero.
        mixed = torch.where(weights < 1, torch.lerp(x[permutation], x, weights), x)
        return self._made(mixed, permutation, lam.to(x.device))


class CutMix(_Mixing):
    """Replace a rectangle of each image by that of another of the batch.

    Parameters
    ----------
    alpha : float, default=1.0
        Both parameters of the Beta distribution of the share that is kept, above 0.
        1: every share is as likely.
    probability : float, default=1.0
        How likely an image is to be mixed, in [0, 1].
    labels : {"soft", "union"}, default="soft"
        ``"soft"`` takes the loss of both halves' labels by their share. ``"union"``
        does so too, but for a task of several labels: a label of either half is there,
        and one that is known to be in neither is not. Otherwise it is unknown.

    Notes
    -----
    A rectangle has the proportions of the image and its centre anywhere. It ends at the
    border; the share of the label is that of the pixels that were really kept.

    References
    ----------
    .. [1] S. Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers
       with Localizable Features", ICCV 2019.

    Examples
    --------
    >>> import torch
    >>> from mtlearn.augmentation import CutMix
    >>> x = torch.arange(2.0)[:, None, None, None].expand(2, 1, 4, 4)
    >>> mixed = CutMix()(x, torch.Generator().manual_seed(0))
    >>> share = (mixed.x == x).float().mean((1, 2, 3))
    >>> torch.equal(share[mixed.permutation != torch.arange(2)],
    ...             mixed.lam[mixed.permutation != torch.arange(2)])
    True
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        probability: float = 1.0,
        labels: Literal["soft", "union"] = "soft",
    ) -> None:
        self.alpha = alpha
        self.probability = probability
        self.labels = labels

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> Mixed:
        """Mix a batch.

        Parameters
        ----------
        x : tensor of shape (n_samples, n_channels, height, width)
            Images of a floating dtype, on any device. They stay as they are.
        generator : torch.Generator
            Of the CPU; the only source of randomness.

        Returns
        -------
        Mixed
            The mixed batch, the permutation and the shares. Unmixed images are the
            same to the bit.

        Raises
        ------
        InvalidDataError, DataTypeError
            If `x` is no batch of images.
        """
        if x.ndim != 4:
            raise InvalidDataError(
                "CutMix exchanges rectangles of images and needs a batch of shape "
                "(n_samples, n_channels, height, width). "
                f"Got {tuple(x.shape)} instead: for a table, use MixUp."
            )
        check_images(x, "CutMix")
        permutation, lam = self._draw(x, generator)
        size = torch.tensor(x.shape[2:], device="cpu")[:, None]
        sides = (size * (1 - lam).sqrt()).long()
        pasted = random_rectangles(x, sides, generator)
        mixed = torch.where(pasted, x[permutation], x)
        kept = 1 - pasted.to(x.dtype).mean((1, 2, 3))
        return self._made(mixed, permutation, kept)


_NAMES: dict[str, type[MixUp] | type[CutMix]] = {"mixup": MixUp, "cutmix": CutMix}


def resolve_mixing(
    value: Any, owner: str
) -> Callable[[torch.Tensor, torch.Generator], Any] | None:
    """Return the mixing that a user named or made.

    What a callable of the user's own returns is not checked here.

    Parameters
    ----------
    value : None, {"mixup", "cutmix"}, MixUp, CutMix or callable
        What the user gave: nothing, a name, an object, or anything that maps a batch
        and a generator to the parts of `Mixed`.
    owner : str
        The estimator, for the message.

    Returns
    -------
    callable or None
        What takes a batch and a `torch.Generator` and returns a `Mixed`, or a tuple
        with its parts.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If it is none of these, or an object with a wrong parameter.

    Examples
    --------
    >>> from mtlearn.augmentation import resolve_mixing
    >>> resolve_mixing("cutmix", "MyEstimator")
    CutMix()
    """
    if value is None:
        return None
    if isinstance(value, str):
        if value not in _NAMES:
            raise InvalidParameterError(
                f"The 'mixing' parameter of {owner} must be None, one of "
                f"{', '.join(map(repr, _NAMES))}, an object such as MixUp(alpha=0.4), "
                f"or a callable. Got {short(value)} instead."
            )
        return _NAMES[value]()
    if isinstance(value, _Mixing):
        value.validate(owner)
        return value
    return check_change(
        value, "mixing", "(x, generator) to (x, permutation, lam)", owner
    )
