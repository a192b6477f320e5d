#!/usr/bin/env bash
# Compiles the kernels for aarch64 and runs their native tests (scalar and NEON) under qemu-user.
# Debian or Ubuntu: apt-get install g++-aarch64-linux-gnu qemu-user-static cmake ninja-build
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in aarch64-linux-gnu-g++ qemu-aarch64-static cmake; do
    command -v "$tool" >/dev/null || { echo "cross_check: $tool is missing (see the top of tools/cross_check.sh)" >&2; exit 1; }
done

cmake -S . -B build/aarch64 -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static \
    -DCMAKE_CROSSCOMPILING_EMULATOR="$(command -v qemu-aarch64-static)" \
    -DCMAKE_BUILD_TYPE=Release -DCONVSCOPE_PYTHON=OFF -DCONVSCOPE_TESTS=ON
cmake --build build/aarch64 --parallel 2
ctest --test-dir build/aarch64 --output-on-failure --verbose
