#include "core/stage.h"

#include <cmath>

namespace convscope {

index Stage::partial_floats() const {
    if (epilogue.reduction == Reduction::none) return 0;
    return block.rows() * block.phases * operation->partial_panels() * epilogue.readouts;
}

index Stage::series_floats() const { return epilogue.reduction == Reduction::none ? 0 : block.out_length * epilogue.readouts; }

void Stage::fold(const float* partial, float* series, index first_position, index last_position) const {
    const index readouts = epilogue.readouts, panels = operation->partial_panels();
    const double share = 1.0 / static_cast<double>(block.out_channels);
    for (index position = first_position; position < last_position; ++position)
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
            if (epilogue.reduction == Reduction::mean) total *= share;
            if (epilogue.reduction == Reduction::rms) total = std::sqrt(total * share);
            series[k * block.out_length + position] = static_cast<float>(total);
        }
}

}  // namespace convscope
