"""One page about a fitted estimator."""

from mtlearn.reporting._codes import Finding
from mtlearn.reporting._report import Report, report

__all__ = ["Finding", "Report", "report"]
