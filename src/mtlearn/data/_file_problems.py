"""What is wrong with a file that is to be an image."""

import os


def problem_of(file: str, error: Exception) -> str:
    """Say what is wrong with a file.

    Parameters
    ----------
    file : str
        Its name.
    error : Exception
        What reading it raised.

    Returns
    -------
    str
        Without the name.
    """
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    try:
        if os.path.getsize(file) == 0:
            return "it is empty"
    except OSError:
        pass
    if type(error).__name__ == "UnidentifiedImageError":
        return "it is no image that Pillow knows"
    return str(error).rstrip(".") or type(error).__name__
