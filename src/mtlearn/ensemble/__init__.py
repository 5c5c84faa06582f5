"""Averages of networks: of one recipe and several seeds, or of different recipes."""

from mtlearn.ensemble._seed import SeedEnsemble
from mtlearn.ensemble._voting import VotingEnsemble

__all__ = ["SeedEnsemble", "VotingEnsemble"]
