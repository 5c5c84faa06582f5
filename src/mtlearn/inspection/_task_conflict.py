"""Which tasks pull against each other in the weights that they share."""

from typing import Any, Self

from sklearn.utils import check_consistent_length

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._unwrap import reach, unwrap
from mtlearn._utils._validation import check_integer
from mtlearn.data import item_labels
from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._clones import (
    check_max_samples,
    check_one_network,
    chosen_rows,
    fit_recorded,
    naming_rows_of,
    trainable,
)
from mtlearn.inspection._conflict_figures import ConflictFigures
from mtlearn.inspection._conflict_plot import draw_conflicts
from mtlearn.inspection._recording import GradientRecorder, check_several
from mtlearn.metrics import fitted_tasks
from mtlearn.training import draw_seed, task_gradients

# Parts of the rows, whose cosines tell how sure the mean is.
_N_PARTS = 8


class TaskConflictDisplay(ConflictFigures):
    """Cosines between the gradients of tasks in the weights that they share.

    The gradient of a task is that of its mean loss times its weight, by each shared
    weight. Where two tasks have a negative cosine, they pull these weights in opposite
    directions [1]_, and layers differ in how much they do [2]_. Make it with
    `from_estimator` or `from_training`; `frame`, `conflicts` and `norms` give the
    numbers, and `plot` draws them.

    Parameters
    ----------
    gradients : mapping of int to TaskGradients
        By the number of epochs that the network had been trained for.

    Attributes
    ----------
    task_names : tuple of str
        In task order.
    epochs : tuple of int
        What is known.
    layers : tuple of str
        Paths of the backbone's modules with weights, batch norm among them.
    estimator_ : estimator
        What `from_training` has trained.
    figure_ : matplotlib Figure
        Set by `plot`.
    axes_ : dict of str to matplotlib Axes
        By ``"cosines"``, ``"layers"``, ``"norms"`` and ``"epochs"``, set by `plot`.

    See Also
    --------
    sharing_report : Whether sharing a network costs a task anything, measured.

    Notes
    -----
    The network is in evaluation mode for it: batch norm uses its statistics, nothing is
    dropped and no image is changed. It computes in the precision of its weights. Memory
    is needed for two gradients of each task.

    References
    ----------
    .. [1] T. Yu, S. Kumar, A. Gupta, S. Levine, K. Hausman, C. Finn, "Gradient Surgery
       for Multi-Task Learning", NeurIPS 2020.
    .. [2] G. Shi, Q. Li, W. Zhang, J. Chen, X.-M. Wu, "Recon: Reducing Conflicting
       Gradients from the Root for Multi-Task Learning", ICLR 2023.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.inspection import TaskConflictDisplay
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2, random_state=0).fit(X, y)
    >>> display = TaskConflictDisplay.from_estimator(estimator, X, y)
    >>> display.layers
    ('layers.0', 'layers.2')
    >>> [(pair.task, pair.other) for pair in display.conflicts()]
    [('quality', 'good')]
    """

    estimator_: Any

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        max_samples: int = 2000,
        random_state: Any = None,
    ) -> Self:
        """Compare gradients at the weights of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted: of this package, or a Pipeline or search that ends in one.
        X : array-like or dataset
            Samples, as the estimator takes them.
        y : array-like, DataFrame, Series or SliceDict, default=None
            Labels, as the estimator takes them. Missing ones add nothing, and neither
            do those of which there is no loss: a label that is none of the classes, or
            a value outside of the bounds.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.
        max_samples : int, default=2000
            Rows at most, chosen at random.
        random_state : None, int or RandomState, default=None
            Of the choice of rows, and of their parts.

        Returns
        -------
        TaskConflictDisplay
            Of one epoch, the number of those it was trained for. Not drawn yet.

        Raises
        ------
        InvalidParameterError
            If there is one task only, or a parameter is not what it must be.
        NetworkError
            If the backbone is frozen, or has no weights.
        ParameterTypeError
            If there is no estimator of this package in it, or an ensemble.
        NotFittedError
            If it is not fitted.
        """
        owner = cls.__name__
        most = check_max_samples(max_samples, owner)
        fitted_tasks(estimator, owner)  # which fails if it is not fitted
        check_several(unwrap(estimator).tasks_.names, owner)
        check_one_network(unwrap(estimator), owner)
        # Of all rows, so that an error names one of the user's.
        targets = unwrap(estimator)._codec.encode(
            item_labels(X, y), sample_weight, known_only=True
        )
        check_consistent_length(X, targets)
        rows = chosen_rows(len(targets), most, draw_seed(random_state))
        with naming_rows_of(estimator, X):
            inner, drawn = reach(estimator, take_rows(X, rows))
            samples = inner._labelled(drawn, targets.take(rows))
        found = task_gradients(inner.net_, samples, _N_PARTS)
        return cls({len(inner.history_): found})

    @classmethod
    def from_training(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        every: int = 1,
        max_samples: int = 1000,
        random_state: Any = None,
    ) -> Self:
        """Train a clone, and compare gradients at the end of its epochs.

        The clone is trained as the estimator would be, to the same bits. Gradients are
        those of some of its training rows, the same in every epoch.

        Parameters
        ----------
        estimator : estimator
            Of this package, a Pipeline that ends in one, or a fitted search, whose
            best estimator is taken. It is not changed.
        X, y, sample_weight : array-like
            As in its `fit`.
        X_val, y_val : array-like, default=None
            Validation samples and labels, as in its `fit`; X_val goes through the
            steps of a Pipeline too, fitted once more for it.
        every : int, default=1
            Epochs from one record to the next.
        max_samples : int, default=1000
            Rows at most, chosen at random.
        random_state : None, int or RandomState, default=None
            Of the choice of rows, and of their parts; the training has the
            estimator's own.

        Returns
        -------
        TaskConflictDisplay
            Of several epochs, with the trained clone as `estimator_`. Not drawn yet.

        Raises
        ------
        InvalidParameterError
            If there is one task only, or a parameter is not what it must be.
        NetworkError
            If the backbone is frozen, or has no weights.
        ParameterTypeError
            If there is no estimator of this package in it, or an ensemble.

        Notes
        -----
        The clone writes no checkpoints.
        """
        owner = cls.__name__
        every = check_integer(every, "every", owner, low=1)
        most = check_max_samples(max_samples, owner)
        trained, prefix = trainable(estimator, owner)
        seed = draw_seed(random_state)
        recorder = GradientRecorder(owner, most, seed, every, _N_PARTS)
        if X_val is not None and prefix and len(trained) > 1:
            front, _ = trainable(estimator, owner)
            X_val = front[:-1].fit(X, y).transform(X_val)
        arguments = {"sample_weight": sample_weight, "X_val": X_val, "y_val": y_val}
        fit_recorded(trained, prefix, recorder, X, y, arguments)
        if not recorder.records_:
            raise InvalidParameterError(
                f"The 'every' parameter of {owner} is {every}, and training ended "
                "before that epoch. Pass a smaller one."
            )
        display = cls(recorder.records_)
        display.estimator_ = trained
        return display

    def plot(self, *, epoch: int | None = None) -> Self:
        """Draw the cosines of all shared weights, by layer and by epoch.

        Blue pairs pull together, red ones against each other. Of many pairs, those
        with the lowest cosines are drawn by layer and by epoch. Layers without a
        matrix, such as batch norm, count for all layers together, and are not drawn
        by themselves. The bars are the shares of the tasks in the sum of their
        gradients' lengths.

        Parameters
        ----------
        epoch : int, default=None
            What is drawn by task and by layer; None takes the last.

        Returns
        -------
        TaskConflictDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        InvalidParameterError
            If there is no such epoch.
        MissingDependencyError
            If matplotlib is not installed.
        """
        self.figure_, self.axes_ = draw_conflicts(self, self._epoch(epoch))
        return self
