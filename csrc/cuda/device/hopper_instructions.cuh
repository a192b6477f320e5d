// Instructions of compute capability 9.0 (PTX ISA 8.x: "Asynchronous copy", "mbarrier", "Asynchronous warpgroup level matrix
// instructions"). Compiled for the host, tests/native/device/ stands in for them.
#pragma once

#include <cstdint>

#include "cuda/device/instructions.cuh"
#include "cuda/tensor_map.h"

#if defined(__CUDACC__)

namespace convscope::cuda::device {

// -- Barriers in shared memory: a phase ends when all have arrived and all announced bytes have come. ---------------------

using Barrier = std::uint64_t;

__device__ inline void make_barrier(Barrier* barrier, unsigned arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
}
// Behind which other threads and the copy engine see the barriers made above.
__device__ inline void publish_barriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
__device__ inline void arrive_expecting(Barrier* barrier, unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes) : "memory");
}
// Until the phase of this parity has ended.
__device__ inline void wait(Barrier* barrier, unsigned parity) {
    asm volatile(
        "{\n"
        ".reg .pred done;\n"
        "again:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@done bra ended;\n"
        "bra again;\n"
        "ended:\n"
        "}" ::"r"(shared_address(barrier)),
        "r"(parity)
        : "memory");
}
// Until `threads` threads have come to barrier `number` of the block (1 to 15).
__device__ inline void wait_for_threads(int number, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

// -- Clusters: blocks that run together and reach each other's shared memory ------------------------------------------------

__device__ inline unsigned cluster_rank() {
    unsigned rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}
// Until all threads of the cluster have come here.
__device__ inline void wait_for_cluster() {
    asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}
// At the barrier of the same place in block `rank`.
__device__ inline void arrive_at(Barrier* barrier, unsigned rank) {
    asm volatile(
        "{\n.reg .b32 there;\n"
        "mapa.shared::cluster.u32 there, %0, %1;\n"
        "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];\n}" ::"r"(shared_address(barrier)),
        "r"(rank)
        : "memory");
}

// -- The copy engine ---------------------------------------------------------------------------------------------------------

__device__ inline void copy_bulk(void* to, const void* from, unsigned bytes, Barrier* barrier) {
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(shared_address(to)),
        "l"(from), "r"(bytes), "r"(shared_address(barrier))
        : "memory");
}
// To the same place of all blocks of the cluster, and its bytes to their barriers.
template <unsigned blocks>
__device__ inline void copy_bulk_to_all(void* to, const void* from, unsigned bytes, Barrier* barrier) {
    constexpr std::uint16_t all = (1u << blocks) - 1;
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], %2, [%3], %4;" ::"r"(
            shared_address(to)),
        "l"(from), "r"(bytes), "r"(shared_address(barrier)), "h"(all)
        : "memory");
}
// The box whose first element has these coordinates; zeros where it reaches over an edge.
__device__ inline void copy_box(void* to, const TensorMap* map, const int (&at)[4], Barrier* barrier) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5}], [%6];" ::
            "r"(shared_address(to)),
        "l"(map), "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(shared_address(barrier))
        : "memory");
}
// The other way; what reaches over an edge is dropped. `end_stores` ends a group, and `wait_until_read` waits until the shared
// memory of this thread's groups may be written again.
__device__ inline void store_box(const TensorMap* map, const int (&at)[4], const void* from) {
    asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%1, %2, %3, %4}], [%5];" ::"l"(map),
                 "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(shared_address(from))
                 : "memory");
}
__device__ inline void end_stores() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
template <int left>
__device__ inline void wait_until_read() {
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(left) : "memory");
}
__device__ inline void wait_until_stored() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }
// What this thread wrote to shared memory is there for the copy engine and the matrix units.
__device__ inline void publish_shared() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// -- Matrices ------------------------------------------------------------------------------------------------------------------

// Four matrices of 8 x 8 halves, laid out over the lanes as `load_matrices` delivers them.
__device__ inline void store_matrices(void* row, const unsigned (&matrices)[4]) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(shared_address(row)), "r"(matrices[0]),
                 "r"(matrices[1]), "r"(matrices[2]), "r"(matrices[3])
                 : "memory");
}

// Rows of 64 halves in shared memory, chunk j of row i at place j ^ (i mod 8), from a multiple of 1024 bytes on: "K-major with a
// swizzle of 128 bytes". `of_k` halves further is the same matrix from that element of the sum on.
__device__ inline std::uint64_t describe_matrix(const void* rows) {
    constexpr std::uint64_t bytes_of_8_rows = 1024, swizzle_128 = 1;
    return (shared_address(rows) & 0x3FFFFu) >> 4 | std::uint64_t{1} << 16 | bytes_of_8_rows >> 4 << 32 | swizzle_128 << 62;
}
__device__ inline std::uint64_t further(std::uint64_t matrix, int of_k) { return matrix + static_cast<unsigned>(of_k * 2 / 16); }

__device__ inline void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void end_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int left>
__device__ inline void wait_for_products() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(left) : "memory");
}

// Keeps a value in its register from before to behind this point.
__device__ inline void pin(float& value) { asm volatile("" : "+f"(value)::"memory"); }
__device__ inline void pin(unsigned& value) { asm volatile("" : "+r"(value)::"memory"); }

// sums (64, N) = or += a (64, 16) times b (N, 16), for a warpgroup. Warp w has rows 16 w to 16 w + 15 and, of every eight
// columns, what `multiply_matrices` gives a lane: sums[4 j + e] belongs to columns 8 j to 8 j + 7.
#define CONVSCOPE_8(r)                                                                                                      \
    "+f"(sums[r]), "+f"(sums[(r) + 1]), "+f"(sums[(r) + 2]), "+f"(sums[(r) + 3]), "+f"(sums[(r) + 4]), "+f"(sums[(r) + 5]), \
        "+f"(sums[(r) + 6]), "+f"(sums[(r) + 7])
#define CONVSCOPE_64(r)                                                                                        \
    CONVSCOPE_8(r), CONVSCOPE_8((r) + 8), CONVSCOPE_8((r) + 16), CONVSCOPE_8((r) + 24), CONVSCOPE_8((r) + 32), \
        CONVSCOPE_8((r) + 40), CONVSCOPE_8((r) + 48), CONVSCOPE_8((r) + 56)
#define CONVSCOPE_NAMES_0_TO_63                                                        \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "           \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define CONVSCOPE_NAMES_64_TO_127                                                                  \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "             \
    "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "             \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
    "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define CONVSCOPE_MULTIPLY(columns, names, a, b, adds) \
    "{\n.reg .pred adds;\nsetp.ne.b32 adds, " adds     \
    ", 0;\n"                                           \
    "wgmma.mma_async.sync.aligned.m64n" columns "k16.f32.f16.f16 {" names "}, " a ", " b ", adds, 1, 1, 0, 0;\n}"

__device__ inline void multiply(float (&sums)[64], std::uint64_t a, std::uint64_t b, bool adds) {
    asm volatile(CONVSCOPE_MULTIPLY("128", CONVSCOPE_NAMES_0_TO_63, "%64", "%65", "%66")
                 : CONVSCOPE_64(0)
                 : "l"(a), "l"(b), "r"(static_cast<int>(adds)));
}
__device__ inline void multiply(float (&sums)[128], std::uint64_t a, std::uint64_t b, bool adds) {
    asm volatile(CONVSCOPE_MULTIPLY("256", CONVSCOPE_NAMES_0_TO_63 ", " CONVSCOPE_NAMES_64_TO_127, "%128", "%129", "%130")
                 : CONVSCOPE_64(0), CONVSCOPE_64(64)
                 : "l"(a), "l"(b), "r"(static_cast<int>(adds)));
}

// The same with a in registers, laid out as `multiply_matrices` has it; they may not change until the product is waited for.
__device__ inline void multiply(float (&sums)[20], const unsigned (&a)[4], std::uint64_t b, bool adds) {
    asm volatile(
        "{\n.reg .pred adds;\nsetp.ne.b32 adds, %25, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n40k16.f32.f16.f16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, "
        "%15, %16, %17, %18, %19}, {%20, %21, %22, %23}, %24, adds, 1, 1, 0;\n}"
        : CONVSCOPE_8(0), CONVSCOPE_8(8), "+f"(sums[16]), "+f"(sums[17]), "+f"(sums[18]), "+f"(sums[19])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(adds)));
}

#undef CONVSCOPE_8
#undef CONVSCOPE_64
#undef CONVSCOPE_NAMES_0_TO_63
#undef CONVSCOPE_NAMES_64_TO_127
#undef CONVSCOPE_MULTIPLY

// Registers of each thread of the warpgroup from here on.
template <int count>
__device__ inline void take_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count));
}
template <int count>
__device__ inline void give_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count));
}

}  // namespace convscope::cuda::device

#else
#include <hopper_on_host.h>
#endif
