#!/usr/bin/env bash
# The kernel tests under sanitizers: the native ones with AddressSanitizer + UndefinedBehaviorSanitizer and with
# ThreadSanitizer, then tests/kernels/ on an extension built with the first two. An error ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."

for preset in asan tsan; do
    cmake --preset "$preset"
    cmake --build --preset "$preset" --parallel 2
    ctest --preset "$preset" --verbose
done

build=build/asan-python
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCONVSCOPE_SANITIZE=address,undefined \
    -DCONVSCOPE_CUDA=OFF \
    -Dpybind11_DIR="$(python -m pybind11 --cmakedir)" -DPython_EXECUTABLE="$(command -v python)"
cmake --build "$build" --parallel 2
rm -rf "$build/package"
mkdir "$build/package"
cp -r python/convscope "$build/package/"
rm -f "$build"/package/convscope/*.so
cp "$build"/_core*.so "$build/package/convscope/"

# The interpreter is not sanitized, so the runtime has to come first; its own allocations are not ours to look after.
export LD_PRELOAD="$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libstdc++.so)"
export ASAN_OPTIONS=detect_leaks=0 PYTHONPATH="$build/package"
python -c 'import sys; from convscope import _core; sys.exit("asan-python" not in _core.__file__)'

# How exact the spectral form is does not depend on them; what it touches, the other files touch too.
python -m pytest tests/kernels --ignore=tests/kernels/test_spectral_error.py -p no:cacheprovider --quiet
