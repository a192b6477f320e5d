// The instructions that have no name in CUDA C++ (PTX ISA 8.x, "Data Movement" and "Warp-level Matrix Instructions"). Compiled
// for the host, tests/native/device/ stands in for them.
#pragma once

#include "cuda/half.h"

#if defined(__CUDACC__)
#include <cuda_fp16.h>

namespace convscope::cuda::device {

__device__ inline unsigned shared_address(const void* pointer) {
    return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

// Starts to copy 16 bytes to shared memory, or zeros where there is nothing to copy.
__device__ inline void copy_chunk(void* to, const void* from, bool exists) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(exists ? 16 : 0)
                 : "memory");
}
// Ends a group of copies; later, waits until at most `left` of this thread's groups are under way.
__device__ inline void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int left>
__device__ inline void wait_for_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(left) : "memory");
}

// Four matrices of 8 x 8 halves. Lane i gives the place of row i % 8 of matrix i / 8, and receives of each matrix the
// elements 2 (i % 4) and the next of row i / 4.
__device__ inline void load_matrices(unsigned (&matrices)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// sums (16, 8) += a (16, 16) times b (16, 8), halves added up in float. With g = lane / 4 and t = lane % 4, a lane holds
// a: rows g and g + 8 at columns 2 t, 2 t + 1, then both at 8 more; b: column g at rows 2 t, 2 t + 1, then at 8 more;
// sums: row g, then row g + 8, at columns 2 t and 2 t + 1.
__device__ inline void multiply_matrices(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// What that lane passes; all lanes take part.
__device__ inline float of_lane(float x, int lane) { return __shfl_sync(0xFFFFFFFFu, x, lane); }

__device__ inline Half rounded_to_half(float x) { return __half_as_ushort(__float2half_rn(x)); }
__device__ inline float float_of(Half half) { return __half2float(__ushort_as_half(half)); }

}  // namespace convscope::cuda::device

#define CONVSCOPE_SHARED_MEMORY(name) extern __shared__ __align__(1024) unsigned char name[]

#else
#include <device_on_host.h>
#endif

namespace convscope::cuda::device {

// What a half cannot hold is no number from here on, so that no activation can turn it into one.
__device__ inline float in_range(float x) { return fabsf(x) <= 65504.0f ? x : nanf(""); }

// What rounding to a half leaves of a value, 2^11 times.
__device__ inline float left_over(float x) { return 2048.0f * (x - float_of(rounded_to_half(x))); }

// Two halves as a matrix has them, the first in the lower bits.
__device__ inline unsigned pair_of(Half first, Half second) { return first | static_cast<unsigned>(second) << 16; }
__device__ inline unsigned upper_halves(float a, float b) { return pair_of(rounded_to_half(a), rounded_to_half(b)); }
__device__ inline unsigned lower_halves(float a, float b) { return upper_halves(left_over(a), left_over(b)); }

// Eight scaled values to their place in a map, or in both of two.
__device__ inline void store_halves(Half* const (&maps)[2], std::int64_t at, const float (&values)[8]) {
    struct alignas(16) Halves {
        Half values[8];
    } upper, lower;
    for (int e = 0; e < 8; ++e) {
        const float x = in_range(values[e]);
        upper.values[e] = rounded_to_half(x);
        lower.values[e] = rounded_to_half(left_over(x));
    }
    *reinterpret_cast<Halves*>(maps[0] + at) = upper;
    if (maps[1] != nullptr) *reinterpret_cast<Halves*>(maps[1] + at) = lower;
}

}  // namespace convscope::cuda::device
