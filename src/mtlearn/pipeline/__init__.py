"""Pipelines that take validation rows."""

from mtlearn.pipeline._pipeline import Pipeline, make_pipeline

__all__ = ["Pipeline", "make_pipeline"]
