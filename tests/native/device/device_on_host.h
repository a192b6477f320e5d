// csrc/cuda/device/instructions.cuh from its definitions, on the stand-in machine.
#pragma once

#include <cmath>
#include <cstring>
#include <deque>
#include <map>
#include <vector>

#include "cuda/half.h"
#include "machine.h"

#define __global__
#define __device__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define CONVSCOPE_SHARED_MEMORY(name) unsigned char* const name = convscope::device::Machine::current().shared()
#define threadIdx convscope::device::Machine::current().thread()
#define blockIdx convscope::device::Machine::current().block()
#define gridDim convscope::device::Machine::current().grid()
#define __syncthreads() convscope::device::Machine::current().wait_for_block()

namespace convscope::cuda::device {

using convscope::device::Machine;

// Copies arrive when they are waited for and not before. What lies there is lost when they begin: whoever still reads it finds
// what is no number.
inline void lose(void* bytes, std::size_t count) { std::memset(bytes, 0xFF, count); }

struct Copy {
    void* to;
    const void* from;
    bool exists;
};
struct Copies {
    std::deque<std::vector<Copy>> groups;
    std::vector<Copy> open;
};
inline std::map<unsigned, Copies> copies_of_thread;

inline void copy_chunk(void* to, const void* from, bool exists) {
    lose(to, 16);
    copies_of_thread[threadIdx.x].open.push_back({to, from, exists});
}
inline void end_copies() {
    Copies& copies = copies_of_thread[threadIdx.x];
    copies.groups.push_back(std::move(copies.open));
    copies.open.clear();
}
template <int left>
void wait_for_copies() {
    Copies& copies = copies_of_thread[threadIdx.x];
    for (; static_cast<int>(copies.groups.size()) > left; copies.groups.pop_front())
        for (const Copy& copy : copies.groups.front())
            copy.exists ? static_cast<void>(std::memcpy(copy.to, copy.from, 16)) : static_cast<void>(std::memset(copy.to, 0, 16));
}

inline void load_matrices(unsigned (&matrices)[4], const void* row) {
    const auto rows = Machine::current().exchange(row);
    const unsigned lane = threadIdx.x % 32;
    for (unsigned m = 0; m < 4; ++m)
        std::memcpy(&matrices[m], static_cast<const Half*>(rows[m * 8 + lane / 4]) + lane % 4 * 2, 4);
}

inline float quickly_to_float(Half half) {
    static const std::vector<float> all = [] {
        std::vector<float> values;
        for (unsigned bits = 0; bits < 0x10000; ++bits) values.push_back(to_float(static_cast<Half>(bits)));
        return values;
    }();
    return all[half];
}

struct Operands {
    unsigned a[4], b[2];
};
inline float half_of(unsigned pair, unsigned which) { return quickly_to_float(static_cast<Half>(pair >> (16 * which))); }

inline void multiply_matrices(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    Operands mine{};
    std::memcpy(mine.a, a, sizeof a);
    std::memcpy(mine.b, b, sizeof b);
    const auto all = Machine::current().exchange(mine);
    const unsigned lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned row = g + i / 2 * 8, column = 2 * t + i % 2;
        double total = sums[i];
        for (unsigned k = 0; k < 16; ++k) {
            const Operands& of_a = all[row % 8 * 4 + k % 8 / 2];
            const Operands& of_b = all[column * 4 + k % 8 / 2];
            total += static_cast<double>(half_of(of_a.a[row / 8 + k / 8 * 2], k % 2)) * half_of(of_b.b[k / 8], k % 2);
        }
        sums[i] = static_cast<float>(total);
    }
}

inline float of_lane(float x, int lane) { return Machine::current().exchange(x)[static_cast<unsigned>(lane)]; }

inline Half rounded_to_half(float x) { return to_half(x); }
inline float float_of(Half half) { return to_float(half); }

}  // namespace convscope::cuda::device
