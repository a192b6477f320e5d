#!/usr/bin/env bash
# On a machine with an NVIDIA GPU, nvcc and PyTorch, and no network: builds the GPU engine, runs its tests, looks for bad
# accesses and races in its kernels, and measures it beside its peers. Some ten minutes; ends with an error if anything failed.
#
#   tools/gpu_check.sh [FOLDER] [STEP...]      results go to FOLDER, benchmarks/results by default; steps are build, tests,
#                                              memcheck, racecheck, benchmark, all by default; and, if asked for,
#                                              q_network and compiled: that network, and torch.compile among the peers
set -uo pipefail
cd "$(dirname "$0")/.."
results=${1:-benchmarks/results}
mkdir -p "$results"
shift
steps=${*:-build tests memcheck racecheck benchmark}
python=${PYTHON:-python3}
export PATH=$PATH:/usr/local/cuda/bin PYTHONPATH=build/gpu/package PYTHONUNBUFFERED=1
failed=() not_run=()

build() {
    cmake -S . -B build/gpu -G Ninja -DCMAKE_BUILD_TYPE=Release -DCONVSCOPE_CUDA=ON -DCONVSCOPE_TESTS=ON \
        -Dpybind11_DIR="$("$python" -m pybind11 --cmakedir)" -DPython_EXECUTABLE="$(command -v "$python")" &&
        cmake --build build/gpu --target _core _cuda test_gpu_run &&
        rm -rf build/gpu/package && mkdir build/gpu/package && cp -r python/convscope build/gpu/package/ &&
        rm -f build/gpu/package/convscope/*.so && cp build/gpu/_c*.so build/gpu/package/convscope/ &&
        "$python" -c 'import convscope as cs, sys; sys.exit(cs.probe.gpu_facts().reason)'
}
tests() { "$python" -m pytest -q -m gpu -p no:cacheprovider tests/gpu; }
memcheck() { sanitize memcheck; }
racecheck() { sanitize racecheck; }
sanitize() {
    compute-sanitizer --tool "$1" --error-exitcode 1 build/gpu/tests/native/test_gpu_run 2>&1 | tee build/gpu/sanitizer.log
    local status=${PIPESTATUS[0]}
    # Some virtual machines have no counters for it: that says nothing of the kernels.
    if grep -q "Device not supported" build/gpu/sanitizer.log; then
        not_run+=("$1")
        status=0
    fi
    return "$status"
}
benchmark() { "$python" benchmarks/bench_gpu.py --save "$results"; }
q_network() { "$python" benchmarks/bench_gpu.py --save "$results" --role q_network; }
compiled() { "$python" benchmarks/bench_gpu.py --save "$results" --compile --batches 1056; }

for step in $steps; do
    echo "== $step"
    start=$SECONDS
    "$step" || failed+=("$step")
    echo "-- $step: $((SECONDS - start)) s"
done
((${#not_run[@]})) && echo "gpu_check: compute-sanitizer does not support this device: not run: ${not_run[*]}"
if ((${#failed[@]})); then
    echo "gpu_check: failed: ${failed[*]}"
    exit 1
fi
echo "gpu_check: passed"
