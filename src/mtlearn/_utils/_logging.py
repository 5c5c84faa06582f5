"""The logger of the package."""

import logging

logger = logging.getLogger("mtlearn")
# A library says nothing unless the program that uses it asks for it.
logger.addHandler(logging.NullHandler())
