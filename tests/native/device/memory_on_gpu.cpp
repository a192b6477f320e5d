#include <cuda_runtime_api.h>

#include <stdexcept>

#include "memory.h"

namespace convscope::cuda {
namespace {

void check(cudaError_t status) {
    if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
}

void* allocate(std::size_t bytes) {
    void* data = nullptr;
    check(cudaMalloc(&data, bytes > 0 ? bytes : 1));
    return data;
}

}  // namespace

DeviceMemory::DeviceMemory(std::size_t bytes) : data_(allocate(bytes)) { check(cudaMemset(data_, 0xFF, bytes)); }
DeviceMemory::DeviceMemory(const void* from, std::size_t bytes) : data_(allocate(bytes)) {
    check(cudaMemcpy(data_, from, bytes, cudaMemcpyHostToDevice));
}
DeviceMemory::~DeviceMemory() { cudaFree(data_); }
void DeviceMemory::copy_to(void* to, std::size_t bytes) const {
    check(cudaDeviceSynchronize());
    check(cudaMemcpy(to, data_, bytes, cudaMemcpyDeviceToHost));
}

}  // namespace convscope::cuda
