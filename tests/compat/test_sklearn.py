"""HOGTransformer: scikit-learn's own checks, the forms that images come in, and a task that it has to be good for."""

import pickle

import numpy as np
import pytest
import torch
from skimage.data import lfw_subset
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import equivfast as ef
from equivfast.compat import sklearn as compat
from equivfast.compat.sklearn import HOGTransformer


# The checks bring rows of 1 to 10 numbers: images of one line, whose gradients are all zero. So they see how arguments
# and results are handled; the values are the tests' below. None is expected to fail.
@parametrize_with_checks([HOGTransformer(cell=1, image_shape=(1, -1))])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def photographs(n=6, size=48, colour=True):
    cat = ef.data.photographs(["cat"])[0].image
    patches = np.stack([cat[9 * i : 9 * i + size, 40 * i : 40 * i + size] for i in range(n)])
    return patches if colour else patches[..., 1]


def expected(images, **settings):
    """One image at a time."""
    return np.stack([ef.hog(image, **settings).ravel() for image in images])


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_rows_are_the_fields_of_hog_channel_by_channel(colour, dtype):
    images = photographs(colour=colour).astype(dtype)
    hog = HOGTransformer().fit(images)
    rows = hog.transform(images)
    assert rows.dtype == (np.float64 if dtype == np.float64 else np.float32)
    np.testing.assert_array_equal(rows, expected(images))
    assert hog.field_shape_ == (31, 6, 6) and hog.image_shape_ == images.shape[1:]
    np.testing.assert_array_equal(rows[2].reshape(hog.field_shape_), ef.hog(images[2]))
    names = hog.get_feature_names_out()
    assert len(set(names)) == rows.shape[1] and names[(5 * 6 + 2) * 6 + 4] == "hog5_2_4"


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": 6, "orientations": 8, "variant": "dalal-triggs", "assignment": "bilinear"},
        {"cell": 5, "variant": "dpm"},
    ],
)
def test_settings_reach_hog(settings):
    images = photographs()
    np.testing.assert_array_equal(
        HOGTransformer(**settings).fit_transform(images), expected(images, **settings)
    )


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint16, np.float16, ">f4", ">u2"])
def test_other_dtypes_are_read_as_float32(dtype):
    images = (photographs(colour=False) // 3).astype(dtype)
    rows = HOGTransformer().fit_transform(images)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, expected(images.astype(np.float32)))


@pytest.mark.parametrize("dtype", [np.longdouble, ">f8", object])
def test_wide_floats_and_objects_are_read_as_float64(dtype):
    images = photographs(n=2, colour=False).astype(dtype)
    rows = HOGTransformer().fit_transform(images)
    assert rows.dtype == np.float64
    np.testing.assert_array_equal(rows, expected(images.astype(np.float64)))


@pytest.mark.parametrize("colour", [False, True])
def test_lists_rows_and_odd_memory_give_the_same(colour):
    images = photographs(colour=colour)
    wanted = expected(images)
    n, shape = len(images), images.shape[1:]
    np.testing.assert_array_equal(HOGTransformer().fit_transform(list(images)), wanted)
    flat = HOGTransformer(image_shape=shape).fit(images.reshape(n, -1))
    assert flat.n_features_in_ == images[0].size
    np.testing.assert_array_equal(flat.transform(images.reshape(n, -1)), wanted)
    np.testing.assert_array_equal(flat.transform(images), wanted)
    part = HOGTransformer(image_shape=(*shape[:-1], -1)).fit(images.reshape(n, -1))
    assert part.image_shape_ == shape
    frozen = images.copy()
    frozen.flags.writeable = False
    mirrored = np.ascontiguousarray(images[:, ::-1])[:, ::-1]
    for odd in (frozen, mirrored, np.asfortranarray(images), images.repeat(2, 2)[:, :, ::2]):
        np.testing.assert_array_equal(flat.transform(odd), wanted)


def test_pixels_are_converted_a_few_images_at_a_time(monkeypatch):
    images = photographs(n=7, colour=False).astype(np.int32)
    hog = HOGTransformer().fit(images)
    whole = hog.transform(images)
    seen = []
    planes = compat._planes
    monkeypatch.setattr(compat, "_planes", lambda part, dtype: seen.append(len(part)) or planes(part, dtype))
    monkeypatch.setattr(compat, "_CHUNK", 3 * 48 * 48 * 4)
    np.testing.assert_array_equal(hog.transform(images), whole)
    assert seen == [3, 3, 1]
    hog.transform(images.astype(np.float32))  # nothing to convert: all at once
    assert seen[3:] == [7]


def test_an_image_is_described_alike_in_any_company():
    images = photographs()
    hog = HOGTransformer().fit(images)
    order = np.random.default_rng(0).permutation(len(images))
    np.testing.assert_array_equal(hog.transform(images[order]), hog.transform(images)[order])
    np.testing.assert_array_equal(hog.transform(images[4:5]), hog.transform(images)[4:5])


def test_clones_and_pickles():
    images = photographs()
    hog = HOGTransformer(cell=6, variant="dalal-triggs", image_shape=(48, 48, 3)).fit(images)
    copy = clone(hog)
    assert copy.get_params() == hog.get_params() and not hasattr(copy, "field_shape_")
    with pytest.raises(NotFittedError):
        copy.transform(images)
    again = pickle.loads(pickle.dumps(hog))
    np.testing.assert_array_equal(again.transform(images), hog.transform(images))
    assert copy.set_params(cell=12).fit(images).field_shape_ == (36, 4, 4)


def test_a_second_fit_forgets_the_first():
    images = photographs(colour=False)
    hog = HOGTransformer(image_shape=(48, 48)).fit(images.reshape(len(images), -1))
    assert hog.n_features_in_ == 48 * 48
    hog.set_params(image_shape=None).fit(images[:, :40])
    assert not hasattr(hog, "n_features_in_") and hog.field_shape_ == (31, 5, 6)


def test_data_frames_keep_their_names():
    pandas = pytest.importorskip("pandas")
    X = load_digits().data[:30]
    frame = pandas.DataFrame(X, columns=[f"pixel{i}" for i in range(64)])
    hog = HOGTransformer(cell=4, image_shape=(8, 8)).set_output(transform="pandas")
    out = hog.fit_transform(frame)
    assert list(hog.feature_names_in_[:2]) == ["pixel0", "pixel1"]
    assert list(out.columns) == list(hog.get_feature_names_out()) and out.shape == (30, 31 * 4)
    np.testing.assert_array_equal(out.to_numpy(), expected(X.reshape(-1, 8, 8), cell=4))


def test_faces_are_told_from_backgrounds_better_than_by_their_pixels():
    """40 images of Labeled Faces in the Wild to learn from, 160 to be right on."""
    X, y = (255 * lfw_subset()).astype(np.float32), np.arange(200) < 100
    order = np.random.default_rng(0).permutation(200)
    train, test = order[:40], order[40:]
    search = GridSearchCV(
        Pipeline([("hog", HOGTransformer()), ("svm", LinearSVC(dual="auto"))]),
        {
            "hog__cell": np.array([3, 5, 8]),  # NumPy's numbers, as a grid often has them
            "hog__orientations": [6, 9],
            "hog__variant": np.array(["uoctti", "dalal-triggs"]),
            "hog__assignment": ["nearest", "bilinear"],
        },
        cv=4,
    ).fit(X[train], y[train])
    flat = X.reshape(200, -1)
    pixels = GridSearchCV(
        make_pipeline(StandardScaler(), LinearSVC(dual="auto", max_iter=50_000)),
        {"linearsvc__C": 10.0 ** np.arange(-5, 1)},
        cv=4,
    ).fit(flat[train], y[train])
    assert search.score(X[test], y[test]) > 0.95
    assert pixels.score(flat[test], y[test]) < 0.88
    assert len(search.cv_results_["params"]) == 24


def test_digits_are_read_better_than_from_their_pixels():
    X, y = load_digits(return_X_y=True)
    hog = make_pipeline(
        HOGTransformer(cell=2, image_shape=(8, 8), assignment="bilinear"), LinearSVC(dual="auto")
    )
    pixels = LinearSVC(dual="auto", max_iter=20_000)
    scores = [model.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) for model in (hog, pixels)]
    assert scores[0] > 0.97 and scores[1] < 0.93
    assert len(hog[:-1].get_feature_names_out()) == hog[-1].coef_.shape[1] == 31 * 16


@pytest.mark.parametrize(
    ("X", "settings", "message"),
    [
        (
            np.zeros((5, 64)),
            {},
            r"rows of flat images need image_shape=\(h, w\) or \(h, w, c\), got \(5, 64\)",
        ),
        (
            np.zeros((5, 60)),
            {"image_shape": (8, 8)},
            r"must have 64 numbers for image_shape \(8, 8\), got 60",
        ),
        (np.zeros((5, 60)), {"image_shape": (8, -1)}, r"must have a multiple of 8 numbers .*, got 60"),
        (np.zeros((5, 9, 9)), {"image_shape": (8, -1)}, r"X must hold images \(8, -1\), got \(9, 9\)"),
        (np.zeros((5, 8, 8, 3)), {"image_shape": (8, 8)}, r"X must hold images \(8, 8\), got \(8, 8, 3\)"),
        (np.zeros((5, 8, 8, 3, 1)), {}, r"X must be \(n, h, w\) or \(n, h, w, c\), got \(5, 8, 8, 3, 1\)"),
        (np.zeros((5, 8, 8, 0)), {}, r"X must be \(n, h, w\) or \(n, h, w, c\), got \(5, 8, 8, 0\)"),
        ([np.zeros((8, 8)), np.zeros((9, 8))], {}, r"must have one size, got \(8, 8\) and \(9, 8\)"),
        (torch.zeros(2, 3, 8, 8), {}, "X must be NumPy arrays .*, got torch tensors"),
        ([torch.zeros(8, 8)], {}, "X must be NumPy arrays .*, got torch tensors"),
        (np.zeros((5, 64)), {"image_shape": 8}, "image_shape must be None, .*, got 8"),
        (np.zeros((5, 64)), {"image_shape": (-1, -1)}, r"image_shape must be .*, got \(-1, -1\)"),
        (np.zeros((5, 64)), {"image_shape": (8, 8.0)}, r"image_shape must be .*, got \(8, 8.0\)"),
        (np.full((5, 8, 8), np.nan), {}, "contains NaN"),
        (np.zeros((5, 8, 8)), {"cell": 0}, "hog: cell must be at least 1 pixel, got 0"),
        (np.zeros((5, 8, 8)), {"variant": "sift"}, "hog: variant must be one of .*, got 'sift'"),
        (np.zeros((5, 3, 3)), {}, "hog: image 3x3 .* holds no cell of 8 pixels"),
    ],
)
def test_bad_input_is_refused(X, settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        HOGTransformer(**settings).fit(X)
    if "NaN" not in message:  # scikit-learn's words
        assert "\n" not in str(caught.value)


def test_images_of_another_size_than_in_fit_are_refused():
    hog = HOGTransformer().fit(np.zeros((2, 32, 32)))
    with pytest.raises(ValueError, match=r"X must hold images \(32, 32\) as in fit, got \(32, 40\)"):
        hog.transform(np.zeros((2, 32, 40)))
    with pytest.raises(ValueError, match=r"got \(32, 32, 3\)"):
        hog.transform(np.zeros((2, 32, 32, 3)))
