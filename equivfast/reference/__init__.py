"""Float64 oracles of the ops: NumPy only, from the papers, slow and plain. For tests and benchmarks."""
