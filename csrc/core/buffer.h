// An owned, cache-line aligned block of floats. Large blocks ask for huge pages: packed weights are streamed once per
// call, and 4 kB pages cost that stream a page walk every 32 cache lines.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "core/ops/conv_block.h"

namespace convscope {

class FloatBuffer {
  public:
    FloatBuffer() = default;
    explicit FloatBuffer(index count) { reset(count); }

    // Room for `count` floats, uninitialised; keeps the block when it is already large enough.
    void reserve(index count) {
        if (count > count_) reset(count);
    }

    float* data() { return block_.get(); }
    const float* data() const { return block_.get(); }
    index size() const { return count_; }
    index bytes() const { return count_ * static_cast<index>(sizeof(float)); }

  private:
    struct Free {
        void operator()(float* block) const { std::free(block); }
    };

    void reset(index count) {
        constexpr std::size_t line = 64, huge_page = std::size_t{1} << 21;
        const std::size_t wanted = static_cast<std::size_t>(count) * sizeof(float);
        const std::size_t alignment = wanted >= huge_page ? huge_page : line;
        const std::size_t bytes = (wanted + alignment - 1) / alignment * alignment;
        block_.reset();
        count_ = 0;
        if (bytes == 0) return;
        void* block = std::aligned_alloc(alignment, bytes);
        if (block == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
        if (alignment == huge_page) madvise(block, bytes, MADV_HUGEPAGE);  // advice: a refusal changes nothing
#endif
        block_.reset(static_cast<float*>(block));
        count_ = count;
    }

    std::unique_ptr<float, Free> block_;
    index count_ = 0;
};

}  // namespace convscope
