"""Faces for other libraries: import the one you use, as in `from equivfast.compat.sklearn import HOGTransformer`."""
