#include "core/program.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/panels.h"
#include "core/scatter.h"
#include "core/spectral.h"

namespace convscope {

MapLayout input_layout(const ConvBlock& block) {
    MapLayout layout;
    layout.length = block.in_length;
    layout.channels = block.in_channels;
    // From 64 channels on, one extra cache line per position: rows of a power of two would share one cache set.
    layout.stride = block.in_channels < 64 ? block.in_channels : block.in_channels + 16;
    for (const Tap& tap : block.taps) {
        layout.halo_left = std::max(layout.halo_left, -tap.offset);
        layout.halo_right = std::max(layout.halo_right, (block.rows() - 1) * block.step + tap.offset - block.in_length + 1);
    }
    return layout;
}

namespace {

// Far beyond any sound, and two of them can be multiplied.
constexpr index largest_offset = index{1} << 31, largest_size = index{1} << 31;
constexpr index most_threads = 256;
constexpr index map_slack = 64;  // floats past the last position that a whole panel of columns may touch

void check(const Layer& layer, index number) {
    const ConvBlock& block = layer.block;
    const std::string at = "layer " + std::to_string(number) + ": ";
    const auto wants = [&](bool holds, const auto&... parts) { require(holds, "conv_block", at, parts...); };
    for (index size : {block.in_length, block.in_channels, block.out_length, block.out_channels, block.step, block.phases})
        wants(size < largest_size, "expected sizes below ", largest_size, ", got ", size);
    wants(block.in_length > 0 && block.in_channels > 0, "expected a non-empty input, got length ", block.in_length,
          " and channels ", block.in_channels);
    wants(block.out_length > 0 && block.out_channels > 0, "expected a non-empty output, got length ", block.out_length,
          " and channels ", block.out_channels);
    wants(block.step > 0 && block.phases > 0, "expected step and phases of at least 1, got ", block.step, " and ", block.phases);

    const index matrix = block.in_channels * block.out_channels, kernel = static_cast<index>(layer.weights.kernel.size());
    wants(kernel % matrix == 0, "expected weights (slots, ", block.in_channels, ", ", block.out_channels, "), got ", kernel,
          " values");
    for (const Tap& tap : block.taps) {
        wants(tap.phase >= 0 && tap.phase < block.phases, "expected tap phases below ", block.phases, ", got ", tap.phase);
        wants(tap.slot >= 0 && tap.slot < kernel / matrix, "expected tap slots below ", kernel / matrix, ", got ", tap.slot);
        wants(std::abs(tap.offset) < largest_offset, "expected tap offsets within ", largest_offset, " positions, got ",
              tap.offset);
    }

    const index bias = static_cast<index>(layer.weights.bias.size());
    wants(bias == block.out_channels || bias == block.phases * block.out_channels, "expected a bias of ", block.out_channels,
          " or ", block.phases, " x ", block.out_channels, " values, got ", bias);

    const Epilogue& epilogue = layer.epilogue;
    const index slope = static_cast<index>(layer.weights.slope.size());
    const index slopes = epilogue.activation == Activation::leaky_relu ? block.out_channels : 0;
    wants(slope == slopes, "expected ", slopes, " slopes, got ", slope);
    wants(epilogue.readouts >= 1 && (epilogue.readouts == 1 || epilogue.reduction == Reduction::readout),
          "expected one series unless the reduction is a readout, got ", epilogue.readouts);
    const index readout = static_cast<index>(layer.weights.readout.size());
    const index wanted = epilogue.reduction == Reduction::readout ? epilogue.readouts * block.out_channels : 0;
    wants(readout == wanted, "expected a readout of ", wanted, " values, got ", readout);
}

// A tap that no row finds inside the sample only multiplies zeros; without it the halo is no longer than the map.
void drop_idle_taps(ConvBlock& block) {
    const index last = (block.rows() - 1) * block.step;
    std::erase_if(block.taps, [&](const Tap& tap) { return tap.offset >= block.in_length || last + tap.offset < 0; });
}

std::unique_ptr<Operation> plan(const Layer& layer, const Kernels& kernels) {
    if (layer.form == Form::spectral)
        return std::make_unique<SpectralPlan>(layer.block, layer.epilogue, layer.weights, layer.window, kernels);
    const bool scatter =
        layer.form == Form::scatter || (layer.form == Form::automatic && prefers_scatter(layer.block, kernels.tile_columns));
    if (scatter) return std::make_unique<ScatterPlan>(layer.block, layer.epilogue, layer.weights, kernels);
    return std::make_unique<PanelPlan>(layer.block, layer.epilogue, layer.weights, kernels);
}

void zero_halo(const MapLayout& layout, index batch, float* map) {
    for (index sample = 0; sample < batch; ++sample) {
        std::fill_n(layout.at(map, sample, -layout.halo_left), layout.halo_left * layout.stride, 0.0f);
        std::fill_n(layout.at(map, sample, layout.length), layout.halo_right * layout.stride, 0.0f);
    }
}

// Adds the panels of each position in their order and turns the sum into the series: (K, M) of one sample.
void fold(const ConvBlock& block, const Epilogue& epilogue, index panels, const float* partial, float* series) {
    const index readouts = epilogue.readouts;
    const double channels = static_cast<double>(block.out_channels);
    for (index position = 0; position < block.out_length; ++position)
        for (index k = 0; k < readouts; ++k) {
            const float* of_position = partial + position * panels * readouts + k;
            if (epilogue.reduction == Reduction::max) {
                float top = of_position[0];
                for (index panel = 1; panel < panels; ++panel) top = larger(top, of_position[panel]);
                series[position] = top;
                continue;
            }
            double total = of_position[0];
            for (index panel = 1; panel < panels; ++panel) total += of_position[panel * readouts];
            if (epilogue.reduction == Reduction::mean) total /= channels;
            if (epilogue.reduction == Reduction::rms) total = std::sqrt(total / channels);
            series[k * block.out_length + position] = static_cast<float>(total);
        }
}

}  // namespace

struct Program::Workspace {
    FloatBuffer maps[2];
    FloatBuffer partials;
    FloatBuffer shared;
    std::vector<FloatBuffer> scratch;
};

index Program::Stage::partial_floats() const {
    if (epilogue.reduction == Reduction::none) return 0;
    return block.rows() * block.phases * operation->partial_panels() * epilogue.readouts;
}

Program::Program(std::vector<Layer> layers, Isa isa) : isa_(isa) {
    require(!layers.empty(), "program", "expected at least one layer, got none");
    const Kernels& chosen = kernels(isa);
    for (Layer& layer : layers) {
        const index number = layer_count();
        check(layer, number);
        drop_idle_taps(layer.block);
        if (number > 0) {
            const ConvBlock& before = stages_.back().block;
            require(before.out_length == layer.block.in_length && before.out_channels == layer.block.in_channels, "program",
                    "layer ", number, ": expected an input of ", before.out_length, " positions x ", before.out_channels,
                    " channels, got ", layer.block.in_length, " x ", layer.block.in_channels);
        }
        stages_.push_back({layer.block, layer.epilogue, plan(layer, chosen)});
        layer.weights = {};  // packed now: two copies of a network's weights are one too many
    }
}

Program::~Program() = default;

const char* Program::form(index layer) const {
    require(layer >= 0 && layer < layer_count(), "program", "expected a layer below ", layer_count(), ", got ", layer);
    return stages_[layer].operation->form();
}

index Program::series_floats(index layer) const {
    const Stage& stage = stages_[layer];
    return stage.epilogue.reduction == Reduction::none ? 0 : stage.block.out_length * stage.epilogue.readouts;
}

index Program::weight_bytes() const {
    index total = 0;
    for (const Stage& stage : stages_) total += stage.operation->weight_bytes();
    return total;
}

index Program::map_floats(index parity) const {
    index largest = 0;
    for (std::size_t i = static_cast<std::size_t>(parity); i < stages_.size(); i += 2)
        largest = std::max(largest, stages_[i].operation->input().floats_per_sample());
    return largest;
}

index Program::workspace_bytes(index batch, index thread_count) const {
    index per_sample = map_floats(0) + map_floats(1), scratch = 0, shared = 0;
    for (const Stage& stage : stages_) {
        per_sample += stage.partial_floats();
        scratch = std::max(scratch, stage.operation->scratch_floats());
        shared = std::max(shared, stage.operation->shared_floats(batch));
    }
    return (batch * per_sample + thread_count * scratch + shared) * static_cast<index>(sizeof(float));
}

std::unique_ptr<Program::Workspace> Program::take_workspace() const {
    std::lock_guard lock(workspace_mutex_);
    return spare_workspace_ ? std::move(spare_workspace_) : std::make_unique<Workspace>();
}

void Program::give_workspace(std::unique_ptr<Workspace> workspace) const {
    std::lock_guard lock(workspace_mutex_);
    spare_workspace_ = std::move(workspace);
}

void Program::run(const float* from, index batch, std::span<float* const> series, index thread_count) const {
    require(static_cast<index>(series.size()) == layer_count(), "program", "expected ", layer_count(), " series, got ",
            series.size());
    require(thread_count >= 1, "program", "expected at least one thread, got ", thread_count);
    if (batch == 0) return;
    thread_count = std::min(thread_count, most_threads);

    std::unique_ptr<Workspace> workspace = take_workspace();
    for (index parity : {0, 1}) workspace->maps[parity].reserve(batch * map_floats(parity) + map_slack);
    index partial_floats = 0, scratch_floats = 0, shared_floats = 0;
    for (const Stage& stage : stages_) {
        partial_floats += stage.partial_floats();
        scratch_floats = std::max(scratch_floats, stage.operation->scratch_floats());
        shared_floats = std::max(shared_floats, stage.operation->shared_floats(batch));
    }
    workspace->partials.reserve(batch * partial_floats);
    workspace->shared.reserve(shared_floats);
    if (static_cast<index>(workspace->scratch.size()) < thread_count)
        workspace->scratch.resize(static_cast<std::size_t>(thread_count));
    for (FloatBuffer& scratch : workspace->scratch) scratch.reserve(scratch_floats);

    Team team(thread_count);
    const MapLayout& first = input();
    zero_halo(first, batch, workspace->maps[0].data());
    team.run(batch, [&](index sample, index) {
        for (index position = 0; position < first.length; ++position)
            std::copy_n(from + (sample * first.length + position) * first.channels, first.channels,
                        first.at(workspace->maps[0].data(), sample, position));
    });

    float* partial = workspace->partials.data();
    std::vector<float*> partials;
    for (std::size_t i = 0; i < stages_.size(); ++i) {
        const Stage& stage = stages_[i];
        const bool is_last = i + 1 == stages_.size();
        partials.push_back(stage.partial_floats() > 0 ? partial : nullptr);
        partial += batch * stage.partial_floats();
        float* out = is_last ? nullptr : workspace->maps[(i + 1) % 2].data();
        const MapLayout* out_layout = is_last ? nullptr : &stages_[i + 1].operation->input();
        if (!is_last) zero_halo(*out_layout, batch, out);
        stage.operation->run({&team, batch, workspace->maps[i % 2].data(), out, out_layout, partials[i],
                              workspace->scratch.data(), workspace->shared.data()});
    }

    const index stage_count = layer_count();
    team.run(batch * stage_count, [&](index task, index) {
        const index sample = task / stage_count;
        const std::size_t number = static_cast<std::size_t>(task % stage_count);
        const Stage& stage = stages_[number];
        if (partials[number] == nullptr) return;
        fold(stage.block, stage.epilogue, stage.operation->partial_panels(), partials[number] + sample * stage.partial_floats(),
             series[number] + sample * series_floats(static_cast<index>(number)));
    });
    give_workspace(std::move(workspace));
}

}  // namespace convscope
