"""Models of the Hugging Face Hub: what is on this machine, and what is asked for."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mtlearn.exceptions import NetworkError

Loaded = TypeVar("Loaded")

# Seconds for an answer of the Hub, before anything is loaded from it.
_PATIENCE = 10.0


def from_hub(name: str, load: Callable[[bool], Loaded], owner: str) -> Loaded:
    """Load something of a model from this machine, or else from the Hub.

    Without a network this fails at once, where the libraries try again for a minute.

    Parameters
    ----------
    name : str
        Of the model on the Hub, or a folder.
    load : callable
        Gets whether nothing but what is on this machine may be read.
    owner : str
        The class that asks, for messages.

    Returns
    -------
    object
        What was loaded.

    Raises
    ------
    NetworkError
        If it is not on this machine, and the Hub does not have it or cannot be
        reached.
    """
    try:
        return load(True)
    except OSError:  # not here
        pass
    _ask(name, owner)
    try:
        return load(False)
    except OSError as error:
        raise NetworkError(
            f"The model {name!r} of {owner} could not be loaded from the Hub: {error}"
        ) from error


def file_of_hub(name: str, files: Sequence[str], local: bool) -> str:
    """Return the path of the first of some files that a model of the Hub has.

    Parameters
    ----------
    name : str
        Of the model, with ``@`` and a revision if it is not the main one.
    files : sequence of str
        Their names.
    local : bool
        Whether nothing but what is on this machine may be read.

    Returns
    -------
    str
        On this machine.

    Raises
    ------
    OSError
        If it has none of them.
    """
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    repository, _, revision = name.partition("@")
    for file in files:
        try:
            return huggingface_hub.hf_hub_download(
                repository, file, revision=revision or None, local_files_only=local
            )
        except EntryNotFoundError:
            pass
    raise FileNotFoundError(f"{name!r} has no {' or '.join(files)}")


def _ask(name: str, owner: str) -> None:
    """Raise unless the Hub answers that it has a model."""
    import huggingface_hub
    from huggingface_hub import errors

    repository = name.partition("@")[0]
    try:
        huggingface_hub.HfApi().model_info(repository, timeout=_PATIENCE)
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise NetworkError(
            f"{owner} finds no model {name!r}: it is no folder of this machine, and "
            "none of the Hub that you may read. Look it up on "
            f"https://huggingface.co/models{_near(repository)}."
        ) from error
    except Exception as error:
        raise NetworkError(
            f"{owner} does not find {name!r} on this machine, and the Hub cannot be "
            f"asked ({type(error).__name__}). Run once with a network, or run "
            f"'hf download {repository}' where there is one and copy its cache or "
            "folder here, or give a file of weights by weights=."
        ) from error


def _near(repository: str) -> str:
    """Name models of the Hub that are called alike, for a message."""
    import huggingface_hub

    owner, _, model = repository.rpartition("/")
    start = model[: max(3, 2 * len(model) // 3)]
    try:
        found: Any = huggingface_hub.HfApi().list_models(
            author=owner or None, search=start, limit=5
        )
        names = [each.id for each in found]
    except Exception:  # no names then
        return ""
    return f", where there are {', '.join(map(repr, names))}" if names else ""
