"""Averages: of networks of one recipe or several, or over changes of the images."""

from mtlearn.ensemble._seed import SeedEnsemble
from mtlearn.ensemble._test_time import TestTimeAugmented
from mtlearn.ensemble._voting import VotingEnsemble

__all__ = ["SeedEnsemble", "TestTimeAugmented", "VotingEnsemble"]
