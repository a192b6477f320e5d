// A network as the engine runs it: planned layers in a row and the series of the probed ones. Maps exist for a few samples
// at a time; the last layer's map is never written.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/flow.h"
#include "core/isa.h"
#include "core/planning.h"

namespace convscope {

class Program {
  public:
    // Checks the layers against each other and packs their weights. Throws std::invalid_argument naming the layer.
    Program(std::vector<Layer> layers, Isa isa);
    ~Program();

    // input (B, L, P) contiguous; series[i] (B, K, M) of layer i, null exactly where its reduction is `none`.
    // May be called from several threads at once.
    void run(const float* input, index batch, std::span<float* const> series, index thread_count) const;

    index layer_count() const { return static_cast<index>(stages_.size()); }
    index workspace_bytes(index batch, index thread_count) const;
    index weight_bytes() const;
    std::vector<index> layer_weight_bytes() const;
    const char* form(index layer) const;  // throws std::invalid_argument when there is no such layer
    Isa isa() const { return isa_; }
    const MapLayout& input() const { return stages_.front().operation->input(); }
    index input_floats() const { return input().length * input().channels; }  // per sample
    index series_floats(index layer) const;                                   // per sample; 0 where nothing is reduced

  private:
    std::unique_ptr<Workspace> take_workspace() const;
    void give_workspace(std::unique_ptr<Workspace> workspace) const;

    Isa isa_;
    std::vector<Stage> stages_;
    mutable std::mutex workspace_mutex_;
    mutable std::unique_ptr<Workspace> spare_workspace_;  // kept between calls: fresh pages cost as much as a layer
};

}  // namespace convscope
