#include "core/planning.h"

#include <utility>

#include "core/error.h"
#include "core/panels.h"
#include "core/scatter.h"
#include "core/spectral.h"

namespace convscope {
namespace {

bool is_spectral(const Layer& layer) { return layer.form == Form::spectral; }

bool is_scatter(const Layer& layer, const Kernels& kernels) {
    return layer.form == Form::scatter || (layer.form == Form::automatic && prefers_scatter(layer.block, kernels.tile_columns));
}

// Strips read all weights of the spectral layer once per strip: they must stay in a cache that threads share.
bool suits_strips(const Layer& layer) {
    constexpr index most_floats = index{2} << 20;
    const ConvBlock& block = layer.block;
    return is_spectral(layer) && layer.window <= 2 * block_rows &&
           layer.window * block.step * block.in_channels * block.phases * block.out_channels <= most_floats;
}

std::unique_ptr<SpectralPlan> plan_spectral(const Layer& layer, bool for_strips, const Kernels& kernels) {
    const Bfloat16Kernels* bfloat16 = layer.bfloat16 ? bfloat16_kernels(kernels.isa) : nullptr;
    require(!layer.bfloat16 || bfloat16 != nullptr, "bfloat16", "expected a processor with AVX512_BF16 and the kernels for ",
            "avx512, got the kernels for ", name(kernels.isa));
    return std::make_unique<SpectralPlan>(layer.block, layer.epilogue, layer.weights, layer.window, for_strips, kernels,
                                          bfloat16);
}

std::unique_ptr<Operation> plan(const Layer& layer, const Kernels& kernels) {
    require(!layer.bfloat16 || is_spectral(layer), "bfloat16", "expected the spectral form");
    if (is_spectral(layer)) return plan_spectral(layer, false, kernels);
    if (is_scatter(layer, kernels)) return std::make_unique<ScatterPlan>(layer.block, layer.epilogue, layer.weights, kernels);
    return std::make_unique<PanelPlan>(layer.block, layer.epilogue, layer.weights, kernels);
}

// Plans two layers together where they suit strips, and returns whether they did.
bool plan_in_strips(const Layer& layer, const Layer& next, const Kernels& kernels, Stage& stage, Stage& next_stage) {
    constexpr index most_inputs_per_block = 256, most_cheap_products = 64;
    if (suits_strips(layer) && is_scatter(next, kernels)) {
        auto first = plan_spectral(layer, true, kernels);
        index block_windows = std::max<index>(most_inputs_per_block / first->window_positions(), 1);
        while (first->strip_windows() % block_windows != 0) --block_windows;
        auto second = std::make_unique<ScatterPlan>(next.block, next.epilogue, next.weights, kernels,
                                                    block_windows * first->window_positions());
        stage.with_next = std::make_unique<SpectralThenScatter>(*first, *second, next.block.in_length);
        stage.operation = std::move(first);
        next_stage.operation = std::move(second);
        return true;
    }
    const bool is_cheap = !is_spectral(layer) && !is_scatter(layer, kernels) && layer.block.phases == 1 &&
                          layer.block.in_channels * static_cast<index>(layer.block.taps.size()) <= most_cheap_products;
    if (!is_cheap || !suits_strips(next)) return false;
    auto second = plan_spectral(next, true, kernels);
    // Inputs that no window reads would make the last strip longer than the others.
    if (next.block.in_length > (second->windows() + 1) * second->window_rows() * next.block.step) return false;
    auto first = std::make_unique<PanelPlan>(layer.block, layer.epilogue, layer.weights, kernels);
    stage.with_next = std::make_unique<PanelsThenSpectral>(*first, *second, next.block.in_length);
    stage.operation = std::move(first);
    next_stage.operation = std::move(second);
    return true;
}

}  // namespace

std::vector<Stage> plan_stages(std::vector<Layer>& layers, const Kernels& kernels) {
    std::vector<Stage> stages;
    stages.reserve(layers.size());
    for (const Layer& layer : layers) stages.push_back({layer.block, layer.epilogue, nullptr, nullptr});
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const bool is_planned = stages[i].operation != nullptr;
        if (!is_planned &&
            !(i + 1 < layers.size() && plan_in_strips(layers[i], layers[i + 1], kernels, stages[i], stages[i + 1])))
            stages[i].operation = plan(layers[i], kernels);
        layers[i].weights = {};
    }
    return stages;
}

}  // namespace convscope
