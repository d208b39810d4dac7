#!/bin/sh
# The tests of the ops and of their arithmetic on kernels built with AddressSanitizer and UBSan:
# tools/sanitized.sh VENV [PYTEST ARGUMENT...]. Needs g++ and the environment that `make build` makes.
set -eu
cd "$(dirname "$0")/.."
venv=$PWD/$1
shift
folder=build/sanitized
stage=$PWD/$folder/stage
PATH=$venv/bin:$PATH
export PATH

cmake -S . -B "$folder" -G Ninja --log-level=WARNING -DEQUIVFAST_CUDA=OFF -DEQUIVFAST_PROBE=ON -DCMAKE_CXX_COMPILER=g++ \
  -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DCMAKE_CXX_FLAGS='-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer'
cmake --build "$folder"
rm -rf "$stage"
mkdir -p "$stage"
cp -r equivfast "$stage/"
rm -f "$stage"/equivfast/*.so
cmake --install "$folder" --prefix "$stage" >"$folder/install.log"

# Python itself is not sanitized: the runtimes are loaded first, and its own allocations at exit are no leaks of ours.
run() {
  env ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONPATH="$stage" \
    LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)" "$@"
}
# From outside the checkout and by the program `pytest`: `python -m` would put the checkout's own package first.
(cd "$folder" && run python -c 'import sys, equivfast; sys.exit(not equivfast.__file__.startswith(sys.argv[1]))' "$stage")
# -s, so that a report is seen when the process ends in the middle. Compiled graphs start a compiler of their own.
run pytest -q -s -p no:cacheprovider -m 'not long' -k 'not compile' tests/ops tests/math tests/compat/test_skimage_hog.py tests/maps/test_layer_sums.py "$@"
