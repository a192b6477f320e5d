// The GPU engine for Python: `_core.CudaPlan`s run on device memory that the caller has.
#include "bindings/cuda_run.h"
#include "cuda/check.h"

namespace convscope::bindings {
namespace {

// 13000 for 13.0; 0 without a driver.
int driver_version() {
    int version = 0;
    cuda::check(cudaDriverGetVersion(&version), "driver version");
    return version;
}

// This thread's device, until the end of a scope.
class DeviceGuard {
  public:
    explicit DeviceGuard(int device) {
        cuda::check(cudaGetDevice(&before_), "device");
        cuda::check(cudaSetDevice(device), "device");
    }
    DeviceGuard(const DeviceGuard&) = delete;
    DeviceGuard& operator=(const DeviceGuard&) = delete;
    ~DeviceGuard() { cudaSetDevice(before_); }

  private:
    int before_ = 0;
};

}  // namespace
}  // namespace convscope::bindings

PYBIND11_MODULE(_cuda, module) {
    using namespace convscope::bindings;
    module.doc() = "The compiled GPU engine of convscope. Private: use convscope.Probe.";
    pybind11::module_::import("convscope._core");  // whose plans it takes
    module.attr("toolkit_version") = CUDART_VERSION;
    module.attr("architectures") = CONVSCOPE_CUDA_ARCHITECTURES;
    module.def("driver_version", &driver_version);
    define_run(module, [](int device, const auto& call) {
        const DeviceGuard guard(device);
        call();
    });
}
