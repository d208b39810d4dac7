"""Faces for other libraries, computed by equivfast's kernels: `from equivfast.compat.skimage import hog`."""
