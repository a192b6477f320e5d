// Memory of the device that a test runs on: a GPU's, or on the stand-in machine the host's.
#pragma once

#include <cstddef>

namespace convscope::cuda {

class DeviceMemory {
  public:
    explicit DeviceMemory(std::size_t bytes);  // every byte 0xFF: floats and halves that are no numbers
    DeviceMemory(const void* from, std::size_t bytes);
    ~DeviceMemory();
    DeviceMemory(DeviceMemory&& other) noexcept : data_(other.data_) { other.data_ = nullptr; }
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;
    DeviceMemory& operator=(DeviceMemory&&) = delete;

    void copy_to(void* to, std::size_t bytes) const;  // after everything that was launched
    std::byte* data() const { return static_cast<std::byte*>(data_); }
    float* floats() const { return static_cast<float*>(data_); }

  private:
    void* data_;
};

}  // namespace convscope::cuda
