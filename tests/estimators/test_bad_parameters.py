"""Every constructor parameter with a bad value: which, expected, got."""

import numpy as np
import pytest
import torch
from sklearn.callback import ScoringMonitor
from torch import nn

from mtlearn import (
    Classification,
    MultiTaskEstimator,
    Partial,
    RaritySampler,
    Regression,
    Tasks,
)
from mtlearn.exceptions import (
    InvalidParameterError,
    MtlearnError,
    NetworkError,
    ParameterTypeError,
)
from mtlearn.losses import TraceNorm
from mtlearn.networks import MLP, ResNet
from tiny_problems import image_estimator, make_images, make_table, table_estimator

VALUE, TYPE = InvalidParameterError, ParameterTypeError


def number(name, value, interval):
    where = rf"The '{name}' parameter of \w+ must be a finite number in {interval}"
    return (name, value, VALUE, where)


def integer(name, value, low):
    where = rf"The '{name}' parameter of \w+ must be an integer not below {low}"
    return (name, value, VALUE, rf"{where}\. Got {value} instead")


def of_type(name, value, what):
    return (name, value, TYPE, rf"The '{name}' parameter of \w+ must be {what}")


BAD = [
    ("tasks", "digit", TYPE, "The 'tasks' parameter must be None, Tasks"),
    ("tasks", [Classification()], TYPE, r"must be None, Tasks\(\.\.\.\), or one Cl"),
    ("tasks", Tasks(), VALUE, r"Tasks\(\) is empty"),
    ("tasks", Tasks(kind=3), TYPE, "Task 'kind' must be a Classification or a Regr"),
    (
        "tasks",
        Classification(3, weight=-1.0),
        VALUE,
        "'weight' parameter of Class",
    ),
    ("tasks", Regression(loss="mad"), VALUE, r"'loss' .* must be one of .*Got 'mad'"),
    ("tasks", Regression(bounds=(1, 0)), VALUE, r"lo < hi. Got \(1, 0\) instead"),
    ("backbone", "vgg", VALUE, "'mlp', 'resnet', 'resnet_v2', .*, or .*Got 'vgg'"),
    of_type("backbone", nn.Linear(4, 4), "a registered name, a class or Partial"),
    of_type("backbone", 7, "a registered name, a class or Partial"),
    of_type("backbone", dict, "a registered name, a subclass of torch's Module"),
    of_type("backbone", Partial(dict), "a registered name, a subclass of torch's Mod"),
    ("loss_weights", 3, TYPE, "'loss_weights' parameter must be None, a sequence"),
    ("loss_weights", "ab", VALUE, r"order of tasks or by name, 'uncertainty', 'dwa'"),
    ("loss_weights", [1.0], VALUE, r"has 1 values for 2 tasks \(kind, size\)"),
    ("loss_weights", [1.0, -2.0], VALUE, r"loss_weights\['size'\].*Got -2\.0 instead"),
    ("loss_weights", {"kid": 1}, VALUE, r"names \['kid'\].*The tasks are: kind, size"),
    ("optimizer", "adamm", VALUE, "one of 'adam', 'adamw', 'sgd'.*Got 'adamm' instead"),
    of_type("optimizer", nn.Linear, "a registered name, a subclass of torch's Opt"),
    of_type("optimizer", int, "a registered name, a subclass of torch's Optimizer"),
    of_type("optimizer", 1e-3, "a registered name, a class or Partial"),
    ("optimizer", Partial(torch.optim.Adam, lr=0.1), VALUE, "leave the learning rate"),
    ("optimizer", Partial(torch.optim.SGD, beta=1), VALUE, "SGD has no argument 'beta"),
    number("lr", 0, r"\(0, inf\)"),
    number("lr", -1e-3, r"\(0, inf\)"),
    number("lr", np.nan, r"\(0, inf\)"),
    number("lr", np.inf, r"\(0, inf\)"),
    ("lr", "0.1", TYPE, r"'lr' .* a number above 0 or 'auto'\. Got '0\.1' instead"),
    number("backbone_lr", 0, r"\(0, inf\)"),
    of_type("backbone_lr", "slow", "a real number"),
    *(number("layer_decay", each, r"\(0, 1\]") for each in (0, 1.1, -0.5, np.nan)),
    of_type("layer_decay", True, "a real number"),
    of_type("layer_decay", "0.5", "a real number"),
    number("clip_grad_norm", 0.0, r"\(0, inf\)"),
    of_type("clip_grad_norm", True, "a real number"),
    of_type("freeze_backbone", 1, "True or False"),
    of_type("freeze_epochs", 1.5, "an integer"),
    integer("freeze_epochs", -1, 0),
    of_type("sampler", ["kind"], "None, 'balanced', 'tasks', a RaritySampler or the"),
    ("sampler", RaritySampler, TYPE, r"'sampler' parameter.*pass RaritySampler\(\)"),
    ("sampler", RaritySampler("size"), VALUE, r"'task' .* the RaritySampler of .*'ki"),
    (
        "sampler",
        RaritySampler(power=-1.0),
        VALUE,
        r"'power' .* RaritySampler of .*\[0,",
    ),
    ("sampler", "size", VALUE, r"of which there are \['kind'\]\. Got 'size' instead"),
    ("augmentation", "weak", VALUE, r"'augmentation' parameter.*Got 'weak' instead"),
    ("augmentation", 3, TYPE, r"'augmentation' parameter.*Got 3 instead"),
    ("mixing", "mix", VALUE, r"'mixing' parameter.*Got 'mix' instead"),
    ("mixing", 3, TYPE, r"'mixing' parameter.*Got 3 instead"),
    ("aggregation", "mean", VALUE, r"'aggregation' parameter.*Got 'mean' instead"),
    of_type("aggregation", 3, "None, one of .* or a callable"),
    ("averaging", "mean", VALUE, r"'averaging' parameter.*Got 'mean' instead"),
    of_type("averaging", 3, "None, 'ema', 'swa', or an object"),
    of_type("penalty", "trace", r"None, a penalty such as TraceNorm\(0\.1\), or a li"),
    ("penalty", TraceNorm(-1.0), VALUE, r"'strength' .* TraceNorm of .*\[0, inf\)"),
    ("penalty", [TraceNorm(1, ["x"])], VALUE, r"no tasks \['x'\].*are: kind, size"),
    of_type("lr", True, "a real number"),
    number("weight_decay", -0.1, r"\[0, inf\)"),
    of_type("weight_decay", None, "a real number"),
    ("lr_schedule", "cos", VALUE, "one of 'auto', 'cosine', 'plateau', .*Got 'cos'"),
    of_type("lr_schedule", nn.Linear, "a registered name, a subclass of torch's LR"),
    of_type("lr_schedule", 0.1, "a registered name, a class or Partial"),
    integer("max_epochs", 0, 1),
    of_type("max_epochs", 1.0, "an integer"),
    integer("batch_size", 0, 1),
    of_type("batch_size", "auto", "an integer"),
    integer("accumulate", 0, 1),
    of_type("accumulate", True, "an integer"),
    of_type("accumulate", 1.5, "an integer"),
    of_type("accumulate", None, "an integer"),
    ("early_stopping", "yes", VALUE, "'early_stopping' .* False or 'task'. Got 'yes'"),
    of_type("early_stopping", 1, "True, False or 'task'"),
    number("validation_fraction", 0, r"\(0, 1\)"),
    number("validation_fraction", 1, r"\(0, 1\)"),
    of_type("validation_fraction", None, "a real number"),
    integer("n_iter_no_change", 0, 1),
    of_type("n_iter_no_change", 2.5, "an integer"),
    ("monitor", "accuracy", VALUE, "'kind_accuracy', .*, 'size_r2'.*Got 'accuracy'"),
    of_type("monitor", None, "the name of a figure of the history, such as 'loss'"),
    number("min_delta", -0.1, r"\[0, inf\)"),
    number("min_delta", np.inf, r"\[0, inf\)"),
    of_type("min_delta", "0", "a real number"),
    of_type("restore_best", None, "True or False"),
    ("on_divergence", "stop", VALUE, "must be one of 'raise', 'restore_best'"),
    of_type("checkpoint_dir", 3, "None or the path of a folder"),
    of_type("callbacks", 3, "None or a list of skorch callbacks"),
    of_type("callbacks", [3], r"None or a list of skorch callbacks. Got \[3\] instead"),
    of_type(
        "callbacks",
        [ScoringMonitor(scoring="r2")],
        r"None or a list.*Pass those of scikit-learn to set_callbacks",
    ),
    ("device", "gpu", VALUE, "must be 'auto' or a torch device.*Got 'gpu' instead"),
    ("device", 1.5, VALUE, r"must be 'auto' or a torch device.*Got 1\.5 instead"),
    ("device", "meta", VALUE, "CUDA devices only, not on 'meta'. Use 'auto', 'cpu' or"),
    ("device", "mps", VALUE, "CUDA devices only, not on 'mps'. Use 'auto', 'cpu' or"),
    ("device", "cuda:99", VALUE, "'cuda:99', which torch cannot use here.*Use 'auto'"),
    ("precision", "half", VALUE, "'bfloat16', 'float16', 'float64'. Got 'half' inst"),
    ("precision", torch.float32, VALUE, "one of 'auto', 'float32', 'bfloat16', 'flo"),
    of_type("compile", 1, "True, False or a dict"),
    of_type("compile", "inductor", "True, False or a dict"),
    integer("n_threads", 0, 1),
    of_type("n_threads", "2", "an integer"),
    of_type("warm_start", 0, "True or False"),
    ("random_state", -1, VALUE, r"None, an integer in \[0, 2\*\*32\).*Got -1 instead"),
    ("random_state", "seed", VALUE, "None, an integer in .*Got 'seed' instead"),
    of_type("verbose", "loud", "an integer"),
    of_type("verbose", 1.5, "an integer"),
    integer("verbose", -1, 0),
]


def case_id(case):
    name, value = case[:2]
    text = getattr(value, "__name__", None) or " ".join(repr(value).split())
    return f"{name}={text[:30]}"


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("name", "value", "error", "message"), BAD, ids=map(case_id, BAD)
)
def test_bad_value(name, value, error, message, method):
    X, y = make_table()
    estimator = table_estimator().set_params(**{name: value})
    with pytest.raises(error, match=message) as raised:
        getattr(estimator, method)(X, y)
    assert isinstance(raised.value, MtlearnError)
    assert not hasattr(estimator, "net_")


def test_every_parameter_is_in_the_table():
    names = table_estimator().get_params(deep=False).keys()
    assert {case[0] for case in BAD} == set(names)
    assert image_estimator().get_params(deep=False).keys() == names


def test_the_message_names_the_estimator():
    X, y = make_images()
    message = "The 'lr' parameter of MultiTaskImageEstimator must be a finite number"
    with pytest.raises(InvalidParameterError, match=message):
        image_estimator(lr=-1).fit(X, y)


def test_bad_threads_are_noticed_at_predict():
    X, y = make_table()
    estimator = table_estimator().fit(X, y).set_params(n_threads=0)
    with pytest.raises(InvalidParameterError, match="'n_threads' parameter of"):
        estimator.predict(X)


def test_weight_decay_with_an_optimizer_that_takes_none():
    X, y = make_table()
    estimator = table_estimator(optimizer=torch.optim.LBFGS, weight_decay=0.1)
    with pytest.raises(InvalidParameterError, match="must be 0 with LBFGS, which take"):
        estimator.fit(X, y)


def test_a_misspelt_argument_of_the_backbone():
    X, y = make_table()
    with pytest.raises(InvalidParameterError, match=r"no argument 'droput'.*dropout"):
        table_estimator(backbone=Partial(MLP, droput=0.1)).fit(X, y)


def test_a_bad_argument_of_the_backbone():
    X, y = make_images()
    backbone = Partial(ResNet, widths=(4,), dropout=3)
    with pytest.raises(NetworkError, match=r"ResNet could not be built .* got 3"):
        image_estimator(backbone=backbone).fit(X, y)


class NoFeatures(nn.Module):
    def __init__(self, in_features):
        super().__init__()

    def forward(self, x):
        return x.sum()


def test_a_backbone_that_returns_no_features():
    X, y = make_table()
    with pytest.raises(NetworkError, match=r"must return features of shape \(n_sample"):
        table_estimator(backbone=NoFeatures).fit(X, y)


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("lrr", "'lr', 'lr_schedule', 'max_epochs'"),
        ("tasks__kid", "The tasks are: kind, size"),
        ("tasks__kid__weight", "The tasks are: kind, size"),
        ("tasks__kind__wait", r"\['class_weight', 'classes', .*'weight', 'when'\]"),
        ("backbone__droput", "in_features, hidden, dropout, batch_norm"),
    ],
)
def test_misspelt_names_list_the_valid_ones(name, valid):
    with pytest.raises(ValueError, match=valid):
        table_estimator().set_params(**{name: 1})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("backbone__dropout", r"'backbone' is 'mlp', .* Pass a Partial\(class\) first"),
        ("tasks__a__weight", r"'tasks' is None, .* Declare the tasks first: tasks=Ta"),
        ("lr__x", r"'lr' is None, which has no parameters of its own\.$"),
    ],
)
def test_nested_name_of_a_value_without_parameters(name, message):
    with pytest.raises(InvalidParameterError, match=message):
        MultiTaskEstimator().set_params(**{name: 1})


def test_nested_name_goes_with_a_new_value():
    new = {"tasks": Tasks(a=Regression()), "tasks__a__weight": 2.0}
    estimator = MultiTaskEstimator().set_params(**new)

    assert estimator.tasks["a"].weight == 2.0
