// A stand-in for a GPU: one block of threads at a time, each a fiber of this thread, so that device sources can be tested
// without one. Threads run until they wait for each other; whoever waits for what never comes is reported. What it cannot
// show: races between threads, and time.
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

    // Runs `kernel` for every block of a grid, with so many threads and bytes of shared memory each. Throws when threads wait
    // for each other in vain.
    static void launch(Place grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& kernel);

    static Machine& current();
    Place thread() const { return {running_, 0, 0}; }
    Place block() const { return block_; }
    Place grid() const { return grid_; }
    unsigned thread_count() const { return static_cast<unsigned>(fibers_.size()); }
    unsigned char* shared() { return shared_aligned_; }

    // Until all threads of the block, or of the warp, have come here as often.
    void wait_for_block();
    void wait_for_warp();
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
        std::size_t block_waits = 0, warp_waits = 0;
        unsigned char message[2][64];  // by turns: nobody is two calls ahead of another lane
    };

    Machine(Place grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& kernel);
    void run_block(Place block);
    static void enter();
    void go_on(Fiber& fiber);  // until it waits or is done

    static constexpr std::size_t stack_bytes = 24 * 1024;
    const std::function<void()>& kernel_;
    Place grid_, block_;
    std::vector<Fiber> fibers_;
    std::vector<unsigned char> shared_;
    unsigned char* shared_aligned_ = nullptr;
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
