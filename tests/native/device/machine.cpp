#include "machine.h"

#include <algorithm>

namespace convscope::device {
namespace {

Machine* running_machine = nullptr;

}  // namespace

Machine& Machine::current() { return *running_machine; }

Machine::Machine(Place grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& kernel)
    : kernel_(kernel), grid_(grid), fibers_(threads), shared_(shared_bytes + 1024) {
    const auto address = reinterpret_cast<std::uintptr_t>(shared_.data());
    shared_aligned_ = shared_.data() + (1024 - address % 1024) % 1024;
    for (Fiber& fiber : fibers_) fiber.stack = std::make_unique<unsigned char[]>(stack_bytes);
}

void Machine::launch(Place grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& kernel) {
    Machine machine(grid, threads, shared_bytes, kernel);
    running_machine = &machine;
    for (unsigned z = 0; z < grid.z; ++z)
        for (unsigned y = 0; y < grid.y; ++y)
            for (unsigned x = 0; x < grid.x; ++x) machine.run_block({x, y, z});
    running_machine = nullptr;
}

void Machine::enter() {
    Machine& machine = current();
    machine.kernel_();
    machine.fibers_[machine.running_].is_done = true;
    swapcontext(&machine.fibers_[machine.running_].context, &machine.scheduler_);
}

void Machine::run_block(Place block) {
    block_ = block;
    std::memset(shared_.data(), 0xFF, shared_.size());  // halves and floats that are no numbers
    for (Fiber& fiber : fibers_) {
        fiber.is_done = false;
        fiber.block_waits = fiber.warp_waits = 0;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = stack_bytes;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, &Machine::enter, 0);
    }
    while (true) {
        bool is_anyone_left = false, has_anyone_moved = false;
        for (running_ = 0; running_ < fibers_.size(); ++running_) {
            Fiber& fiber = fibers_[running_];
            if (fiber.is_done) continue;
            is_anyone_left = true;
            fiber.has_moved = false;
            swapcontext(&scheduler_, &fiber.context);
            has_anyone_moved |= fiber.has_moved || fiber.is_done;
        }
        if (!is_anyone_left) return;
        if (!has_anyone_moved) throw std::runtime_error("device: threads of a block wait for each other in vain");
    }
}

void Machine::yield() { swapcontext(&fibers_[running_].context, &scheduler_); }

void Machine::wait_for_block() {
    Fiber& me = fibers_[running_];
    const std::size_t wanted = ++me.block_waits;
    me.has_moved = true;
    while (!std::all_of(fibers_.begin(), fibers_.end(),
                        [wanted](const Fiber& fiber) { return fiber.is_done || fiber.block_waits >= wanted; }))
        yield();
    me.has_moved = true;
}

void Machine::wait_for_warp() {
    Fiber& me = fibers_[running_];
    const std::size_t wanted = ++me.warp_waits;
    me.has_moved = true;
    const auto first = fibers_.begin() + running_ / warp_size * warp_size;
    while (!std::all_of(first, first + warp_size, [wanted](const Fiber& fiber) { return fiber.warp_waits >= wanted; })) yield();
    me.has_moved = true;
}

}  // namespace convscope::device
