from collections.abc import Sequence

def hog_shape(h: int, w: int, cell: int, orientations: int, variant: int) -> tuple[int, int, int]: ...
def set_cpu_level(name: str) -> None: ...
def build() -> dict[str, object]: ...
def advise_huge_pages(memory: int, size: int) -> None: ...
def cuda_devices() -> tuple[list[tuple[str, int, int, int]], str]: ...
def hog(
    image: int,
    dtype: int,
    shape: Sequence[int],
    stride: Sequence[int],
    out: int,
    out_shape: Sequence[int],
    out_stride: Sequence[int],
    cell: int,
    orientations: int,
    variant: int,
    bilinear: bool,
    padded: bool,
    threads: int,
) -> None: ...
def hog_backward(
    image: int,
    dtype: int,
    shape: Sequence[int],
    stride: Sequence[int],
    grad_out: int,
    out_shape: Sequence[int],
    out_stride: Sequence[int],
    grad_image: int,
    grad_stride: Sequence[int],
    cell: int,
    orientations: int,
    variant: int,
    bilinear: bool,
    threads: int,
) -> None: ...
def skimage_hog_pitch(columns: int, orientations: int) -> int: ...
def skimage_hog_cells(
    image: int,
    dtype: int,
    shape: Sequence[int],
    stride: Sequence[int],
    orientations: int,
    cell_rows: int,
    cell_columns: int,
    histogram: int,
    pitch: int,
    threads: int,
) -> bytes: ...
def skimage_hog_blocks(
    histogram: int,
    pitch: int,
    rows: int,
    columns: int,
    orientations: int,
    block_rows: int,
    block_columns: int,
    norm: int,
    out: int,
    out_dtype: int,
    threads: int,
) -> None: ...
def feature_transform(
    x: int,
    dtype: int,
    shape: Sequence[int],
    stride: Sequence[int],
    sources: tuple[int, int, int],
    mix: tuple[int, int, int, int, int, int],
    out: int,
    out_shape: Sequence[int],
    out_stride: Sequence[int],
    threads: int,
) -> None: ...
def feature_transform_backward(
    x: int,
    dtype: int,
    shape: Sequence[int],
    stride: Sequence[int],
    sources: tuple[int, int, int],
    mix: tuple[int, int, int, int, int, int],
    grad_out: int,
    out_shape: Sequence[int],
    out_stride: Sequence[int],
    grad_x: int,
    grad_stride: Sequence[int],
    grads: tuple[int, ...],
    threads: int,
) -> None: ...
def pose_argmax(
    features: int,
    shape: Sequence[int],
    stride: Sequence[int],
    bank: tuple[int, int, int],
    bias: int,
    kind: tuple[int, int, int, int],
    panels: tuple[int, ...],
    bounds: Sequence[float],
    prior: tuple[int, int],
    mask: tuple[int, int],
    positions: tuple[int, int, int],
    over_image: bool,
    top_k: int,
    suppression: float,
    neighbours: int,
    threshold: float,
    budget: int,
    out: tuple[int, ...],
    threads: int,
) -> None: ...
def moments(
    y: int,
    shape: Sequence[int],
    stride: Sequence[int],
    used: Sequence[int],
    sums: Sequence[int],
    moved: Sequence[Sequence[int]],
) -> None: ...
