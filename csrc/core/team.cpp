#include "core/team.h"

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "core/error.h"

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

constexpr std::uint64_t end_of_team = 1, next_round = 2;
constexpr std::uint64_t most_tasks = 0xFFFFFFFF;

}  // namespace

// Shared with the threads, which may outlive the team by the moment they take to notice its end.
struct Team::State {
    std::atomic<std::uint64_t> round{0};  // odd when the team has ended
    // The round in the upper half, the number of tasks that nobody has claimed in the lower: a late thread cannot claim a
    // task of another round than it reads here, and a claimed task keeps its round, and what belongs to it, in place.
    std::atomic<std::uint64_t> open{0};
    std::atomic<index> done{0};
    const Body* body = nullptr;
    index task_count = 0;
    std::mutex failure_mutex;
    std::exception_ptr failure;

    void serve(index worker) {
        std::uint64_t seen = 0;
        while (true) {
            wait_until(round, [seen](std::uint64_t now) { return now != seen; });
            seen = round.load(std::memory_order_acquire);
            if (seen & end_of_team) return;
            work(worker);
        }
    }

    // How many tasks were unclaimed before this thread took one; 0 when there is none to take.
    index claim() {
        std::uint64_t seen = open.load(std::memory_order_acquire);
        while ((seen & most_tasks) != 0)
            if (open.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire)) break;
        return static_cast<index>(seen & most_tasks);
    }

    void work(index worker) {
        while (const index unclaimed = claim()) {
            const index count = task_count, task = count - unclaimed;
            try {
                (*body)(task, worker);
            } catch (...) {
                std::lock_guard lock(failure_mutex);
                if (!failure) failure = std::current_exception();
            }
            if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == count) done.notify_all();
        }
    }
};

Team::Team(index thread_count) : state_(std::make_shared<State>()), size_(thread_count) {
    try {
        for (index worker = 1; worker < thread_count; ++worker)
            std::thread([state = state_, worker] { state->serve(worker); }).detach();
    } catch (...) {  // NOLINT(bugprone-empty-catch)
        // No more threads or memory for them: a smaller team gives the same bits, only later.
    }
}

Team::~Team() {
    state_->round.fetch_add(end_of_team, std::memory_order_release);
    state_->round.notify_all();
}

void Team::run(index task_count, const Body& body) {
    if (task_count <= 0) return;
    require(static_cast<std::uint64_t>(task_count) <= most_tasks, "team", "expected at most ", most_tasks, " tasks, got ",
            task_count);
    State& state = *state_;
    state.body = &body;
    state.task_count = task_count;
    state.done.store(0, std::memory_order_relaxed);
    const std::uint64_t round = state.round.load(std::memory_order_relaxed) + next_round;
    state.open.store(round << 32 | static_cast<std::uint64_t>(task_count), std::memory_order_release);
    state.round.store(round, std::memory_order_release);
    state.round.notify_all();
    state.work(0);
    wait_until(state.done, [task_count](index done) { return done == task_count; });
    if (state.failure) std::rethrow_exception(std::exchange(state.failure, nullptr));
}

}  // namespace convscope
