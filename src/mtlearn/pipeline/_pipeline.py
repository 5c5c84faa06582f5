"""scikit-learn's Pipeline, whose validation rows go the way of the training rows."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sklearn import get_config
from sklearn import pipeline as scikit_learn
from sklearn.utils.metadata_routing import UNUSED


@dataclass(frozen=True)
class _Behind:
    """Rows that a step wants as the steps before it, once fitted, return them."""

    X: Any


class Pipeline(scikit_learn.Pipeline):
    """A Pipeline of scikit-learn whose `fit` takes `X_val` and `y_val`.

    Validation rows go through the fitted steps in front, as the rows of `predict` do,
    and reach the last step as its `X_val`. All else is scikit-learn's.

    Parameters
    ----------
    steps : list of (str, estimator)
        Names and steps, the last of which is an estimator of this package, or one that
        holds it, such as a :class:`~mtlearn.SeedEnsemble`.
    transform_input : list of str, default=None
        Under metadata routing, what else is transformed on its way to a step. `X_val`
        is, without.
    memory : str or object with the joblib.Memory interface, default=None
        Where fitted steps in front are kept from one `fit` to the next.
    verbose : bool, default=False
        Whether to print the seconds that each step took.

    Attributes
    ----------
    named_steps : Bunch
        The steps by their names.
    classes_ : ndarray or list
        Of the last step.
    n_features_in_ : int
        Of the first step.
    feature_names_in_ : ndarray of str
        Of the first step, where X had names.

    See Also
    --------
    make_pipeline : The same, with names made of the classes'.
    sklearn.pipeline.Pipeline : Which hands validation rows on as they are.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> from mtlearn import MultiTaskEstimator, Regression
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.pipeline import Pipeline
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> estimator = MultiTaskEstimator(Regression(), max_epochs=2, random_state=0)
    >>> model = Pipeline([("scale", StandardScaler()), ("model", estimator)])
    >>> model = model.fit(X[:1200], y[:1200], X_val=X[1200:], y_val=y[1200:])
    >>> "valid_loss" in model["model"].history_[0]
    True
    """

    # They are not the Pipeline's own: get_metadata_routing tells what steps request.
    __metadata_request__fit: ClassVar = {"X_val": UNUSED, "y_val": UNUSED}

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        **params: Any,
    ) -> Self:
        """Fit the steps one after the other.

        Parameters
        ----------
        X : array-like
            Training samples, as the first step takes them.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, as the last step takes them.
        X_val, y_val : array-like, default=None
            Validation samples, as the first step takes them, and labels.
        **params : object
            Arguments of the steps' `fit`, named ``step__argument``; under metadata
            routing, what they request.

        Returns
        -------
        self : Pipeline
            With fitted steps.

        Raises
        ------
        ValueError, TypeError
            As the steps do.
        """
        given = {"X_val": X_val, "y_val": y_val}
        given = {name: value for name, value in given.items() if value is not None}
        if "X_val" in given and "X_val" not in (self.transform_input or ()):
            given["X_val"] = _Behind(X_val)
        if not get_config()["enable_metadata_routing"] and self.steps:
            last = self.steps[-1][0]
            given = {f"{last}__{name}": value for name, value in given.items()}
        return super().fit(X, y, **params, **given)

    # scikit-learn calls it for each step once those before it are fitted.
    def _get_metadata_for_step(
        self, *, step_idx: int, step_params: Any, all_params: Any
    ) -> Any:
        found = super()._get_metadata_for_step(
            step_idx=step_idx, step_params=step_params, all_params=all_params
        )
        rows = None  # the same for each method that the step may be fitted by
        for of_method in found.values():
            for name, value in of_method.items():
                if isinstance(value, _Behind):
                    if rows is None:
                        front = self[:step_idx]
                        rows = front.transform(value.X) if step_idx else value.X
                    of_method[name] = rows
        return found


def make_pipeline(
    *steps: Any,
    transform_input: list[str] | None = None,
    memory: Any = None,
    verbose: bool = False,
) -> Pipeline:
    """Make a Pipeline with names made of the classes'.

    Parameters
    ----------
    *steps : estimator
        The steps, the last of which is an estimator of this package or one that holds
        it.
    transform_input, memory, verbose : object
        See :class:`Pipeline`.

    Returns
    -------
    Pipeline
        With the names that scikit-learn's function of this name gives.

    See Also
    --------
    Pipeline : Which takes names.

    Examples
    --------
    >>> from mtlearn import MultiTaskImageEstimator
    >>> from mtlearn.pipeline import make_pipeline
    >>> from mtlearn.preprocessing import GlobalMaxScaler
    >>> make_pipeline(GlobalMaxScaler(), MultiTaskImageEstimator()).named_steps.keys()
    dict_keys(['globalmaxscaler', 'multitaskimageestimator'])
    """
    named = scikit_learn.make_pipeline(*steps).steps
    return Pipeline(
        named, transform_input=transform_input, memory=memory, verbose=verbose
    )
