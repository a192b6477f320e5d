// A stand-in for a GPU: one block of threads at a time, or one cluster of blocks, each thread a fiber of this one, so that device
// sources can be tested without one. Threads run until they wait for each other; whoever waits for what never comes is reported.
// What it cannot show: races between threads, and time.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace convscope::device {

struct Place {
    unsigned x = 0, y = 0, z = 0;
};

class Machine {
  public:
    static constexpr unsigned warp_size = 32;

    // Runs `kernel` for every block of a grid, with so many threads and bytes of shared memory each; `cluster_blocks` neighbours
    // of a row at a time. Throws when threads wait for each other in vain.
    static void launch(Place grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& kernel,
                       unsigned cluster_blocks = 1);

    static Machine& current();
    Place thread() const { return {running_ % threads_, 0, 0}; }
    Place block() const { return {first_block_.x + rank(), first_block_.y, first_block_.z}; }
    Place grid() const { return grid_; }
    unsigned rank() const { return running_ / threads_; }  // of the block in its cluster
    unsigned cluster_blocks() const { return static_cast<unsigned>(shared_.size()); }
    unsigned number() const { return running_; }  // of the thread in its cluster
    unsigned char* shared() { return shared(rank()); }
    unsigned char* shared(unsigned rank) { return shared_[rank].aligned; }

    // Until all threads of the warp, the block or the cluster have come here as often.
    void wait_for_warp() { wait_for(&Fiber::warp_waits, warp_size); }
    void wait_for_block() { wait_for(&Fiber::block_waits, threads_); }
    void wait_for_cluster() { wait_for(&Fiber::cluster_waits, static_cast<unsigned>(fibers_.size())); }
    // Until it holds; somebody else must see to it.
    void wait_until(const std::function<bool()>& holds);
    // What lane `lane` of this warp passes in the same call; all lanes take part. Of at most 64 bytes.
    template <class T>
    std::array<T, warp_size> exchange(const T& mine);
    void yield();

  private:
    struct Fiber {
        ucontext_t context;
        jmp_buf place;  // where it goes on once it has begun
        bool has_begun = false;
        std::unique_ptr<unsigned char[]> stack;
        bool is_done = false;
        bool has_moved = false;  // since the last round
        std::size_t warp_waits = 0, block_waits = 0, cluster_waits = 0;
        unsigned char message[2][64];  // by turns: nobody is two calls ahead of another lane
    };

    struct Shared {
        std::vector<unsigned char> bytes;
        unsigned char* aligned;
    };

    Machine(Place grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& kernel, unsigned cluster_blocks);
    void run_cluster(Place first_block);
    bool go_round(unsigned rank);  // all threads of a block, each until it waits; whether any came further
    void wait_for(std::size_t Fiber::* waits, unsigned neighbours);
    static void enter();
    void go_on(Fiber& fiber);  // until it waits or is done

    static constexpr std::size_t stack_bytes = 24 * 1024;
    const std::function<void()>& kernel_;
    Place grid_, first_block_;
    unsigned threads_;           // of a block
    std::vector<Fiber> fibers_;  // of a cluster
    std::vector<Shared> shared_;
    ucontext_t scheduler_;
    jmp_buf scheduler_place_;
    unsigned running_ = 0;
};

template <class T>
std::array<T, Machine::warp_size> Machine::exchange(const T& mine) {
    static_assert(sizeof(T) <= sizeof(Fiber::message[0]));
    const std::size_t turn = fibers_[running_].warp_waits % 2;
    std::memcpy(fibers_[running_].message[turn], &mine, sizeof(T));
    wait_for_warp();
    std::array<T, warp_size> all;
    for (unsigned lane = 0; lane < warp_size; ++lane)
        std::memcpy(&all[lane], fibers_[running_ / warp_size * warp_size + lane].message[turn], sizeof(T));
    return all;
}

}  // namespace convscope::device
