#include "core/isa.h"

#include <algorithm>
#include <cstdlib>

#include "core/error.h"

namespace convscope {

const char* name(Isa isa) {
    switch (isa) {
        case Isa::neon: return "neon";
        case Isa::avx2: return "avx2";
        case Isa::avx512: return "avx512";
        case Isa::baseline: break;
    }
    return "baseline";
}

std::vector<Isa> available_isas() {
    std::vector<Isa> isas{Isa::baseline};
#ifdef CONVSCOPE_HAS_avx2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) isas.push_back(Isa::avx2);
#endif
#ifdef CONVSCOPE_HAS_avx512
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        isas.push_back(Isa::avx512);
#endif
#ifdef CONVSCOPE_HAS_neon
    isas.push_back(Isa::neon);  // part of every ARMv8-A processor
#endif
    return isas;
}

bool has_bfloat16([[maybe_unused]] Isa isa) {
#ifdef CONVSCOPE_HAS_avx512_bf16
    return isa == Isa::avx512 && __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

Isa selected_isa() {
    const std::vector<Isa> isas = available_isas();
    const char* wanted = std::getenv("CONVSCOPE_ISA");
    if (wanted == nullptr || *wanted == '\0') return isas.back();
    const auto found = std::find_if(isas.begin(), isas.end(), [&](Isa isa) { return name(isa) == std::string(wanted); });
    if (found != isas.end()) return *found;
    std::string here;
    for (Isa isa : isas) here += (here.empty() ? "" : ", ") + std::string(name(isa));
    throw_invalid("CONVSCOPE_ISA", "expected one of ", here, " (what this build and processor can run), got '", wanted, "'");
}

}  // namespace convscope
