"""The page that `mtlearn.report` writes."""

from mtlearn.inspection._page._findings import Finding
from mtlearn.inspection._page._report import Report, report

__all__ = ["Finding", "Report", "report"]
