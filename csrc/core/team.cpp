#include "core/team.h"

#include <utility>

namespace convscope {
namespace {

// Some 100 us of looking before sleeping: a layer of one sample takes longer than a wake-up (50 us), so a sleeper would be late
// for the next one. Yielding between looks gives a stolen core back to whoever holds the work.
constexpr int looks_before_sleep = 20000;

template <class T, class Predicate>
void wait_until(const std::atomic<T>& value, Predicate is_reached) {
    for (int look = 0; look < looks_before_sleep; ++look) {
        if (is_reached(value.load(std::memory_order_acquire))) return;
        if (look % 64 == 63) std::this_thread::yield();
    }
    for (T seen = value.load(std::memory_order_acquire); !is_reached(seen); seen = value.load(std::memory_order_acquire))
        value.wait(seen, std::memory_order_acquire);
}

constexpr unsigned end_of_team = 1;

}  // namespace

Team::Team(index thread_count) {
    workers_.reserve(static_cast<std::size_t>(thread_count - 1));
    try {
        for (index worker = 1; worker < thread_count; ++worker) workers_.emplace_back([this, worker] { serve(worker); });
    } catch (...) {  // NOLINT(bugprone-empty-catch)
        // No more threads or memory for them: a smaller team gives the same bits, only later.
    }
}

Team::~Team() {
    round_.fetch_add(end_of_team, std::memory_order_release);
    round_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

void Team::run(index task_count, const Body& body) {
    if (task_count <= 0) return;
    body_ = &body;
    task_count_ = task_count;
    next_task_.store(0, std::memory_order_relaxed);
    busy_workers_.store(static_cast<index>(workers_.size()), std::memory_order_relaxed);
    round_.fetch_add(2, std::memory_order_release);
    round_.notify_all();
    work(0);
    wait_until(busy_workers_, [](index busy) { return busy == 0; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Team::serve(index worker) {
    unsigned seen = 0;
    while (true) {
        wait_until(round_, [seen](unsigned round) { return round != seen; });
        seen = round_.load(std::memory_order_acquire);
        if (seen & end_of_team) return;
        work(worker);
        if (busy_workers_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_workers_.notify_all();
    }
}

void Team::work(index worker) {
    for (index task = next_task_.fetch_add(1); task < task_count_; task = next_task_.fetch_add(1)) {
        try {
            (*body_)(task, worker);
        } catch (...) {
            std::lock_guard lock(failure_mutex_);
            if (!failure_) failure_ = std::current_exception();
        }
    }
}

}  // namespace convscope
