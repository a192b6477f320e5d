#include "core/strips.h"

#include <algorithm>

namespace convscope {
namespace {

// A strip's map as a view of one sample, whichever it is.
MapView strip_view(float* map, const MapLayout& layout, index first_position) { return {map, 0, layout.stride, first_position}; }

index divided_up(index value, index by) { return (value + by - 1) / by; }

}  // namespace

SpectralThenScatter::SpectralThenScatter(const SpectralPlan& first, const ScatterPlan& second, index map_length)
    : first_(first), second_(second), map_length_(map_length), window_positions_(first.window_positions()) {}

index SpectralThenScatter::scratch_floats() const {
    return strip_positions() * second_.input().stride + std::max(first_.strip_floats(), second_.scratch_floats());
}

void SpectralThenScatter::run(const Call& first, const Call& second) const {
    const index strips = divided_up(first_.windows(), first_.strip_windows());
    first.team->run(first.batch * strips, [&](index task, index worker) {
        const index sample = task / strips, window = task % strips * first_.strip_windows();
        const index last_window = std::min(window + first_.strip_windows(), first_.windows());
        const index position = window * window_positions_;
        const index last_position = std::min(last_window * window_positions_, map_length_);
        float* const map = first.scratch[worker].data();
        float* const scratch = map + strip_positions() * second_.input().stride;

        Call making = first, using_it = second;
        making.out = using_it.in = strip_view(map, second_.input(), position);
        first_.run_strip(making, sample, window, last_window, scratch);
        second_.scatter(using_it, sample, position / second_.block_inputs(), divided_up(last_position, second_.block_inputs()),
                        scratch);
    });
    second_.finish(second);
}

PanelsThenSpectral::PanelsThenSpectral(const PanelPlan& first, const SpectralPlan& second, index map_length)
    : first_(first), second_(second), map_length_(map_length) {}

index PanelsThenSpectral::window_positions() const { return second_.window_rows() * second_.row_step(); }

index PanelsThenSpectral::most_positions() const {
    const index own = second_.strip_windows() * window_positions(), beyond = map_length_ - second_.windows() * window_positions();
    return own + std::max<index>(beyond, 0) + std::max<index>(-second_.first_input(), 0) +
           std::max<index>(second_.last_input() + 1 - window_positions(), 0);
}

index PanelsThenSpectral::scratch_floats() const {
    return most_positions() * second_.input().stride + std::max(first_.scratch_floats(), second_.strip_floats());
}

void PanelsThenSpectral::run(const Call& first, const Call& second) const {
    const index strips = divided_up(second_.windows(), second_.strip_windows()), stride = second_.input().stride;
    first.team->run(first.batch * strips, [&](index task, index worker) {
        const index sample = task / strips, window = task % strips * second_.strip_windows();
        const index last_window = std::min(window + second_.strip_windows(), second_.windows());
        // The positions that the strip's windows read; of these, those inside the sample, and of those, the strip's own.
        const index own = window * window_positions();
        const index own_end = last_window == second_.windows() ? map_length_ : last_window * window_positions();
        const index begin = own + std::min<index>(second_.first_input(), 0);
        const index end = std::max({begin, own_end, (last_window - 1) * window_positions() + second_.last_input() + 1});
        const index inside = std::clamp<index>(0, begin, end), inside_end = std::clamp(map_length_, inside, end);
        const index made = std::clamp(own, inside, inside_end), made_end = std::clamp(own_end, made, inside_end);
        float* const map = first.scratch[worker].data();
        float* const scratch = map + most_positions() * stride;

        Call making = first, using_it = second;
        making.out = using_it.in = strip_view(map, second_.input(), begin);
        std::fill_n(map, (inside - begin) * stride, 0.0f);
        std::fill_n(making.out.at(0, inside_end), (end - inside_end) * stride, 0.0f);
        first_.run_rows(making, sample, made, made_end, scratch);
        making.partial = nullptr;  // the neighbours' own
        first_.run_rows(making, sample, inside, made, scratch);
        first_.run_rows(making, sample, made_end, inside_end, scratch);
        second_.run_strip(using_it, sample, window, last_window, scratch);
    });
}

}  // namespace convscope
