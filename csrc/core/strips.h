// Two neighbouring layers in strips: a thread makes a strip of the first one's map and uses it at once, in its core's own
// cache. The map between them is never stored, and the threads meet once per call instead of several times.
#pragma once

#include <memory>

#include "core/panels.h"
#include "core/scatter.h"
#include "core/spectral.h"

namespace convscope {

class Strips {
  public:
    virtual ~Strips() = default;
    // `first` without its output, `second` without its input.
    virtual void run(const Call& first, const Call& second) const = 0;
    virtual index scratch_floats() const = 0;  // per worker
};

// The last layers of a network that speaks: many channels to few.
class SpectralThenScatter final : public Strips {
  public:
    SpectralThenScatter(const SpectralPlan& first, const ScatterPlan& second, index map_length);
    void run(const Call& first, const Call& second) const override;
    index scratch_floats() const override;

  private:
    index strip_positions() const { return first_.strip_windows() * window_positions_; }

    const SpectralPlan& first_;
    const ScatterPlan& second_;
    index map_length_, window_positions_;
};

// The first layers of a network that hears: the samples of a waveform to many channels, cheap enough to make those that two
// strips share twice.
class PanelsThenSpectral final : public Strips {
  public:
    PanelsThenSpectral(const PanelPlan& first, const SpectralPlan& second, index map_length);
    void run(const Call& first, const Call& second) const override;
    index scratch_floats() const override;

  private:
    index window_positions() const;
    index most_positions() const;  // of a strip, those it shares with its neighbours included

    const PanelPlan& first_;
    const SpectralPlan& second_;
    index map_length_;
};

}  // namespace convscope
