"""A bar over what takes long."""

from typing import Any

from tqdm import tqdm


def progress(total: int, name: str, unit: str, shown: bool) -> Any:
    """Make a bar.

    Parameters
    ----------
    total : int
        How many steps there are.
    name, unit : str
        What is done, and what is counted.
    shown : bool
        Whether anything is to be seen.

    Returns
    -------
    tqdm.tqdm
        A context; its `update` counts steps.
    """
    if not shown:
        return tqdm(total=total, disable=True)
    # Only now: in a notebook without ipywidgets it warns when it is imported.
    from tqdm.auto import tqdm as bar

    return bar(total=total, desc=name, unit=unit)
