#include <cstdlib>
#include <cstring>
#include <new>

#include "memory.h"

namespace convscope::cuda {
namespace {

constexpr std::size_t alignment = 1024;

void* allocate(std::size_t bytes) {
    void* const data = std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
    if (data == nullptr) throw std::bad_alloc();
    return data;
}

}  // namespace

DeviceMemory::DeviceMemory(std::size_t bytes) : data_(allocate(bytes)) { std::memset(data_, 0xFF, bytes); }
DeviceMemory::DeviceMemory(const void* from, std::size_t bytes) : data_(allocate(bytes)) {
    if (bytes > 0) std::memcpy(data_, from, bytes);
}
DeviceMemory::~DeviceMemory() { std::free(data_); }
void DeviceMemory::copy_to(void* to, std::size_t bytes) const {
    if (bytes > 0) std::memcpy(to, data_, bytes);
}

}  // namespace convscope::cuda
