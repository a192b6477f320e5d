#!/usr/bin/env bash
# The native kernel tests with AddressSanitizer + UndefinedBehaviorSanitizer, then with ThreadSanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."
for preset in asan tsan; do
    cmake --preset "$preset"
    cmake --build --preset "$preset" --parallel 2
    ctest --preset "$preset" --verbose
done
