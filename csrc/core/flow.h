// How a batch flows through the layers: each takes as many samples at once as its weights are worth reading for, and no
// more, so that the maps between two layers stay in a cache. A layer with few rows per sample and many weights waits until
// enough samples have come; one with many rows passes them on a few at a time.
#pragma once

#include <span>
#include <vector>

#include "core/stage.h"

namespace convscope {

// The buffers of one call, independent of its batch beyond a point.
struct Workspace {
    std::vector<FloatBuffer> maps;  // by layer: its input; empty inside strips
    FloatBuffer partials;           // of the layers that run together
    FloatBuffer shared;
    std::vector<FloatBuffer> scratch;  // by worker

    // Room for `batch` samples of these layers on so many threads; returns its size in floats.
    index reserve(const std::vector<Stage>& stages, index batch, index thread_count, bool only_count = false);
};

class Flow {
  public:
    Flow(const std::vector<Stage>& stages, Workspace& workspace, Team& team, index thread_count, std::span<float* const> series);

    // input (B, L, P) contiguous; fills the series (B, K, M).
    void run(const float* input, index batch);

  private:
    // A layer, or two in strips, and the samples on their way through it.
    struct State {
        std::size_t layer;
        index at_once;    // samples it takes at a time
        index first = 0;  // place in its input buffer of the samples that wait
        index waiting = 0;
        index done = 0;
    };

    void feed(const float* input, index count);
    void advance(std::size_t number, bool to_the_end);
    void run_layers(std::size_t number, index count);
    void fold(std::size_t layer, const float* partial, index done, index count);

    const std::vector<Stage>& stages_;
    Workspace& workspace_;
    Team& team_;
    std::span<float* const> series_;
    std::vector<State> states_;
};

}  // namespace convscope
