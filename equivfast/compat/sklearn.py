"""HOG as a step of a scikit-learn pipeline."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from equivfast.representations import HOG

try:  # a function since scikit-learn 1.6, a method before
    from sklearn.utils.validation import validate_data
except ImportError:

    def validate_data(estimator: BaseEstimator, X: Any, **options: Any) -> Any:
        return estimator._validate_data(X, **options)


_NAME = "HOGTransformer"
_IMAGES = "(n, h, w) or (n, h, w, c)"
_CHUNK = 1 << 23  # bytes of pixels that are converted at a time


class HOGTransformer(TransformerMixin, BaseEstimator):
    """Describes images by HOG: one row of features for each.

    Shapes      X (n, h, w) or (n, h, w, c), or a list of n images of one size; with ``image_shape=(h, w)`` or
                (h, w, c) also rows (n, h * w * c) -> (n, d * H * W), channel by channel: feature
                (k * H + row) * W + column. float64 stays float64; all else gives float32. uint8 is read as it is,
                other whole numbers, bool and float16 as float32
    Units       intensities as they are
    Definition  :func:`equivfast.hog` with ``cell``, ``orientations``, ``variant`` and ``assignment``. One side of
                ``image_shape`` may be -1: what the length of a row leaves for it
    Attributes  after ``fit``: ``image_shape_`` (h, w) or (h, w, c); ``field_shape_`` (d, H, W), into which a row of
                features or of a linear classifier's weights is reshaped; ``representation_``, the HOG of the
                settings. ``n_features_in_`` and ``feature_names_in_`` exist when X came as rows
    Cost        one call of ``hog`` for all images, with torch's number of threads. Pixels that have to be
                converted (or copied, from read-only memory) are so 8 MiB at a time
    Source      docs/conventions.md for cells and channels
    Raises      ValueError for what is no image, rows without ``image_shape``, images of another size than those of
                ``fit``, NaN and infinity; TypeError for sparse X, as everywhere in scikit-learn

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import LinearSVC
    >>> X, y = load_digits(return_X_y=True)                  # rows of 8 x 8 pixels
    >>> classifier = make_pipeline(HOGTransformer(cell=2, image_shape=(8, 8)), LinearSVC(dual="auto"))
    >>> classifier.fit(X[:1000], y[:1000])[0].field_shape_
    (31, 4, 4)
    >>> classifier.score(X[1000:], y[1000:]) > 0.95          # 0.92 from the pixels
    True
    """

    def __init__(
        self,
        cell: int = 8,
        orientations: int = 9,
        variant: str = "uoctti",
        assignment: str = "nearest",
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.cell = cell
        self.orientations = orientations
        self.variant = variant
        self.assignment = assignment
        self.image_shape = image_shape

    def fit(self, X: Any, y: Any = None) -> HOGTransformer:
        """Learns the size of the images and checks the settings; no value of a pixel is kept."""
        images = self._images(X, reset=True)
        settings: tuple[Any, ...] = (self.cell, self.orientations, self.variant, self.assignment)
        # A grid of settings is often an array, and its entries NumPy's numbers.
        self.representation_ = HOG(*(v.item() if isinstance(v, np.generic) else v for v in settings))
        self.image_shape_ = images.shape[1:]
        self.field_shape_ = tuple(self.representation_(_planes(images[:1], np.dtype(np.uint8))).shape[1:])
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """The rows of features of X, (n, d * H * W)."""
        check_is_fitted(self)
        images = self._images(X, reset=False)
        if images.shape[1:] != self.image_shape_:
            raise ValueError(
                f"{_NAME}: X must hold images {self.image_shape_} as in fit, got {images.shape[1:]}"
            )
        dtype = _read_as(images.dtype)
        shared = images.dtype == dtype and images.flags.c_contiguous and images.flags.writeable
        n, count = len(images), math.prod(self.image_shape_)
        step = n if shared else max(1, _CHUNK // (count * dtype.itemsize))
        if step >= n:
            return self._rows(images, dtype)
        rows = np.empty((n, math.prod(self.field_shape_)), np.result_type(dtype, np.float32))
        for start in range(0, n, step):
            rows[start : start + step] = self._rows(images[start : start + step], dtype)
        return rows

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """``hog{channel}_{row}_{column}``; input_features are only held against those of ``fit``."""
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        names = [f"hog{k}_{row}_{column}" for k, row, column in np.ndindex(self.field_shape_)]
        return np.array(names, dtype=object)

    def _rows(self, images: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        rows: NDArray[Any] = self.representation_(_planes(images, dtype)).flatten(1).numpy()
        return rows

    def _images(self, X: Any, reset: bool) -> NDArray[Any]:
        """X as a checked array (n, h, w) or (n, h, w, c)."""
        X = _stacked(X)
        wanted = _read_shape(self.image_shape)
        if X.ndim > 2:
            images = check_array(X, dtype="numeric", ensure_2d=False, allow_nd=True)
            if images.ndim > 4 or 0 in images.shape:
                raise ValueError(f"{_NAME}: X must be {_IMAGES}, got {images.shape}")
            if wanted and (len(wanted) + 1 != images.ndim or not _agrees(wanted, images.shape[1:])):
                raise ValueError(f"{_NAME}: X must hold images {wanted}, got {images.shape[1:]}")
            if reset:  # a fit on rows before this one
                for name in ("n_features_in_", "feature_names_in_"):
                    self.__dict__.pop(name, None)
            return images
        if wanted is None and X.ndim == 2:
            rows = f"rows of flat images need image_shape=(h, w) or (h, w, c), got {X.shape}"
            raise ValueError(f"{_NAME}: X must be {_IMAGES}; {rows}")
        rows = validate_data(self, X, reset=reset, dtype="numeric")
        return rows.reshape(len(rows), *_complete(wanted or (), rows.shape[1]))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32", "float64"]
        return tags

    def _more_tags(self) -> dict[str, Any]:
        """The same for scikit-learn before 1.6."""
        rows = [] if self.image_shape is None else ["2darray"]
        return {"X_types": [*rows, "3darray"], "preserves_dtype": [np.float32, np.float64]}


def _stacked(X: Any) -> Any:
    """A list as one array; what has rows and columns already, a data frame too, as it is."""
    listed = isinstance(X, list | tuple)
    if isinstance(X, torch.Tensor) or (listed and any(isinstance(image, torch.Tensor) for image in X)):
        # Its channels would come first, and be taken for rows of pixels.
        raise ValueError(f"{_NAME}: X must be NumPy arrays {_IMAGES}, got torch tensors")
    shapes = list(dict.fromkeys(np.shape(image) for image in X)) if listed else []
    if len(shapes) > 1:
        raise ValueError(f"{_NAME}: images of X must have one size, got {shapes[0]} and {shapes[1]}")
    return X if hasattr(X, "ndim") else np.asarray(X)


def _read_shape(image_shape: Any) -> tuple[int, ...] | None:
    if image_shape is None:
        return None
    try:
        shape = tuple(operator.index(side) for side in image_shape)
    except TypeError:
        shape = ()
    if len(shape) not in (2, 3) or any(side < 1 and side != -1 for side in shape) or shape.count(-1) > 1:
        expected = "None, (h, w) or (h, w, c), one of them perhaps -1"
        raise ValueError(f"{_NAME}: image_shape must be {expected}, got {image_shape!r}")
    return shape


def _agrees(wanted: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return all(side in (-1, there) for side, there in zip(wanted, shape, strict=True))


def _complete(wanted: tuple[int, ...], length: int) -> tuple[int, ...]:
    """The shape of the images in rows of that length."""
    known = math.prod(side for side in wanted if side != -1)
    if length % known or (-1 not in wanted and length != known):
        numbers = f"{'a multiple of ' if -1 in wanted else ''}{known}"
        raise ValueError(
            f"{_NAME}: rows of X must have {numbers} numbers for image_shape {wanted}, got {length}"
        )
    return tuple(length // known if side == -1 else side for side in wanted)


def _read_as(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that hog gets pixels of this dtype in."""
    if dtype == np.uint8:
        return np.dtype(np.uint8)
    wide = dtype.kind == "f" and dtype.itemsize >= 8
    return np.dtype(np.float64 if wide else np.float32)


def _planes(images: NDArray[Any], dtype: np.dtype[Any]) -> torch.Tensor:
    """(n, h, w) or (n, h, w, c) as (n, c, h, w), sharing memory where torch can."""
    tensor = torch.from_numpy(np.require(images, dtype, ("C", "W")))
    return tensor[:, None] if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)
