// One layer of a program: what it computes and the operation that computes it.
#pragma once

#include <memory>

#include "core/operation.h"
#include "core/strips.h"

namespace convscope {

struct Stage {
    ConvBlock block;
    Epilogue epilogue;
    std::unique_ptr<Operation> operation;
    std::unique_ptr<Strips> with_next;  // runs this layer and the next in strips; null where each runs alone

    // Per sample; 0 where nothing is reduced.
    index partial_floats() const;
    index series_floats() const;

    // Adds the panels of some positions in their order and turns the sums into that part of one sample's series (K, M).
    void fold(const float* partial, float* series, index first_position, index last_position) const;
};

}  // namespace convscope
