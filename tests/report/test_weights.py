"""Templates as glyphs: both signs, one scale, and a face in the weights that tell faces from backgrounds."""

import numpy as np
import pytest
from skimage.data import lfw_subset
from skimage.transform import resize
from sklearn.svm import LinearSVC

from equivfast import report
from equivfast.ops import hog


def test_weights_of_both_signs_on_one_orientation_are_both_drawn():
    weights = np.zeros((31, 1, 3), np.float32)
    weights[[4, 13], 0, 0] = 0.5, -0.25  # an edge and its reverse
    weights[22, 0, 1] = -0.5
    positive, negative = report.template_glyphs(weights, cell=15)
    one = report.glyphs(np.abs(weights[:, :, 1:2]), cell=15)
    np.testing.assert_allclose(positive, np.hstack([one, 0 * one, 0 * one]), atol=1e-6)
    np.testing.assert_allclose(negative, np.hstack([0.5 * one, one, 0 * one]), atol=1e-6)


@pytest.mark.parametrize(("variant", "channels"), [("uoctti", 22), ("dpm", 23), ("dalal-triggs", 24)])
def test_parts_are_those_of_every_channel(variant, channels):
    weights = np.random.default_rng(0).normal(size=(channels, 3, 4))
    parts = report.template_glyphs(weights, 6, variant, 11, peak=2.0)
    for part, values in zip(parts, (np.maximum(weights, 0), np.maximum(-weights, 0)), strict=True):
        np.testing.assert_allclose(part, report.glyphs(values, 6, variant, 11, peak=2.0), atol=1e-6)
    swapped = report.template_glyphs(-weights, 6, variant, 11, peak=2.0)
    np.testing.assert_array_equal(swapped[0], parts[1])
    np.testing.assert_array_equal(swapped[1], parts[0])


def test_both_parts_have_one_scale():
    weights = np.zeros((31, 1, 2))
    weights[20, 0, 0], weights[20, 0, 1] = 0.2, -0.8
    positive, negative = report.template_glyphs(weights)
    assert negative.max() == pytest.approx(1.0) and positive.max() == pytest.approx(0.25)
    for part in report.template_glyphs(0 * weights):
        assert part.shape == (21, 42) and part.max() == 0


def test_picture_has_the_positive_part_on_the_left():
    weights = np.random.default_rng(1).normal(size=(31, 3, 2)).astype(np.float32)
    picture = report.template_picture(weights, cell=9)
    positive, negative = report.template_glyphs(weights, cell=9)
    assert picture.shape == (27, 45) and picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[:, :18], report.ink(positive))
    assert (picture[:, 18:27] == 255).all()
    np.testing.assert_array_equal(picture[:, 27:], report.ink(negative))
    assert report.png_bytes(picture)[:4] == b"\x89PNG"


def test_ink_follows_its_formula_everywhere():
    picture = np.random.default_rng(2).random((300, 301), np.float32)
    grey = 255 * (1 - 0.92 * picture.astype(np.float64) ** 1.3)
    assert np.abs(report.ink(picture) - grey).max() < 0.5 + 0.003
    assert report.ink(np.float32(0)) == 255 and report.ink(np.array([[-1.0, 2.0]])).tolist() == [[255, 20]]


def test_a_template_of_faces_shows_a_face():
    """Eyes and mouth lie across, the outline of cheeks upright."""
    faces = np.stack([resize(face, (80, 80), order=3) for face in lfw_subset()]).astype(np.float32) * 255
    fields = np.stack([hog(face, assignment="bilinear") for face in faces])
    svm = LinearSVC(C=0.01, dual="auto").fit(fields.reshape(200, -1), np.arange(200) < 100)
    weights = svm.coef_.reshape(fields.shape[1:])
    positive, negative = report.template_glyphs(weights)

    def across(part, rows, columns):
        """Share of ink in bars within 40 degrees of level, in those cells."""
        bars = report.strengths(np.maximum(part, 0))[rows, columns].sum((0, 1))
        level = np.array([abs((20 * k) % 180 - 90) <= 40 for k in range(9)])  # gradients up or down
        return bars[level].sum() / bars.sum()

    eyes, mouth, cheeks = (slice(2, 3), slice(1, 7)), (slice(6, 8), slice(3, 6)), (slice(5, 9), slice(0, 1))
    assert across(weights, *eyes) > 0.6 and across(weights, *mouth) > 0.7
    assert across(weights, *cheeks) < 0.5 and across(-weights, *mouth) < 0.4
    assert max(positive.max(), negative.max()) == 1


@pytest.mark.parametrize("function", [report.template_glyphs, report.template_picture])
def test_bad_templates_are_refused(function):
    with pytest.raises(
        ValueError, match=r"strengths: field must be \(31, H, W\) for uoctti .*, got \(30, 2, 2\)"
    ):
        function(np.zeros((30, 2, 2)))
    with pytest.raises(ValueError, match="strengths: field must be finite"):
        function(np.full((31, 2, 2), np.nan))
    with pytest.raises(ValueError, match="glyphs: cell must be at least 3 pixels, got 2"):
        function(np.zeros((31, 2, 2)), cell=2)
    with pytest.raises(ValueError, match="glyphs: peak must be positive, got -1"):
        function(np.zeros((31, 2, 2)), peak=-1)
