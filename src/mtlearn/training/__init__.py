"""How a network is trained: batches, schedules, callbacks, seeds and devices."""

from mtlearn.training._agreement import first_difference
from mtlearn.training._averaging import (
    EMA,
    SWA,
    averaging_callback,
    resolve_averaging,
)
from mtlearn.training._balancing import resolve_balancing
from mtlearn.training._changes import Changes
from mtlearn.training._checkpoint import (
    Checkpoints,
    FollowedCheckpoints,
    kept_checkpoints,
    release,
)
from mtlearn.training._claim import claimed
from mtlearn.training._device import resolve_device
from mtlearn.training._fingerprint import Files, fingerprint_of, same_value
from mtlearn.training._first_rows import show_rows
from mtlearn.training._gradients import (
    SharedLayer,
    TaskGradients,
    lookahead_affinity,
    shared_layers,
    take_samples,
    task_gradients,
)
from mtlearn.training._inference import (
    Observation,
    activations,
    features,
    gate_weights,
    observations,
    reconstructions,
)
from mtlearn.training._learned import (
    load_weights_of,
    parameters_of,
    split_weights,
    weights_of,
)
from mtlearn.training._make import make_net, with_ends
from mtlearn.training._meeting import meeting_at
from mtlearn.training._member import as_member, current_member, inner_place
from mtlearn.training._modes import own_modes
from mtlearn.training._monitor import LOSS, Monitor
from mtlearn.training._monitored import resolve_monitor, task_monitors
from mtlearn.training._net import MultiTaskNet
from mtlearn.training._obstacles import Obstacle, gains_together, obstacle_of
from mtlearn.training._optimizers import resolve_optimizer
from mtlearn.training._parameters import constructor_arguments
from mtlearn.training._parts import resolve_part
from mtlearn.training._penalties import (
    Penalties,
    TaskCovariances,
    resolve_penalty,
)
from mtlearn.training._precision import (
    Precision,
    precision_of,
    resolve_precision,
)
from mtlearn.training._processes import (
    Processes,
    common_seed,
    current_processes,
    has_group,
    in_processes,
)
from mtlearn.training._randomness import Randomness
from mtlearn.training._rate_range import (
    HIGHEST_RATE,
    LOWEST_RATE,
    N_RATES,
    RangeEnds,
    RateRange,
    smoothed_losses,
    suggested_rate,
)
from mtlearn.training._rates import Rates
from mtlearn.training._row_change import RowChange, SameChange, TwoChanges
from mtlearn.training._schedules import (
    follows_figure,
    resolve_schedule,
    schedule_callback,
)
from mtlearn.training._seeding import Seeds, derive_seeds, draw_seed
from mtlearn.training._split import (
    undefined_metrics,
    unlabelled_tasks,
    validation_rows,
)
from mtlearn.training._tally import counted_tasks
from mtlearn.training._together import likeness, losses_of, train_together
from mtlearn.training._warmup import WarmupCosineLR
from mtlearn.training.callbacks import (
    BestTaskWeights,
    BestWeights,
    CSVLogger,
    DivergenceGuard,
    EpochEnd,
    EpochHistory,
    EpochLine,
    EpochLog,
    FreshStatistics,
    LoadedEpoch,
    ProgressBar,
    TaskMetric,
    Thaw,
    check_callbacks,
    has_callback,
    in_turn,
)

__all__ = [
    "EMA",
    "HIGHEST_RATE",
    "LOSS",
    "LOWEST_RATE",
    "N_RATES",
    "SWA",
    "BestTaskWeights",
    "BestWeights",
    "CSVLogger",
    "Changes",
    "Checkpoints",
    "DivergenceGuard",
    "EpochEnd",
    "EpochHistory",
    "EpochLine",
    "EpochLog",
    "Files",
    "FollowedCheckpoints",
    "FreshStatistics",
    "LoadedEpoch",
    "Monitor",
    "MultiTaskNet",
    "Observation",
    "Obstacle",
    "Penalties",
    "Precision",
    "Processes",
    "ProgressBar",
    "Randomness",
    "RangeEnds",
    "RateRange",
    "Rates",
    "RowChange",
    "SameChange",
    "Seeds",
    "SharedLayer",
    "TaskCovariances",
    "TaskGradients",
    "TaskMetric",
    "Thaw",
    "TwoChanges",
    "WarmupCosineLR",
    "activations",
    "as_member",
    "averaging_callback",
    "check_callbacks",
    "has_callback",
    "claimed",
    "common_seed",
    "constructor_arguments",
    "counted_tasks",
    "current_member",
    "current_processes",
    "derive_seeds",
    "draw_seed",
    "features",
    "fingerprint_of",
    "first_difference",
    "follows_figure",
    "gains_together",
    "gate_weights",
    "has_group",
    "in_processes",
    "in_turn",
    "inner_place",
    "kept_checkpoints",
    "likeness",
    "load_weights_of",
    "lookahead_affinity",
    "losses_of",
    "make_net",
    "meeting_at",
    "observations",
    "obstacle_of",
    "own_modes",
    "parameters_of",
    "precision_of",
    "reconstructions",
    "release",
    "resolve_averaging",
    "resolve_balancing",
    "resolve_device",
    "resolve_monitor",
    "resolve_optimizer",
    "resolve_part",
    "resolve_penalty",
    "resolve_precision",
    "resolve_schedule",
    "same_value",
    "schedule_callback",
    "shared_layers",
    "show_rows",
    "smoothed_losses",
    "split_weights",
    "suggested_rate",
    "take_samples",
    "task_gradients",
    "task_monitors",
    "train_together",
    "undefined_metrics",
    "unlabelled_tasks",
    "validation_rows",
    "weights_of",
    "with_ends",
]
