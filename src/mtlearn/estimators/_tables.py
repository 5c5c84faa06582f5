"""The estimator for tables."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils import Tags

from mtlearn.data import Rows, TableColumns
from mtlearn.estimators._base import BaseMultiTaskEstimator
from mtlearn.estimators._choices import (
    AggregationLike,
    AugmentationLike,
    AveragingLike,
    BackboneLike,
    DeviceLike,
    EpochsLike,
    FolderLike,
    LossWeightsLike,
    MixingLike,
    OnDivergence,
    OptimizerLike,
    PenaltyLike,
    PrecisionName,
    RandomState,
    RateLike,
    SamplerLike,
    ScheduleLike,
)
from mtlearn.estimators._columns import read_columns
from mtlearn.estimators._reconstructing import reconstructing
from mtlearn.tasks import Head, Task, Tasks


class MultiTaskEstimator(BaseMultiTaskEstimator):
    """One network that learns several targets of a table's rows.

    Works as :class:`MultiTaskImageEstimator` does, on `(n_samples, n_features)`. By
    default it computes in float64, without batch normalisation or dropout, so that a
    weight of two equals a row twice.

    Parameters
    ----------
    tasks : None, Tasks, Classification or Regression, default=None
        What to learn. None infers a kind for each column of y, once, at `fit`:
        categories, strings, booleans and whole numbers (also floats that are all
        whole) are classes, other numbers real values. One kind holds for every column
        of y.
    backbone : str, class or Partial, default="mlp"
        ``"mlp"``, ``"tabm"`` (an ensemble that shares its weights; see
        :class:`~mtlearn.networks.TabM`), ``"cgc"`` (experts and gates), or a
        `torch.nn.Module` class (or `Partial` of one) that maps
        `(n_samples, n_features_in)` to features, or to some for each task or member.
        Its constructor gets `in_features` and `n_tasks` if it has such arguments; for
        `n_categories` and `has_missing` see :func:`~mtlearn.networks.build_network`.
    loss_weights : None, sequence or mapping of float, str or Balancing, default=None
        Replaces the tasks' own `weight`: in the order in which they are declared
        (inferred ones: that of y's columns), or by name. Or how the losses, with these
        weights in them, are balanced while training: ``"uncertainty"``, ``"dwa"``,
        ``"rlw"``, ``"gls"``, ``"famo"``, ``"gradnorm"``, or an object such as
        :class:`~mtlearn.losses.FAMO`. Losses in `history_`, and what follows them,
        have the tasks' own weights only.
    augmentation : None or callable, default=None
        Random changes of training rows: a callable that maps a batch
        `(n_samples, n_features_in)` and a `torch.Generator` to such a batch.
    mixing : None, "mixup", MixUp or callable, default=None
        ``"mixup"`` trains on mixtures of two rows, with the loss of either's labels by
        its share; see :class:`~mtlearn.augmentation.MixUp`.
    sampler : None, "balanced", "tasks", str or RaritySampler, default=None
        ``"balanced"`` draws training rows, with repetition, so that the classes of each
        classification come equally often, and rows by how rare their labels are, of a
        task of several; a task's name does so for that one only. A
        :class:`~mtlearn.RaritySampler` says how much. ``"tasks"`` draws a task first,
        all alike, and then one of its rows. Where few rows would come again and again,
        a warning says so; see ``sampling_``.
    freeze_backbone : bool, default=False
        Whether only the heads are trained, and what of the backbone is not shared.
    freeze_epochs : int, default=0
        Epochs, the first that the network is trained for, in which it is so; after
        them the backbone trains too.
    optimizer : str, class or Partial, default="adam"
        ``"adam"``, ``"adamw"``, ``"sgd"`` (with Nesterov momentum 0.9), or a class of
        `torch.optim`.
    lr : None, float or "auto", default=None
        Learning rate. None is 0.01 where it is the peak of one cycle, for a backbone of
        this package that begins anew, and 0.001 for all else, `partial_fit` too.
        ``"auto"`` tries a hundred steps with rates from small to large, as
        :func:`~mtlearn.inspection.find_lr` does, and takes what that suggests: a peak
        for ``lr_schedule="one_cycle"``. More training goes on with it.
    backbone_lr : None or float, default=None
        Learning rate of the backbone; None is `lr`. For a pre-trained one, a tenth.
    layer_decay : None or float, default=None
        By how much the learning rate of the backbone falls from layer to layer, in
        (0, 1]: its last layer or block learns at `layer_decay` times its rate, the one
        before at ``layer_decay ** 2`` times, and so on down to the first; the heads at
        `lr`. :func:`~mtlearn.networks.layer_numbers` tells which weights are in which.
        None and 1 give all the same rate. For a pre-trained network, 0.65 to 0.9.
    weight_decay : float, default=0.0
        Weight decay of the optimiser.
    clip_grad_norm : None or float, default=None
        Largest norm of the gradients of all weights together; larger ones are scaled
        down to it.
    lr_schedule : None, str, class or Partial, default="auto"
        ``"auto"`` is ``"one_cycle"``, or None where the end is open (`early_stopping`,
        or skorch's among the callbacks), a skorch `LRScheduler` moves the rate, or the
        optimiser has no momentum.
        ``"one_cycle"`` has its peak at `lr`; others are ``"cosine"`` (down to
        ``lr / 10``), ``"warmup_cosine"`` (the same after a linear rise), ``"plateau"``
        (halves after five epochs in which what `monitor` names has not improved), or a
        class of `torch.optim.lr_scheduler`, stepped once an epoch.
    max_epochs : int or "auto", default="auto"
        Passes through the training rows, at most. ``"auto"`` is 20: more for fewer than
        700 rows (14,000 rows pass in all, in 60 epochs at most), and fewer for more
        than 5,000 (100,000 rows, in 5 epochs at least). With `early_stopping` it is
        100.
    batch_size : int, default=200
        Rows that go through the network at a time; all of them if there are fewer.
    accumulate : int, default=1
        How many times `batch_size` rows make a step. The update is that of a batch so
        many times as large, in the memory of one of `batch_size`; batch normalisation
        sees `batch_size` rows, and dropout draws other numbers.
    early_stopping : bool or "task", default=False
        Whether to stop when what `monitor` names has not improved for
        `n_iter_no_change` epochs. ``"task"`` stops when that of no task has, and gives
        each task the backbone and the head of its own best epoch: predictions take as
        many backbones as there are such epochs.
    validation_fraction : float, default=0.1
        Share of the rows set aside for validation, stratified over all tasks, where
        `early_stopping` or the schedule needs them and `fit` gets no `X_val`. The only
        label of a task, and the only row of a class, are for training.
    n_iter_no_change : int, default=10
        See `early_stopping`.
    monitor : str, default="loss"
        Which figure of validation rows stopping, the best epoch and a plateau follow,
        by its name in `history_` less the ``valid_``: ``"loss"``, ``"score"``,
        ``"{task}_loss"``, ``"{task}_accuracy"``, ``"{task}_r2"``, or that of a
        :class:`~mtlearn.training.TaskMetric` among the callbacks. Losses are better
        small, scores large; NaN is never better. ``"train_..."`` is of training rows,
        and holds none out.
    min_delta : float, default=0.0
        By how much more a figure must be better to count as such, in its own units:
        for the patience and for the best epoch, as in Keras and skorch.
    restore_best : bool, default=True
        Whether the weights of the best epoch by `monitor` are kept. Without validation
        rows (see `validation_fraction`) those of the last one are.
    averaging : None, "ema", "swa", EMA or SWA, default=None
        Which average of its weights the network gets: exponential, over all steps
        (validation sees it too), or that of the last epochs, in place of the best one's
        weights; see :class:`~mtlearn.training.EMA` and
        :class:`~mtlearn.training.SWA`.
    aggregation : None, str, value or callable, default=None
        How the tasks' gradients become one in the weights that they share; None adds
        them up. ``"pcgrad"``, ``"upgrad"``, ``"mgda"``, ``"cagrad"``, ``"imtl_g"``,
        ``"aligned"``, ``"nash"``, ``"fairgrad"``, an object such as
        :class:`~mtlearn.losses.CAGrad`, or a callable that gets the inner products of
        the gradients, a tensor `(n_tasks, n_tasks)`, and returns a weight for each.
        Tasks without a label in a batch are left out. A step takes a backward pass for
        each task.
    penalty : None, Penalty or list of Penalty, default=None
        What is added to the loss of each step for the weights that the heads end in:
        :class:`~mtlearn.losses.TraceNorm`, :class:`~mtlearn.losses.GraphLaplacian`,
        :class:`~mtlearn.losses.GroupLasso`, :class:`~mtlearn.losses.TaskCovariance`,
        :class:`~mtlearn.losses.CommonMean` or :class:`~mtlearn.losses.Ridge`; of
        several the sum.
    on_divergence : {"raise", "restore_best"}, default="raise"
        What to do when a loss or weight becomes infinite or NaN: raise a
        `DivergenceError`, or end training with a `ConvergenceWarning` and the weights
        of the best epoch so far: by `monitor`, or without validation rows by the
        training figure of the epoch after it. Without such an epoch it raises too.
    callbacks : None or list of skorch callbacks, default=None
        Notified during training. For scikit-learn's own, see `set_callbacks`.
    device : str or torch.device, default="auto"
        A processor or a CUDA device; ``"auto"`` takes a CUDA device if there is one.
    precision : {"auto", "float32", "bfloat16", "float16", "float64"}, default="auto"
        What to compute in; ``"auto"`` is float64, as in scikit-learn. Under bfloat16
        and float16 (with loss scaling), weights and losses are float32.
    compile : bool or dict, default=False
        Whether `torch.compile` makes kernels of the network, which takes time at first
        and a C++ compiler; a dict has its arguments. Measure whether it pays.
    n_threads : None or int, default=None
        Torch threads in `fit` and `predict`. None leaves torch's own count, which
        joblib's workers lower; a number makes results the same for every `n_jobs`.
    checkpoint_dir : None, str or path-like, default=None
        Folder in which `fit` writes a file after each epoch, the last two of which it
        keeps. If it is killed, the same call on the same data goes on from there and
        ends with the same bits. When it ends, the files are removed.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights, classes and target scales of the last
        one, with a new optimiser. The same labels have the same rows held out.
    random_state : None, int or RandomState, default=None
        An int gives the same results on the same machine, versions and number of
        threads. No global random state is read or changed.
    verbose : int, default=0
        0 shows nothing, 1 a progress bar, 2 a line an epoch with each task's loss.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; its network is ``net_.module_``.
    tasks_ : Tasks
        Fitted tasks.
    task_names_ : tuple of str
        Their names.
    classes_ : ndarray or list
        Labels; of several tasks a list, in the order of y's columns, with None for
        regressions. Absent if no task is a classification.
    precision_ : str
        The precision that was used in training.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a DataFrame whose columns are all strings.
    categories_ : list of (ndarray or None), or None
        Of each column of X the categories that it had, None of numbers; None if all
        columns held numbers.
    n_iter_ : int
        Epochs run.
    sampling_ : dict or None
        What an epoch of the last call is expected to draw with a `sampler`: `n_rows`
        and `effective_rows`, as how many different ones they count, and, by task,
        the share of drawn rows that are `labelled`, the `prevalence` of each class or
        label and how often it is `drawn`, as shares.
    task_covariance_ : ndarray of shape (n_columns, n_columns), or None
        How the outputs of tasks vary together, of trace 1, as a `penalty` of
        :class:`~mtlearn.losses.TaskCovariance` has learned it; None without one.
    task_covariance_columns_ : list of (str, int), or None
        The task of each of its columns, and the number of the task's output.
    lr_ : float
        The learning rate, as given or found.
    best_epoch_ : int
        The best epoch (from 1) by `monitor`, or the one whose weights a callback of
        skorch with `load_best` has loaded; the last one if there were no validation
        rows.
    best_epochs_ : dict of str to int
        The same by task: each its own with ``early_stopping="task"``.
    history_ : list of dict
        For each epoch: `epoch`, `train_loss` and `train_score` (the mean of the
        tasks' metrics), `train_{task}_loss`, `train_{task}_accuracy` or
        `train_{task}_r2`, the same with `valid_` where there are validation rows,
        `weight_{task}` where losses are balanced, `lr` (of the heads) and `seconds`.
        Training figures are collected while weights change.

    See Also
    --------
    MultiTaskImageEstimator : The same for images.

    Notes
    -----
    Columns are not scaled: put a `StandardScaler` in front, unless the backbone is
    ``"tabm"``. X is converted to float64 at once; the rows of a dataset are, one batch
    at a time.

    Columns of a DataFrame with the dtype ``category``, or with texts, hold categories,
    and others numbers, truth values among them. A missing value is a value of its own,
    and so is a category that no row of the fit has. A number that is missing in a
    column where none was in the fit is taken for the mean of the column.

    References
    ----------
    .. [1] R. Caruana, "Multitask Learning", Machine Learning 28, 1997.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=5, random_state=0)
    >>> model = make_pipeline(StandardScaler(), estimator).fit(X, y)
    >>> model.predict(X).shape
    (1599, 2)
    """

    _default_head: ClassVar[Head] = Head(hidden=(), dropout=0.0, batch_norm=False)
    _default_precision: ClassVar[str] = "float64"

    categories_: list[np.ndarray | None] | None
    _has_missing: np.ndarray | None
    _column_means: np.ndarray | None

    def __init__(
        self,
        tasks: Tasks | Task | None = None,
        *,
        backbone: BackboneLike = "mlp",
        loss_weights: LossWeightsLike = None,
        augmentation: AugmentationLike = None,
        mixing: MixingLike = None,
        sampler: SamplerLike = None,
        freeze_backbone: bool = False,
        freeze_epochs: int = 0,
        optimizer: OptimizerLike = "adam",
        lr: RateLike = None,
        backbone_lr: float | None = None,
        layer_decay: float | None = None,
        weight_decay: float = 0.0,
        clip_grad_norm: float | None = None,
        lr_schedule: ScheduleLike = "auto",
        max_epochs: EpochsLike = "auto",
        batch_size: int = 200,
        accumulate: int = 1,
        early_stopping: bool | Literal["task"] = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        monitor: str = "loss",
        min_delta: float = 0.0,
        restore_best: bool = True,
        averaging: AveragingLike = None,
        aggregation: AggregationLike = None,
        penalty: PenaltyLike = None,
        on_divergence: OnDivergence = "raise",
        callbacks: Sequence[Any] | None = None,
        device: DeviceLike = "auto",
        precision: PrecisionName = "auto",
        compile: bool | Mapping[str, Any] = False,
        n_threads: int | None = None,
        checkpoint_dir: FolderLike = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.tasks = tasks
        self.backbone = backbone
        self.loss_weights = loss_weights
        self.augmentation = augmentation
        self.mixing = mixing
        self.sampler = sampler
        self.freeze_backbone = freeze_backbone
        self.freeze_epochs = freeze_epochs
        self.optimizer = optimizer
        self.lr = lr
        self.backbone_lr = backbone_lr
        self.layer_decay = layer_decay
        self.weight_decay = weight_decay
        self.clip_grad_norm = clip_grad_norm
        self.lr_schedule = lr_schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.monitor = monitor
        self.min_delta = min_delta
        self.restore_best = restore_best
        self.averaging = averaging
        self.aggregation = aggregation
        self.penalty = penalty
        self.on_divergence = on_divergence
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.compile = compile
        self.n_threads = n_threads
        self.checkpoint_dir = checkpoint_dir
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _check_X(self, X: Any, *, reset: bool) -> Rows:
        rows, columns = read_columns(self, X, None if reset else self._columns())
        if reset:
            self._learn(columns)
        return rows

    def _learn(self, columns: TableColumns | None) -> None:
        """Keep what is known of the columns, in what files hold."""
        self._has_missing = self._column_means = self.categories_ = None
        if columns is not None:
            self._has_missing, self._column_means = columns.has_missing, columns.means
            if not columns.numbers.all():
                self.categories_ = list(columns.categories)

    def _columns(self) -> TableColumns:
        n_columns = self.n_features_in_
        gaps, means = (
            getattr(self, name, None) for name in ("_has_missing", "_column_means")
        )
        if gaps is None or means is None:  # of a dataset, or by an earlier version
            gaps, means = np.zeros(n_columns, dtype=bool), np.full(n_columns, np.nan)
        held = getattr(self, "categories_", None) or (None,) * n_columns
        return TableColumns(tuple(held), gaps, means)

    def _described_columns(self) -> dict[str, tuple[Any, ...]] | None:
        return self._columns().described

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # Categories are those of a DataFrame; the tags for them speak of arrays.
        tags.input_tags.allow_nan = not reconstructing(self.tasks)
        return tags
