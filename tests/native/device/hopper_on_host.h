// csrc/cuda/device/hopper_instructions.cuh from its definitions, on the stand-in machine. Whatever is asynchronous happens as
// late as it may: copies when their barrier is waited for, products and stores when those are; and what a copy overwrites is lost
// at once. Whoever reads or overwrites too early gets wrong numbers.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "cuda/tensor_map.h"
#include "device_on_host.h"

namespace convscope::cuda::device {

// -- Barriers ------------------------------------------------------------------------------------------------------------

struct Barrier {
    std::uint8_t expected, pending, phase, unused;
    std::int32_t bytes;  // announced and not come, or the other way round

    void settle() {
        if (pending > 0 || bytes != 0) return;
        phase ^= 1;
        pending = expected;
    }
};
static_assert(sizeof(Barrier) == 8);

struct BoxCopy {
    unsigned char* to;
    const TensorMap* map;
    std::array<int, 4> at;
};
struct BulkCopy {
    unsigned char* to;
    const void* from;
    unsigned bytes;
};
struct Arriving {
    std::deque<BoxCopy> boxes;
    std::deque<BulkCopy> bulks;
};

// One group of products or of stores of a thread.
struct Product {
    std::uint64_t a;
    const unsigned* a_of_thread;  // instead of a described one
    std::uint64_t b;
    bool adds;
    float* sums;
    unsigned columns;
};
template <class Work>
struct Groups {
    std::deque<std::vector<Work>> closed;
    std::vector<Work> open;

    void close() {
        closed.push_back(std::move(open));
        open.clear();
    }
    template <class Do>
    void finish(std::size_t left, Do work) {
        for (; closed.size() > left; closed.pop_front())
            for (const Work& item : closed.front()) work(item);
    }
};
struct BoxStore {
    const TensorMap* map;
    std::array<int, 4> at;
    const unsigned char* from;
};

// What the machine remembers beside its memory; `reset` before every launch.
struct Engine {
    std::map<Barrier*, Arriving> arriving;
    std::map<unsigned, Groups<Product>> products;  // by thread of the cluster
    std::map<unsigned, Groups<BoxStore>> stores;
    std::map<std::pair<unsigned, int>, unsigned> arrivals;  // at the numbered barriers of a block
};
inline Engine engine;

inline void make_barrier(Barrier* barrier, unsigned arrivals) {
    const auto count = static_cast<std::uint8_t>(arrivals);
    *barrier = {count, count, 0, 0, 0};
}
inline void publish_barriers() {}
inline void arrive(Barrier* barrier) {
    --barrier->pending;
    barrier->settle();
}
inline void arrive_expecting(Barrier* barrier, unsigned bytes) {
    barrier->bytes += static_cast<std::int32_t>(bytes);
    arrive(barrier);
}

// The same place in the shared memory of another block of the cluster.
template <class T>
T* in_block(T* mine, unsigned rank) {
    Machine& machine = Machine::current();
    auto* const byte = reinterpret_cast<unsigned char*>(mine);
    return reinterpret_cast<T*>(machine.shared(rank) + (byte - machine.shared()));
}
inline unsigned cluster_rank() { return Machine::current().rank(); }
inline void wait_for_cluster() { Machine::current().wait_for_cluster(); }
inline void arrive_at(Barrier* barrier, unsigned rank) { arrive(in_block(barrier, rank)); }

// Byte addresses of shared memory are swizzled by themselves: bits 4 to 6 by bits 7 to 9.
inline std::size_t swizzled(std::size_t address) { return address ^ (address >> 7 & 7) << 4; }
inline std::size_t shared_address(const void* pointer) {
    return static_cast<std::size_t>(static_cast<const unsigned char*>(pointer) - Machine::current().shared());
}

// What `make_tensor_map` leaves in a map on this machine.
struct HostMap {
    void* data;
    MapShape shape;
};
static_assert(sizeof(HostMap) <= sizeof(TensorMap));

// Calls `use(address in shared memory, address of the half in the map or null)` for every half of a box.
template <class Use>
void for_each_half_of_box(const TensorMap& map, const std::array<int, 4>& at, const void* box, Use use) {
    HostMap host;
    std::memcpy(&host, &map, sizeof host);
    const MapShape& shape = host.shape;
    std::size_t address = shared_address(box);
    for (unsigned d = 0; d < shape.box[3]; ++d)
        for (unsigned c = 0; c < shape.box[2]; ++c)
            for (unsigned b = 0; b < shape.box[1]; ++b)
                for (unsigned a = 0; a < shape.box[0]; ++a, address += 2) {
                    const std::int64_t place[4] = {at[0] + std::int64_t{a}, at[1] + std::int64_t{b}, at[2] + std::int64_t{c},
                                                   at[3] + std::int64_t{d}};
                    bool is_inside = true;
                    std::int64_t offset = place[0] * 2;
                    for (int i = 0; i < 4; ++i)
                        is_inside &= place[i] >= 0 && place[i] < static_cast<std::int64_t>(shape.sizes[i]);
                    for (int i = 0; i < 3; ++i) offset += place[i + 1] * static_cast<std::int64_t>(shape.strides[i]);
                    use(Machine::current().shared() + swizzled(address),
                        is_inside ? static_cast<unsigned char*>(host.data) + offset : nullptr);
                }
}

inline void copy_bulk_to(unsigned rank, void* to, const void* from, unsigned bytes, Barrier* barrier) {
    auto* const there = in_block(static_cast<unsigned char*>(to), rank);
    lose(there, bytes);
    engine.arriving[in_block(barrier, rank)].bulks.push_back({there, from, bytes});
}
inline void copy_bulk(void* to, const void* from, unsigned bytes, Barrier* barrier) {
    copy_bulk_to(cluster_rank(), to, from, bytes, barrier);
}
template <unsigned blocks>
void copy_bulk_to_all(void* to, const void* from, unsigned bytes, Barrier* barrier) {
    if (blocks != Machine::current().cluster_blocks()) throw std::runtime_error("device: a copy to more or fewer blocks");
    for (unsigned rank = 0; rank < blocks; ++rank) copy_bulk_to(rank, to, from, bytes, barrier);
}
inline void copy_box(void* to, const TensorMap* map, const int (&at)[4], Barrier* barrier) {
    HostMap host;
    std::memcpy(&host, map, sizeof host);
    const auto& box = host.shape.box;
    lose(to, std::size_t{2} * box[0] * box[1] * box[2] * box[3]);
    engine.arriving[barrier].boxes.push_back({static_cast<unsigned char*>(to), map, {at[0], at[1], at[2], at[3]}});
}

inline void let_copies_arrive(Barrier* barrier) {
    Arriving& arriving = engine.arriving[barrier];
    for (const BoxCopy& copy : arriving.boxes) {
        std::int32_t bytes = 0;
        for_each_half_of_box(*copy.map, copy.at, copy.to, [&](unsigned char* to, const unsigned char* from) {
            from != nullptr ? std::memcpy(to, from, 2) : std::memset(to, 0, 2);
            bytes += 2;
        });
        barrier->bytes -= bytes;
    }
    for (const BulkCopy& copy : arriving.bulks) {
        std::memcpy(copy.to, copy.from, copy.bytes);
        barrier->bytes -= static_cast<std::int32_t>(copy.bytes);
    }
    const bool has_come = !arriving.boxes.empty() || !arriving.bulks.empty();
    arriving = {};
    if (has_come) barrier->settle();
}

inline void wait(Barrier* barrier, unsigned parity) {
    Machine::current().wait_until([barrier, parity] {
        let_copies_arrive(barrier);
        return barrier->phase != parity;
    });
}

inline void wait_for_threads(int number, int threads) {
    unsigned& arrivals = engine.arrivals[{Machine::current().rank(), number}];
    const unsigned arrived = ++arrivals, count = static_cast<unsigned>(threads);
    const unsigned wanted = (arrived + count - 1) / count * count;
    Machine::current().wait_until([&arrivals, wanted] { return arrivals >= wanted; });
}

inline void store_box(const TensorMap* map, const int (&at)[4], const void* from) {
    engine.stores[Machine::current().number()].open.push_back(
        {map, {at[0], at[1], at[2], at[3]}, static_cast<const unsigned char*>(from)});
}
inline void end_stores() { engine.stores[Machine::current().number()].close(); }
template <int left>
void wait_until_read() {
    engine.stores[Machine::current().number()].finish(left, [](const BoxStore& store) {
        for_each_half_of_box(*store.map, store.at, store.from, [](const unsigned char* from, unsigned char* to) {
            if (to != nullptr) std::memcpy(to, from, 2);
        });
    });
}
inline void wait_until_stored() { wait_until_read<0>(); }
inline void publish_shared() {}

// -- Matrices ------------------------------------------------------------------------------------------------------------

inline void store_matrices(void* row, const unsigned (&matrices)[4]) {
    const auto rows = Machine::current().exchange(row);
    const unsigned lane = threadIdx.x % 32;
    for (unsigned m = 0; m < 4; ++m) std::memcpy(static_cast<Half*>(rows[m * 8 + lane / 4]) + lane % 4 * 2, &matrices[m], 4);
}

inline std::uint64_t describe_matrix(const void* rows) { return shared_address(rows) >> 4; }
inline std::uint64_t further(std::uint64_t matrix, int of_k) { return matrix + static_cast<unsigned>(of_k * 2 / 16); }

inline void begin_products() {}
inline void end_products() { engine.products[Machine::current().number()].close(); }

template <int count>
void multiply(float (&sums)[count], std::uint64_t a, std::uint64_t b, bool adds) {
    engine.products[Machine::current().number()].open.push_back({a, nullptr, b, adds, sums, count * 2});
}
template <int count>
void multiply(float (&sums)[count], const unsigned (&a)[4], std::uint64_t b, bool adds) {
    engine.products[Machine::current().number()].open.push_back({0, a, b, adds, sums, count * 2});
}

// Row `row` of a described matrix, 16 of its halves.
inline std::array<float, 16> row_of(std::uint64_t matrix, unsigned row) {
    std::array<float, 16> values;
    for (unsigned chunk = 0; chunk < 2; ++chunk) {
        Half halves[8];
        std::memcpy(halves, Machine::current().shared() + swizzled((matrix << 4) + row * 128 + chunk * 16), 16);
        for (unsigned k = 0; k < 8; ++k) values[chunk * 8 + k] = quickly_to_float(halves[k]);
    }
    return values;
}

// Rows g and g + 8 of a matrix that lies in the registers of a warp; all its lanes take part.
inline std::array<std::array<float, 16>, 2> rows_of_warp(const unsigned* mine) {
    std::array<unsigned, 4> registers;
    std::copy(mine, mine + 4, registers.begin());
    const auto all = Machine::current().exchange(registers);
    std::array<std::array<float, 16>, 2> rows;
    for (unsigned lane = 0; lane < 4; ++lane)
        for (unsigned m = 0; m < 4; ++m) {
            const unsigned pair = all[threadIdx.x % 32 / 4 * 4 + lane][m];
            for (unsigned e = 0; e < 2; ++e)
                rows[m % 2][m / 2 * 8 + lane * 2 + e] = quickly_to_float(static_cast<Half>(pair >> (16 * e)));
        }
    return rows;
}

inline double dot(const std::array<float, 16>& a, const std::array<float, 16>& b) {
    double totals[4] = {};
    for (unsigned k = 0; k < 16; ++k) totals[k % 4] += static_cast<double>(a[k]) * b[k];
    return totals[0] + totals[1] + totals[2] + totals[3];
}

inline void add_product(const Product& product) {
    const unsigned lane = threadIdx.x % 32, first_row = threadIdx.x / 32 % 4 * 16 + lane / 4;
    std::array<std::array<float, 16>, 2> rows;
    if (product.a_of_thread != nullptr)
        rows = rows_of_warp(product.a_of_thread);
    else
        rows = {row_of(product.a, first_row), row_of(product.a, first_row + 8)};
    for (unsigned j = 0; j < product.columns / 8; ++j)
        for (unsigned e = 0; e < 2; ++e) {
            const std::array<float, 16> column = row_of(product.b, j * 8 + lane % 4 * 2 + e);
            for (unsigned half = 0; half < 2; ++half) {
                float& sum = product.sums[j * 4 + half * 2 + e];
                sum = static_cast<float>((product.adds ? sum : 0.0) + dot(rows[half], column));
            }
        }
}

template <int left>
void wait_for_products() {
    engine.products[Machine::current().number()].finish(left, add_product);
}
template <class T>
void pin(T& /*value*/) {}

template <int count>
void take_registers() {}
template <int count>
void give_registers() {}

}  // namespace convscope::cuda::device
