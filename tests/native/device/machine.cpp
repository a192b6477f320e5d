#include "machine.h"

#include <algorithm>

namespace convscope::device {
namespace {

Machine* running_machine = nullptr;

}  // namespace

Machine& Machine::current() { return *running_machine; }

Machine::Machine(Place grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& kernel,
                 unsigned cluster_blocks)
    : kernel_(kernel), grid_(grid), threads_(threads), fibers_(std::size_t{threads} * cluster_blocks), shared_(cluster_blocks) {
    for (Shared& shared : shared_) {
        shared.bytes.resize(shared_bytes + 1024);
        const auto address = reinterpret_cast<std::uintptr_t>(shared.bytes.data());
        shared.aligned = shared.bytes.data() + (1024 - address % 1024) % 1024;
    }
    for (Fiber& fiber : fibers_) fiber.stack = std::make_unique<unsigned char[]>(stack_bytes);
}

void Machine::launch(Place grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& kernel,
                     unsigned cluster_blocks) {
    if (grid.x % cluster_blocks != 0) throw std::runtime_error("device: a grid that clusters do not divide");
    Machine machine(grid, threads, shared_bytes, kernel, cluster_blocks);
    running_machine = &machine;
    for (unsigned z = 0; z < grid.z; ++z)
        for (unsigned y = 0; y < grid.y; ++y)
            for (unsigned x = 0; x < grid.x; x += cluster_blocks) machine.run_cluster({x, y, z});
    running_machine = nullptr;
}

void Machine::enter() {
    Machine& machine = current();
    machine.kernel_();
    machine.fibers_[machine.running_].is_done = true;
    machine.yield();
}

void Machine::run_cluster(Place first_block) {
    first_block_ = first_block;
    for (Shared& shared : shared_)  // halves and floats that are no numbers
        std::memset(shared.bytes.data(), 0xFF, shared.bytes.size());
    for (Fiber& fiber : fibers_) {
        fiber.is_done = fiber.has_begun = false;
        fiber.warp_waits = fiber.block_waits = fiber.cluster_waits = 0;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = stack_bytes;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, &Machine::enter, 0);
    }
    // One block goes as far ahead of the others as they let it, by turns the first and the last.
    const unsigned blocks = cluster_blocks();
    const bool is_first_fast = first_block.x / blocks % 2 == 0;
    for (unsigned slower = 0; slower < blocks;) slower = go_round(is_first_fast ? slower : blocks - 1 - slower) ? 0 : slower + 1;
    if (!std::all_of(fibers_.begin(), fibers_.end(), [](const Fiber& fiber) { return fiber.is_done; }))
        throw std::runtime_error("device: threads wait for each other in vain");
}

bool Machine::go_round(unsigned rank) {
    bool has_anyone_moved = false;
    for (running_ = rank * threads_; running_ < (rank + 1) * threads_; ++running_) {
        Fiber& fiber = fibers_[running_];
        if (fiber.is_done) continue;
        fiber.has_moved = false;
        go_on(fiber);
        has_anyone_moved |= fiber.has_moved || fiber.is_done;
    }
    return has_anyone_moved;
}

#if defined(__SANITIZE_ADDRESS__)  // follows swapcontext to another stack, and no jump

void Machine::go_on(Fiber& fiber) { swapcontext(&scheduler_, &fiber.context); }
void Machine::yield() { swapcontext(&fibers_[running_].context, &scheduler_); }

#else  // jumps make no system call

void Machine::go_on(Fiber& fiber) {
    if (_setjmp(scheduler_place_) != 0) return;
    if (fiber.has_begun) _longjmp(fiber.place, 1);
    fiber.has_begun = true;
    setcontext(&fiber.context);
}
void Machine::yield() {
    if (_setjmp(fibers_[running_].place) == 0) _longjmp(scheduler_place_, 1);
}

#endif

void Machine::wait_until(const std::function<bool()>& holds) {
    fibers_[running_].has_moved = true;
    while (!holds()) yield();
    fibers_[running_].has_moved = true;
}

void Machine::wait_for(std::size_t Fiber::* waits, unsigned neighbours) {
    const std::size_t wanted = ++(fibers_[running_].*waits);
    const auto first = fibers_.begin() + running_ / neighbours * neighbours;
    wait_until([=] {
        return std::all_of(first, first + neighbours,
                           [=](const Fiber& fiber) { return fiber.is_done || fiber.*waits >= wanted; });
    });
}

}  // namespace convscope::device
