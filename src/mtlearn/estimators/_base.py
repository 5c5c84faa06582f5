"""The shared recipe of the estimators."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Self

from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags

from mtlearn._utils._errors import naming
from mtlearn._utils._threads import threads
from mtlearn._utils._typed import with_callbacks
from mtlearn._utils._validation import check_nested_names
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn._utils._whole import in_one_step
from mtlearn.data import Samples, item_labels, on_readable_rows, warn_far
from mtlearn.estimators._callbacks import EpochContext
from mtlearn.estimators._checkpoints import open_checkpoints
from mtlearn.estimators._columns import check_changes
from mtlearn.estimators._find_rate import at_found_rate
from mtlearn.estimators._fit import (
    FitState,
    check_both_given,
    encode_rows,
    input_shape_of,
    new_net,
    split_samples,
    training_samples,
    validation_samples,
    weights_differ,
)
from mtlearn.estimators._going_on import check_same_network, go_on, weights_of_today
from mtlearn.estimators._kinds import (
    declare_classes,
    has_classification,
    refuse_parts,
    set_tags,
)
from mtlearn.estimators._net_mixin import NetMixin
from mtlearn.estimators._settings import (
    REMEDIES,
    Settings,
    read_settings,
)
from mtlearn.estimators._sharing import shared_seed
from mtlearn.estimators._train import note_covariances, train
from mtlearn.tasks import Head, Task, Tasks, fit_codec
from mtlearn.training import (
    Checkpoints,
    Randomness,
    Seeds,
    derive_seeds,
    draw_seed,
    in_processes,
    own_modes,
)


class BaseMultiTaskEstimator(NetMixin, CallbackSupportMixin, VersionedEstimator):
    """One network for several targets, with scikit-learn's API.

    A subclass lists its parameters in its constructor, and says how it reads X and
    what a task's head is by default.
    """

    # Validation rows are meant for a fit that can use them, so they are asked for.
    __metadata_request__fit: ClassVar = {"X_val": True, "y_val": True}

    _default_head: ClassVar[Head]
    _default_precision: ClassVar[str]

    @in_processes
    @in_one_step
    @with_callbacks
    @on_readable_rows
    @own_modes()
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like or dataset
            Training samples; see the class for their shape. A dataset has `__len__` and
            `__getitem__`, as torch's map-style ones: its items are `x` or `(x, y)`, and
            they are read one batch at a time, again in each epoch.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, `(n_samples,)` or `(n_samples, n_tasks)`. NaN, nulls, None and
            `pandas.NA` are missing labels, which add nothing to the loss. None takes
            those of a dataset's items, in one pass more: each y is a label, a sequence
            with one for each task, or a mapping of them by name.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`, not negative; a
            zero equals absence. Columns are in the order of y's, or found by name in a
            DataFrame or SliceDict.
        X_val, y_val : array-like, default=None
            Validation samples and labels, a dataset and None among them. Without,
            `validation_fraction` of the rows is set aside where `early_stopping` or the
            schedule needs it. In a Pipeline, see :class:`~mtlearn.pipeline.Pipeline`.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        InvalidDataError, DataTypeError
            If X, y or the weights are not what they must be.
        DivergenceError
            If a loss or weight becomes infinite or NaN.

        Warns
        -----
        UserWarning
            If most rows of X_val lie far outside of those of X, as they do where only
            X has been scaled.
        """
        settings = read_settings(self, self._default_precision)
        state = self._state() if self.warm_start else None
        rows = self._check_X(X, reset=state is None)
        settings = settings.for_rows(len(rows))
        context = EpochContext(self, settings.max_epochs, X, y, sample_weight)
        y = item_labels(rows, y)
        if state is None:
            codec = fit_codec(self.tasks, y, sample_weight, warns=True)
            state = FitState(codec.seeing(input_shape_of(rows)))
            state.columns = self._described_columns()
        else:
            check_same_network(state, self.tasks, settings)
            state.codec = state.codec.rebalanced(y, sample_weight)
        settings = settings.for_tasks(state.codec.tasks)
        targets = encode_rows(state.codec, rows, y, sample_weight)
        validation = self._validation(rows, X_val, y_val, state, settings)
        given = rows, targets, validation
        seed = shared_seed(self, state, settings, given, draw_seed(self.random_state))
        with open_checkpoints(self, state, settings, given, seed) as checkpoints:
            if checkpoints is not None:
                seed = checkpoints.seed
            seeds = derive_seeds(seed, len(state.history))
            data = split_samples(rows, targets, state, settings, seeds, validation)
            return self._train(state, data, settings, seeds, context, checkpoints)

    @in_processes
    @in_one_step
    @with_callbacks
    @on_readable_rows
    @own_modes()
    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        classes: Any = None,
    ) -> Self:
        """Train the network for one epoch on these rows.

        The classes of declared tasks must be known: declared too, passed as `classes`,
        or learned by an earlier `fit`. With ``tasks=None`` the first call infers kinds
        and classes from its rows. It also learns what the targets are scaled by. There
        is no validation and no averaging, and the learning rate is `lr`, or 0.001.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as in `fit`.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, as in `fit`.
        sample_weight : array-like, default=None
            Weights, as in `fit`; relative to their mean over these rows.
        classes : array-like or list of array-like, default=None
            All labels that will be seen, for tasks that do not declare them: of the
            one task, or in the order of y's columns with None for each regression.
            Needed at the first call only.

        Returns
        -------
        self : estimator
            The estimator.

        Raises
        ------
        InvalidParameterError
            If classes are not known, or weights of classes or labels follow from the
            rows (``"balanced"``, ``"sqrt"``): they would be those of the first ones.
        InvalidDataError, DataTypeError
            If X, y or the weights are not what they must be.
        """
        settings = read_settings(self, self._default_precision).for_one_epoch()
        refuse_parts(self.tasks)
        context = EpochContext(self, settings.max_epochs, X, y, sample_weight)
        state = self._state()
        X = self._check_X(X, reset=state is None)
        y = item_labels(X, y)
        if state is None:
            tasks = declare_classes(self.tasks, y, classes)
            codec = fit_codec(tasks, y, sample_weight, warns=True, is_part=True)
            state = FitState(codec.seeing(input_shape_of(X)))
            state.columns = self._described_columns()
        else:
            check_same_network(state, self.tasks, settings)
        settings = settings.for_tasks(state.codec.tasks)
        targets = encode_rows(state.codec, X, y, sample_weight)
        seed = shared_seed(
            self, state, settings, (X, targets, None), draw_seed(self.random_state)
        )
        seeds = derive_seeds(seed, len(state.history))
        train_rows = training_samples(X, targets, state, settings)
        return self._train(state, (train_rows, None), settings, seeds, context)

    def _train(
        self,
        state: FitState,
        data: tuple[Samples, Samples | None],
        settings: Settings,
        seeds: Seeds,
        context: EpochContext,
        checkpoints: Checkpoints | None = None,
    ) -> Self:
        """Build the network if there is none, train it and keep what it has learned."""
        check_changes(state.columns, settings)
        given = None if settings.balancing else self.loss_weights
        task_weights = weights_of_today(state, self.tasks, given)
        state.weighted |= weights_differ(data[0])
        randomness = Randomness(seeds.network, settings.device)
        with threads(settings.n_threads):
            settings = at_found_rate(
                settings, state, data[0], seeds, self._default_head, task_weights
            )
            state.lr = settings.rates.heads
            is_new = state.net is None
            if is_new:
                with randomness.for_all():
                    state.net = new_net(data[0], state, self._default_head, settings)
            context.begin(state.attributes)
            # A new net is nobody's yet, and needs no copy to go back to.
            with nullcontext() if is_new else state.net.unchanged_on_error():
                if not is_new:
                    with randomness.for_all():
                        go_on(state.net, settings, len(state.history))
                state.net.criterion_.task_weights = task_weights
                state.net.set_balancing(
                    settings.balancing,
                    seeds.balancing,
                    keep_state=settings.keeps_optimizer,
                )
                train(
                    state,
                    data,
                    settings,
                    seeds=seeds,
                    randomness=randomness,
                    on_epoch=(context.begin_epoch, context.end_epoch),
                    checkpoints=checkpoints,
                )
                note_covariances(state, settings)
                # An earlier fit on other targets may have left classes behind.
                self.__dict__.pop("classes_", None)
                self.__dict__.update(state.attributes())
                if checkpoints is not None:
                    checkpoints.finish()
                context.end()
        return self

    def _unchanged_on_error(self) -> AbstractContextManager[None]:
        """Give back what the network has learned, if what is done inside fails."""
        if not hasattr(self, "net_"):
            return nullcontext()
        return self.net_.unchanged_on_error()

    def _validation(
        self, X: Any, X_val: Any, y_val: Any, state: FitState, settings: Settings
    ) -> Samples | None:
        """Check and encode the validation rows that a user has passed."""
        if X_val is None and y_val is None:
            return None
        if X_val is not None:
            with naming("X_val"):
                X_val = self._check_X(X_val, reset=False)
                y_val = item_labels(X_val, y_val)
        check_both_given(X_val, y_val)
        samples = validation_samples(X_val, y_val, state.codec, settings)
        counts = None if state.columns is None else state.columns["n_categories"]
        warn_far(X, X_val, None if counts is None else [not each for each in counts])
        return samples

    def _check_labels(
        self, y: Any, sample_weight: Any, y_val: Any, *, anew: bool
    ) -> None:
        """Raise the error that a fit raises of labels and weights, if there is one."""
        state = None if anew and not self.warm_start else self._state()
        codec = (
            fit_codec(self.tasks, y, sample_weight) if state is None else state.codec
        )
        codec.encode(y, sample_weight)
        if y_val is not None:
            with naming("y_val"):
                codec.encode(y_val)

    def _state(self) -> FitState | None:
        """Give what an earlier fit has learned, to go on from."""
        if not hasattr(self, "net_"):
            return None
        return FitState(
            self._codec,
            self.net_,
            list(self.history_),
            self.best_epoch_,
            # Which files of earlier versions lack.
            getattr(self, "_split_seed", None),
            getattr(self, "_weighted", False),
            lr=getattr(self, "lr_", None),
            columns=getattr(self.net_, "module__columns", None),
        )

    def _described_columns(self) -> dict[str, tuple[Any, ...]] | None:
        """Give what a new network is told of the columns of X, if it is a table."""
        return None

    def _may_classify(self) -> bool:
        return has_classification(self.tasks)

    def _declared_tasks(self) -> Tasks | Task | None:
        return self.tasks

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of tasks and Partials by ``name__parameter``.

        Parameters
        ----------
        **params : object
            New values.

        Returns
        -------
        self : estimator
            The estimator.

        Raises
        ------
        InvalidParameterError, ValueError
            If there is no such parameter.
        """
        given = {**self.get_params(deep=False), **params}
        check_nested_names(given, type(self).__name__, REMEDIES)
        return super().set_params(**params)

    def __sklearn_tags__(self) -> Tags:
        return set_tags(super().__sklearn_tags__(), self.tasks)
