// A team of threads that lives for one call: no global pool, so concurrent calls do not meet and a process may fork between
// calls. Starting a thread (about 20 us) is small beside the milliseconds of a network.
//
// Work is handed out one task at a time from a shared counter, and the caller waits for tasks, never for threads: one that
// got no core in time has nothing to do, and goes when it notices. A static split was measured to fall to a sixth of one
// thread's speed when another process held one of the cores.
#pragma once

#include <functional>
#include <memory>

#include "core/ops/conv_block.h"

namespace convscope {

class Team {
  public:
    using Body = std::function<void(index task, index worker)>;

    explicit Team(index thread_count);
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    // Of threads, if all could be started.
    index size() const { return size_; }

    // Calls body(task, worker) for every task in 0 .. task_count - 1 and returns when all are done. The caller is worker 0.
    // The first exception that a body throws is rethrown here after the others have finished.
    void run(index task_count, const Body& body);

  private:
    struct State;
    std::shared_ptr<State> state_;
    index size_;
};

}  // namespace convscope
