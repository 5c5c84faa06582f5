"""Tasks that give back what the network was given."""

from collections.abc import Callable, Mapping
from copy import copy
from math import prod
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from mtlearn._utils._validation import check_bool
from mtlearn.exceptions import InvalidParameterError
from mtlearn.losses import Inputs
from mtlearn.tasks._base import Task
from mtlearn.tasks._figure import Figure
from mtlearn.tasks._head import HeadLike, check_module
from mtlearn.tasks._mean_outputs import mean_of_labels
from mtlearn.tasks._value_figures import VALUE_FIGURES


class Reconstruction(Task):
    """A task that makes the image, or the row of a table, from the shared features.

    It reads no column of y, and has no part in `predict`, `predict_proba` and `score`:
    `reconstruct` of the estimator gives what it makes, and `reconstruction_error` how
    far that is off. Every row trains it, also one without any label.

    Parameters
    ----------
    weight : float, default=1.0
        Factor of this task's mean loss in the total loss, not negative.
    loss : {"mse", "mae", "huber", "bce"} or callable, default="mse"
        Of each value, and a sample's loss is the mean over its values. ``"bce"`` is the
        binary cross-entropy, for values in [0, 1], into which others are brought. A
        callable gets outputs and images, tensors of the same shape `(n_samples, ...)`,
        and returns one of that shape, as torch's losses do with ``reduction="none"``.
    decoder : class, Partial or None, default=None
        Subclass of `torch.nn.Module`, or :class:`Partial` of one, that maps the shared
        features to images of the shape `output_shape`. None takes
        :class:`~mtlearn.networks.Decoder` for images, and for tables layers as other
        tasks have them.
    denoise : bool, default=False
        Whether the image is made as it was before the noise and the cutout of an
        :class:`~mtlearn.augmentation.Augmentation`, and not as the network saw it.
    head : None, Head, class or Partial, default=None
        As of other tasks; linear layers as well, and instead of a `decoder`.

    Attributes
    ----------
    input_shape_ : tuple of int
        Of one sample: `(n_channels, height, width)` or `(n_columns,)`.

    See Also
    --------
    Regression : A task with a real value of y.

    Notes
    -----
    The loss is on the scale of X. Scale X, such as by
    :class:`~mtlearn.preprocessing.GlobalMaxScaler`: values up to 255 have squared
    errors that outweigh every other task.

    References
    ----------
    .. [1] G. E. Hinton, R. R. Salakhutdinov, "Reducing the Dimensionality of Data with
       Neural Networks", Science 313, 2006.
    .. [2] P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol, "Extracting and
       Composing Robust Features with Denoising Autoencoders", ICML 2008.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from mtlearn import (
    ...     Classification, MultiTaskImageEstimator, Reconstruction, Tasks
    ... )
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X.reshape(-1, 8, 8) / 16
    >>> tasks = Tasks(digit=Classification(), image=Reconstruction(weight=2.0))
    >>> estimator = MultiTaskImageEstimator(tasks, max_epochs=1, random_state=0)
    >>> estimator.fit(X, y).predict(X).shape
    (1797,)
    >>> estimator.reconstruct(X).shape, estimator.reconstruction_error(X).shape
    ((1797, 8, 8), (1797,))
    """

    kind: ClassVar[str] = "reconstruction"
    metric: ClassVar[str] = "r2"
    makes_inputs: ClassVar[bool] = True
    losses: ClassVar[tuple[str, ...]] = ("mse", "mae", "huber", "bce")
    column: ClassVar[None] = None
    """It reads none."""

    def __init__(
        self,
        *,
        weight: float = 1.0,
        loss: Literal["mse", "mae", "huber", "bce"] | Callable[..., Tensor] = "mse",
        decoder: Any = None,
        denoise: bool = False,
        head: HeadLike | None = None,
    ) -> None:
        self.weight = weight
        self.loss = loss
        self.decoder = decoder
        self.denoise = denoise
        self.head = head

    @property
    def n_columns(self) -> int:
        """Columns of y that it reads."""
        return 0

    @property
    def denoises(self) -> bool:
        """Whether it makes the image without noise."""
        return self.denoise

    @property
    def n_outputs(self) -> int:
        """Values of a sample."""
        return prod(self.input_shape_)

    @property
    def score_shape(self) -> tuple[int, ...]:
        """Shape of a sample."""
        return self.input_shape_

    @property
    def own_head(self) -> HeadLike | None:
        """The decoder, or the head."""
        return self.head if self.decoder is None else self.decoder

    def validate(self, name: str) -> None:
        """Check the parameters.

        Parameters
        ----------
        name : str
            The task's name, for messages.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        """
        super().validate(name)
        owner = f"{type(self).__name__} (task {name!r})"
        check_bool(self.denoise, "denoise", owner)
        if self.decoder is None:
            return
        if self.head is not None:
            raise InvalidParameterError(
                f"The 'decoder' and 'head' parameters of {owner} are one and the same "
                "part of the network. Set one of them to None."
            )
        check_module(self.decoder, "decoder", owner)

    def seeing(self, input_shape: tuple[int, ...]) -> Self:
        """Give a task that knows the shape of what it makes.

        Parameters
        ----------
        input_shape : tuple of int
            Of one sample.

        Returns
        -------
        Reconstruction
            A copy.
        """
        known = copy(self)
        known.input_shape_ = tuple(input_shape)
        return known

    def fit(
        self,
        labels: np.ndarray,
        sample_weight: np.ndarray,
        name: str,
        rows: np.ndarray | None = None,
    ) -> Self:
        """Learn nothing: there are no labels.

        Parameters
        ----------
        labels, sample_weight, rows : ndarray
            Empty.
        name : str
            The task's name.

        Returns
        -------
        Reconstruction
            This task.
        """
        return self

    def encode(self, labels: np.ndarray, rows: np.ndarray, name: str) -> np.ndarray:
        """Return labels, of which there are none, as they are.

        Parameters
        ----------
        labels, rows : ndarray
            Empty.
        name : str
            The task's name.

        Returns
        -------
        ndarray
            The same.
        """
        return labels

    def restore(self, encoded: np.ndarray) -> np.ndarray:
        """Return what `encode` returned as it is.

        Parameters
        ----------
        encoded : ndarray
            Empty.

        Returns
        -------
        ndarray
            The same.
        """
        return encoded

    def errors(
        self, loss: Callable[..., Tensor], output: Tensor, inputs: Tensor
    ) -> Tensor:
        """Compute the loss of each sample.

        Parameters
        ----------
        loss : callable
            What `loss_spec` describes, with what it learns.
        output, inputs : Tensor of shape (n_samples, *input_shape_)
            Raw output, and what it should be.

        Returns
        -------
        Tensor of shape (n_samples,)
            Losses.
        """
        target = inputs.clamp(0, 1) if self.loss == "bce" else inputs
        return loss(output, target).flatten(1).mean(dim=1)

    def _target(self, inputs: Inputs | None) -> Tensor:
        assert inputs is not None
        return inputs.clean if self.denoise else inputs.seen

    def loss_sums(
        self,
        loss: Callable[..., Tensor],
        output: Tensor,
        target: Any,
        weight: Tensor,
        inputs: Inputs | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Sum up a batch's losses.

        Parameters
        ----------
        loss : callable
            Of each sample.
        output : Tensor of shape (n_samples, *input_shape_)
            What the network makes.
        target : None
            There are no labels.
        weight : Tensor of shape (n_samples,)
            Of each row.
        inputs : Inputs
            What the network was given.

        Returns
        -------
        weighted_sum, weight_sum : Tensor of shape ()
            With a graph, and without.
        """
        losses = self.errors(loss, output, self._target(inputs))
        return (weight * losses).sum(), weight.sum()

    def mean_output(self) -> Callable[[Tensor], Tensor] | None:
        """Give what makes one output of those of a network's members.

        Returns
        -------
        callable or None
            Gets `(n_samples, n_members, n_outputs)`; None takes the mean.
        """
        return mean_of_labels if self.loss == "bce" else None

    def activate(self, output: Tensor) -> Tensor:
        """Map the raw output to values on the scale of X.

        Parameters
        ----------
        output : Tensor of shape (n_samples, *input_shape_)
            Raw output.

        Returns
        -------
        Tensor of the same shape
            In [0, 1] of the binary cross-entropy.
        """
        return output.sigmoid() if self.loss == "bce" else output

    def decode(self, activated: np.ndarray) -> np.ndarray:
        """Return values as they are.

        Parameters
        ----------
        activated : ndarray of shape (n_samples, *input_shape_)
            Values.

        Returns
        -------
        ndarray of the same shape
            Values.
        """
        return activated

    def statistics(
        self,
        output: Tensor,
        target: Any,
        weight: Tensor,
        inputs: Inputs | None = None,
    ) -> Tensor:
        """Sum up what R² needs, over all values of all samples.

        Parameters
        ----------
        output : Tensor of shape (n_samples, *input_shape_)
            What the network makes.
        target : None
            There are no labels.
        weight : Tensor of shape (n_samples,)
            Of each row.
        inputs : Inputs
            What the network was given.

        Returns
        -------
        Tensor of shape (4,)
            Weighted sums of the samples' mean squared errors, means and mean squares,
            and of one.
        """
        image = self._target(inputs).flatten(1)
        errors = (self.activate(output).flatten(1) - image).square().mean(dim=1)
        means = image.mean(dim=1, keepdim=True)
        # About the mean: squares of large values lack the digits of a small spread.
        spread = (image - means).square().mean(dim=1).double()
        weight, means = weight.double(), means[:, 0].double()
        each = (errors.double(), means, spread + means.square())
        return torch.stack([*(weight @ sums for sums in each), weight.sum()])

    def metric_from(self, statistics: np.ndarray) -> float:
        """Compute R² from added-up statistics.

        Parameters
        ----------
        statistics : ndarray of shape (4,)
            Sums over batches.

        Returns
        -------
        float
            The share of the variance of all values that is made again, at most 1; NaN
            where values do not vary.
        """
        errors, total, squares, weight = statistics
        spread = squares - total**2 / weight if weight else 0.0
        return float(1 - errors / spread) if spread > 1e-12 * squares else float("nan")

    def figures(self) -> Mapping[str, Figure]:
        """Give R², of values in one column."""
        return {self.metric: VALUE_FIGURES[self.metric]}

    def baseline(self) -> float:
        """Give what a learner without X would make: nothing."""
        return 0.0
