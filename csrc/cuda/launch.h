// Starts kernels on the current device. Throws std::runtime_error with the driver's words when one cannot be started.
#pragma once

#include "cuda/calls.h"
#include "cuda/hopper_call.h"
#include "cuda/plan.h"

namespace convscope::cuda {

using Stream = void*;  // a cudaStream_t

void launch(const InputCall& call, Stream stream);
void launch(const LayerCall& call, Precision precision, index width, index tiles, Stream stream);
void launch_window(const LayerCall& call, Precision precision, index shared_bytes, Stream stream);
void launch(const HopperCall& call, Precision precision, Stream stream);
void launch(const FoldCall& call, Stream stream);
void launch(const GatherCall& call, Stream stream);

}  // namespace convscope::cuda
