"""Errors and warnings of mtlearn.

Every error is also the built-in exception that scikit-learn would raise in its
place, so that ``except ValueError`` keeps working.
"""

__all__ = [
    "DataTypeError",
    "DivergenceError",
    "InconsistentVersionWarning",
    "InvalidDataError",
    "InvalidParameterError",
    "MissingDependencyError",
    "ModelFormatError",
    "MtlearnError",
    "NetworkError",
    "ParameterTypeError",
    "ProcessGroupError",
    "UnknownTaskError",
]


class MtlearnError(Exception):
    """Base class of every error that mtlearn raises."""


class InvalidParameterError(MtlearnError, ValueError):
    """A parameter has a value outside what it may be."""


class ParameterTypeError(MtlearnError, TypeError):
    """A parameter has a value of a type that it may not have."""


class InvalidDataError(MtlearnError, ValueError):
    """X, y or the sample weights do not fit what the estimator expects."""


class DataTypeError(MtlearnError, TypeError):
    """X, y or the sample weights are of a type that cannot be read."""


class NetworkError(MtlearnError, ValueError):
    """A network cannot be built from, or applied to, what it was given."""


class DivergenceError(MtlearnError, FloatingPointError):
    """Training has produced a loss that is not finite."""


class ModelFormatError(MtlearnError, ValueError):
    """A file holds no model, or one that does not fit together."""


class MissingDependencyError(MtlearnError, ImportError):
    """An optional package is needed and not installed."""


class ProcessGroupError(MtlearnError, RuntimeError):
    """A process that takes part in a fit has failed, ended or gone its own way."""


class UnknownTaskError(InvalidParameterError, KeyError):
    """There is no task of a name, or no figure of one."""

    # KeyError would show the message in quotes.
    __str__ = Exception.__str__


class InconsistentVersionWarning(UserWarning):
    """A pickle was written by another version of mtlearn."""
