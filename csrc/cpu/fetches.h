// What the tiles of a group ask for while they multiply, so that it is there when its turn comes: a cache line per step, or two
// where there is one tile only. First weights, then inputs of what follows.
#pragma once

#include "cpu/kernels.h"

namespace convscope::CONVSCOPE_ISA {

inline constexpr index line_floats = 16;

class Fetches {
  public:
    Fetches(const PanelTask& task, index number, index panel_columns)
        : inputs_(task.next_inputs), in_cache_(task.groups[number].weights) {
        const Group& group = task.groups[number];
        index depth = 0;
        for (const Run* run = group.runs; run != group.runs + group.run_count; ++run) depth += run->length;
        tile_floats_ = depth * line_floats;
        const bool is_last = number + 1 == task.group_count;
        weights_ = is_last ? task.next_weights : task.groups[number + 1].weights;
        if (weights_ != nullptr) left_ = is_last ? task.next_floats : depth * panel_columns;
    }

    bool needs_two_lines() const { return left_ > tile_floats_; }

    // Where the next tile's begin; where it knows of nothing to fetch, what is there already.
    const float* next() {
        const float*& from = left_ > 0 ? weights_ : inputs_;
        left_ -= tile_floats_;
        if (from == nullptr) return in_cache_;
        const float* const place = from;
        from += tile_floats_;
        return place;
    }

  private:
    const float* weights_;
    const float* inputs_;
    const float* in_cache_;
    index left_ = 0, tile_floats_;
};

}  // namespace convscope::CONVSCOPE_ISA
