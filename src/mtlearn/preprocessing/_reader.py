"""Names of files as images, in front of a Pipeline."""

from typing import Any, Self

from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._short import short
from mtlearn._utils._versioned import VersionedEstimator
from mtlearn._utils._whole import in_one_step
from mtlearn.data import ImageFiles, has_names
from mtlearn.exceptions import DataTypeError
from mtlearn.preprocessing._base import GivesImages


class ImageReader(GivesImages, VersionedEstimator):
    """Take names of files, and give the images to the next step, which reads them.

    With it, a Pipeline keeps how large images are and how they get so, and predicts
    from names of files.

    Parameters
    ----------
    image_size : int or tuple (height, width), default=224
        That all images get; an int is both.
    mode : {"RGB", "L"}, default="RGB"
        Three channels, or one of grey.
    image_fit : {"crop", "pad", "stretch"}, default="crop"
        How an image of other proportions gets that size: by its middle part, with a
        black margin, or stretched.
    root : str, path-like or None, default=None
        Folder that names are relative to.
    n_workers : int or None, default=None
        Threads that read and decode. None takes as many as there are processors.
    on_error : {"raise", "skip"}, default="raise"
        What becomes of an image that cannot be read: an error; or `fit` of the
        estimator leaves it out with a warning, and predictions for it are missing.

    Attributes
    ----------
    image_shape_ : tuple (height, width, n_channels)
        Of the images that `transform` gives.

    See Also
    --------
    mtlearn.data.ImageFiles : What it gives, and what is read how.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from mtlearn.preprocessing import ImageReader
    >>> folder = tempfile.TemporaryDirectory()
    >>> Image.new("RGB", (40, 30), "red").save(Path(folder.name) / "a.png")
    >>> reader = ImageReader(image_size=24, root=folder.name)
    >>> X = reader.fit_transform(["a.png"])
    >>> X.shape
    (1, 24, 24, 3)
    >>> folder.cleanup()
    """

    def __init__(
        self,
        image_size: int | tuple[int, int] = 224,
        *,
        mode: str = "RGB",
        image_fit: str = "crop",
        root: Any = None,
        n_workers: int | None = None,
        on_error: str = "raise",
    ) -> None:
        self.image_size = image_size
        self.mode = mode
        self.image_fit = image_fit
        self.root = root
        self.n_workers = n_workers
        self.on_error = on_error

    @in_one_step
    def fit(self, X: Any, y: object = None) -> Self:
        """Check the parameters and the names; no file is opened.

        Parameters
        ----------
        X : array-like of shape (n_samples,)
            Names or paths: a list, an array, a Series, or a DataFrame of one column.
        y : object, default=None
            Ignored.

        Returns
        -------
        self
            The fitted transformer.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        DataTypeError, InvalidDataError
            If X holds no names of files.
        """
        self.image_shape_ = self._files(X).shape[1:]
        return self

    def transform(self, X: Any) -> ImageFiles:
        """Give the images of files, which are read when they are needed.

        Parameters
        ----------
        X : array-like of shape (n_samples,)
            Names or paths.

        Returns
        -------
        ImageFiles of shape (n_samples, height, width, n_channels)
            Not read yet.

        Raises
        ------
        DataTypeError, InvalidDataError
            If X holds no names of files.
        """
        check_is_fitted(self)
        return self._files(X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def _files(self, X: Any) -> ImageFiles:
        if not has_names(X):
            raise DataTypeError(
                "X of ImageReader must be a list, array or column of at least one name "
                f"of a file. Got {short(X)} instead. Images that are read already need "
                "no ImageReader."
            )
        return ImageFiles(
            X,
            size=self.image_size,
            mode=self.mode,
            fit=self.image_fit,
            root=self.root,
            n_workers=self.n_workers,
            on_error=self.on_error,
        )
