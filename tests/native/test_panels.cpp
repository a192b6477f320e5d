// What a panel product takes besides packed weights: differences made on the way, sums that are there already, an epilogue alone.
#include <bit>
#include <cstdint>
#include <string>

#include "checks.h"
#include "cpu/kernels.h"

namespace convscope {
namespace {

// A panel product of two groups of runs.
struct Multiply {
    static constexpr index row_floats = 100;
    static constexpr Run runs[4] = {{3, 5}, {40, 37}, {90, 1}, {0, 29}};
    static constexpr index depths[2] = {5 + 37, 1 + 29};

    const Kernels& kernels;
    index rows;
    Floats inputs, sums_before;
    Floats minuends[2], subtrahends[2], packed[2], room[2];  // of the groups, (depth, tile_columns)

    Multiply(const Kernels& kernels, index rows)
        : kernels(kernels),
          rows(rows),
          inputs(random_values(rows * row_floats)),
          sums_before(random_values(rows * kernels.tile_columns)) {
        for (index g = 0; g < 2; ++g) {
            const index count = depths[g] * kernels.tile_columns;
            minuends[g] = random_values(count), subtrahends[g] = random_values(count), room[g].resize(count, nothing);
            for (index i = 0; i < count; ++i) packed[g].push_back(minuends[g][i] - subtrahends[g][i]);
        }
    }

    Floats sums(bool adds, bool first_on_the_way, bool second_on_the_way) {
        std::vector<Group> groups;
        for (index g = 0; g < 2; ++g)
            if (g == 0 ? first_on_the_way : second_on_the_way)
                groups.push_back(
                    {&runs[2 * g], 2, minuends[g].data(), kernels.tile_columns, subtrahends[g].data(), room[g].data()});
            else
                groups.push_back({&runs[2 * g], 2, packed[g].data(), kernels.tile_columns});
        std::vector<const float*> row_pointers;
        for (index i = 0; i < rows; ++i) row_pointers.push_back(inputs.data() + i * row_floats);
        Floats result = sums_before;
        PanelTask task{};
        task.rows = row_pointers.data();
        task.row_count = rows;
        task.groups = groups.data();
        task.group_count = 2;
        task.adds = adds;
        task.scratch = result.data();
        task.scratch_row_stride = kernels.tile_columns;
        kernels.conv_panel(task);
        return result;
    }

    Values exact(bool adds) const {
        Values result(sums_before.size());
        for (std::size_t i = 0; i < result.size() && adds; ++i) result[i] = sums_before[i];
        for (index row = 0; row < rows; ++row)
            for (index g = 0; g < 2; ++g) {
                const float* weights = packed[g].data();
                for (const Run& run : {runs[2 * g], runs[2 * g + 1]})
                    for (index k = run.offset; k < run.offset + run.length; ++k, weights += kernels.tile_columns)
                        for (index c = 0; c < kernels.tile_columns; ++c)
                            result[row * kernels.tile_columns + c] +=
                                static_cast<double>(inputs[row * row_floats + k]) * weights[c];
            }
        return result;
    }
};

// Weights that are differences, taken on the way, give the bits of differences that were packed.
void check_differences_on_the_way(const Kernels& kernels) {
    for (index rows = 1; rows <= 20; ++rows)
        for (const bool adds : {false, true}) {
            Multiply multiply(kernels, rows);
            const std::string what = std::string(name(kernels.isa)) + " product of " + std::to_string(rows) + " rows";
            const Floats wanted = multiply.sums(adds, false, false);
            Error error;
            error.add(Values(wanted.begin(), wanted.end()), multiply.exact(adds));
            expect(error.relative() <= 1e-6, what + ": off by " + std::to_string(error.relative()));
            expect(multiply.sums(adds, true, false) == wanted, what + ": other bits with a difference first");
            expect(multiply.sums(adds, false, true) == wanted, what + ": other bits with a difference second");
            expect(multiply.sums(adds, true, true) == wanted, what + ": other bits with differences");
        }
}

// The epilogue of sums that are there already, and of those that conv_panel makes itself.
void check_finish(const Kernels& kernels) {
    const index rows = 11, width = kernels.tile_columns, columns = width - 3;
    const Run run{0, 20};
    const Floats inputs = random_values(rows * run.length), weights = random_values(run.length * width);
    const Floats bias = random_values(width), slope = random_values(width);
    const Group group{&run, 1, weights.data(), width};
    const Epilogue epilogue{Activation::leaky_relu, 1.5f, Reduction::mean, false, 1};
    std::vector<const float*> row_pointers;
    for (index i = 0; i < rows; ++i) row_pointers.push_back(inputs.data() + i * run.length);
    const auto finished = [&](bool at_once) {
        Floats sums(rows * width), map(rows * columns), partial(rows);
        std::vector<float*> out;
        for (index i = 0; i < rows; ++i) out.push_back(i == 4 ? nullptr : map.data() + i * columns);
        PanelTask task{};
        task.rows = row_pointers.data();
        task.row_count = rows;
        task.groups = &group;
        task.group_count = 1;
        task.bias = bias.data();
        task.columns = columns;
        task.slope = slope.data();
        task.scratch = sums.data();
        task.scratch_row_stride = width;
        task.out_rows = out.data();
        task.partial = partial.data();
        task.partial_row_stride = 1;
        if (at_once) task.epilogue = &epilogue;
        kernels.conv_panel(task);
        task.epilogue = &epilogue;
        if (!at_once) kernels.finish_panel(task);
        map.insert(map.end(), partial.begin(), partial.end());
        return map;
    };
    Values wanted(rows * columns + rows);
    for (index i = 0; i < rows; ++i)
        for (index c = 0; c < columns; ++c) {
            double total = bias[c];
            for (index k = 0; k < run.length; ++k) total += static_cast<double>(row_pointers[i][k]) * weights[k * width + c];
            const double y = 1.5 * (total < 0 ? slope[c] * total : total);
            wanted[i * columns + c] = i == 4 ? 0.0 : y;
            wanted[rows * columns + i] += y;  // the planner divides
        }
    const Floats found = finished(false);
    Error error;
    error.add(Values(found.begin(), found.end()), wanted);
    expect(error.relative() <= 1e-6, std::string(name(kernels.isa)) + " finish_panel off by " + std::to_string(error.relative()));
    expect(found == finished(true), std::string(name(kernels.isa)) + " finish_panel: other bits than conv_panel's own");
}

}  // namespace
}  // namespace convscope

int main() {
    for (convscope::Isa isa : convscope::available_isas()) {
        convscope::check_differences_on_the_way(convscope::kernels(isa));
        convscope::check_finish(convscope::kernels(isa));
    }
    return convscope::report();
}
