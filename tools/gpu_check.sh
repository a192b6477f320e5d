#!/usr/bin/env bash
# On a machine with an NVIDIA GPU, nvcc and PyTorch, and no network: builds the GPU engine, runs its tests, looks for bad
# accesses and races in its kernels, and measures it beside its peers. Some ten minutes; ends with an error if anything failed.
#
#   tools/gpu_check.sh [FOLDER]      results go to FOLDER, benchmarks/results by default
set -uo pipefail
cd "$(dirname "$0")/.."
results=$(mkdir -p "${1:-benchmarks/results}" && cd "${1:-benchmarks/results}" && pwd)
python=${PYTHON:-python3}
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
failed=()

step() {  # NAME COMMAND...
    local name=$1 start=$SECONDS
    shift
    echo "== $name"
    "$@" || failed+=("$name")
    echo "-- $name: $((SECONDS - start)) s"
}

native_tests() {
    cmake -S . -B build/gpu -G Ninja -DCMAKE_BUILD_TYPE=Release -DCONVSCOPE_CUDA=ON -DCONVSCOPE_TESTS=ON \
        -Dpybind11_DIR="$("$python" -m pybind11 --cmakedir)" -DPython_EXECUTABLE="$(command -v "$python")" >/dev/null &&
        cmake --build build/gpu --target test_gpu_run
}

step build "$python" -m pip install --quiet --no-index --no-deps --no-build-isolation --target "$site" \
    -C cmake.define.CONVSCOPE_CUDA=ON .
export PYTHONPATH=$site
step tests "$python" -m pytest -q -m gpu -p no:cacheprovider tests/gpu
step "native tests" native_tests
for tool in memcheck racecheck; do
    step "$tool" compute-sanitizer --tool "$tool" --error-exitcode 1 build/gpu/tests/native/test_gpu_run
done
step benchmark "$python" benchmarks/bench_gpu.py --save "$results"

if ((${#failed[@]})); then
    printf 'gpu_check: failed: %s\n' "${failed[*]}"
    exit 1
fi
echo "gpu_check: all passed"
