// Chooses the vector form for the instruction set this source is being compiled for (CONVSCOPE_ISA, set by CMake).
//
// Everything below is in a namespace of its own per instruction set, and kernel sources include nothing that defines
// inline functions of a shared namespace (no <algorithm>, no <vector>): the linker keeps one copy of those, and it might
// be the AVX-512 one on a machine without it.
#pragma once

#define CONVSCOPE_ISA_baseline 0
#define CONVSCOPE_ISA_neon 1
#define CONVSCOPE_ISA_avx2 2
#define CONVSCOPE_ISA_avx512 3
#define CONVSCOPE_JOIN_(a, b) a##b
#define CONVSCOPE_JOIN(a, b) CONVSCOPE_JOIN_(a, b)
#define CONVSCOPE_ISA_NUMBER CONVSCOPE_JOIN(CONVSCOPE_ISA_, CONVSCOPE_ISA)

#if CONVSCOPE_ISA_NUMBER == CONVSCOPE_ISA_avx512
#include "cpu/simd/vec_avx512.h"
#elif CONVSCOPE_ISA_NUMBER == CONVSCOPE_ISA_avx2
#include "cpu/simd/vec_avx2.h"
#elif CONVSCOPE_ISA_NUMBER == CONVSCOPE_ISA_neon
#include "cpu/simd/vec_neon.h"
#else
#include "cpu/simd/vec_scalar.h"
#endif
