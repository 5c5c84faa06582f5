"""The estimator for images."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils import Tags

from mtlearn.data import (
    Rows,
    check_images,
    open_dataset,
    open_images,
    warn_channels_first,
)
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
from mtlearn.exceptions import InvalidDataError
from mtlearn.tasks import Head, Task, Tasks

_ITEMS = {2: "(height, width)", 3: "(height, width, n_channels)"}


class MultiTaskImageEstimator(BaseMultiTaskEstimator):
    """One convolutional network that learns several targets of an image.

    The backbone turns images into features that the tasks share; each task has a head
    of its own. All are trained together on the weighted sum of the tasks' losses,
    each of which is a mean over the samples that have a label for that task.

    Parameters
    ----------
    tasks : None, Tasks, Classification or Regression, default=None
        What to learn. None infers a kind for each column of y, once, at `fit`:
        categories, strings, booleans and whole numbers (also floats that are all
        whole) are classes, other numbers real values. One kind holds for every column
        of y.
    backbone : str, class or Partial, default="resnet"
        ``"resnet"``, ``"resnet_v2"`` (smaller), ``"autoencoder"`` (an encoder alone),
        ``"cgc"`` (experts and gates), or a `torch.nn.Module` class (or `Partial` of
        one) that maps `(n_samples, n_channels, height, width)` to features. Its
        constructor gets `in_channels`, `image_size` and `n_tasks` if it has such
        arguments. It may give maps too, or features for each task.
    loss_weights : None, sequence or mapping of float, str or Balancing, default=None
        Replaces the tasks' own `weight`: in the order in which they are declared
        (inferred ones: that of y's columns), or by name. Or how the losses, with these
        weights in them, are balanced while training: ``"uncertainty"``, ``"dwa"``,
        ``"rlw"``, ``"gls"``, ``"famo"``, ``"gradnorm"``, or an object such as
        :class:`~mtlearn.losses.FAMO`. Losses in `history_`, and what follows them,
        have the tasks' own weights only.
    augmentation : None, str, Augmentation or callable, default=None
        Random changes of training images: ``"light"``, ``"standard"``, ``"trivial"``,
        ``"randaugment"``, an :class:`~mtlearn.augmentation.Augmentation` or another
        object of that room, or a callable that maps a batch
        `(n_samples, n_channels, height, width)` and a `torch.Generator` to such a
        batch.
    mixing : None, str, MixUp, CutMix or callable, default=None
        ``"mixup"`` or ``"cutmix"`` trains on mixtures of two images, with the loss of
        either's labels by its share; see :class:`~mtlearn.augmentation.MixUp`.
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
    batch_size : int, default=32
        Rows that go through the network at a time.
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
        What to compute in. ``"auto"`` takes bfloat16 where the device multiplies it in
        hardware (processors with AMX or AVX512-BF16, GPUs from Ampere on) and computes
        the network rightly in it, else float32. Under bfloat16 and float16 (with loss
        scaling), weights, batch-norm statistics, losses and predictions stay float32.
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
    image_shape_ : tuple (height, width, n_channels)
        Shape of the images.
    n_features_in_ : int
        Numbers in an image.
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
    MultiTaskEstimator : The same for tables.

    Notes
    -----
    Images are `(n_samples, height, width)` or `(n_samples, height, width, n_channels)`
    of any real dtype, memory-mapped arrays and torch CPU tensors among them, or the
    items of a dataset. They are cast and copied one batch at a time; whole numbers that
    the cast would round are an error. They are not scaled: put a
    :class:`~mtlearn.preprocessing.GlobalMaxScaler` in front, or scale the items of a
    dataset in its `__getitem__`.

    References
    ----------
    .. [1] R. Caruana, "Multitask Learning", Machine Learning 28, 1997.
    .. [2] K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image
       Recognition", CVPR 2016.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskImageEstimator, Partial
    >>> from mtlearn import Regression, Tasks
    >>> from mtlearn.datasets import make_multitask_digits
    >>> from mtlearn.networks import ResNet
    >>> X, y = make_multitask_digits(60, random_state=0)
    >>> tasks = Tasks(digit=Classification(10), shade=Regression())
    >>> estimator = MultiTaskImageEstimator(
    ...     tasks,
    ...     backbone=Partial(ResNet, widths=(4, 8), n_blocks=1, n_features=16),
    ...     max_epochs=1,
    ...     random_state=0,
    ... )
    >>> estimator.fit(X, y[:, [0, 2]]).predict(X).shape
    (60, 2)
    >>> estimator.task("digit").predict_proba(X).shape
    (60, 10)
    """

    _default_head: ClassVar[Head] = Head()
    _default_precision: ClassVar[str] = "float32"

    image_shape_: tuple[int, int, int]

    def __init__(
        self,
        tasks: Tasks | Task | None = None,
        *,
        backbone: BackboneLike = "resnet",
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
        batch_size: int = 32,
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
        owner = type(self).__name__
        rows = open_images(X, owner) or open_dataset(X, owner, _ITEMS)
        X = check_images(X, owner) if rows is None else rows
        shape = X.shape[1:]
        if reset:
            warn_channels_first(shape)
            self.image_shape_ = shape
            self.n_features_in_ = int(np.prod(shape))
        elif shape != self.image_shape_:
            raise InvalidDataError(
                f"X has images of shape (height, width, n_channels) = {shape}, but "
                f"{owner} was fitted on images of shape {self.image_shape_}. Resize "
                "them, or fit on images of this shape."
            )
        return X

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
