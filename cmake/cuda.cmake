# The GPU engine: an extension of its own with a static runtime, built where nvcc is found.

set(is_built OFF)
if(CONVSCOPE_CUDA)  # neither OFF nor any other word for it
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(is_built ON)
  elseif(NOT CONVSCOPE_CUDA STREQUAL AUTO)
    message(FATAL_ERROR "CONVSCOPE_CUDA=${CONVSCOPE_CUDA}: expected nvcc, found none (CUDACXX says where it is)")
  endif()
endif()
message(STATUS "convscope: GPU engine ${is_built} (CONVSCOPE_CUDA=${CONVSCOPE_CUDA})")

if(is_built)
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 80-virtual 90a-real)
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)

  add_library(convscope_cuda_hopper OBJECT csrc/cuda/launch_hopper.cu)
  set_target_properties(convscope_cuda_hopper PROPERTIES CUDA_ARCHITECTURES 90a-real)
  add_library(convscope_cuda_kernels STATIC
    csrc/cuda/launch.cu csrc/cuda/run.cpp $<TARGET_OBJECTS:convscope_cuda_hopper>)
  foreach(target convscope_cuda_hopper convscope_cuda_kernels)
    # The compiler's report of registers and spills is read by tests/gpu/test_build.py.
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-O3;--expt-relaxed-constexpr;-Xptxas=-v>)
    target_link_libraries(${target} PUBLIC convscope_cuda_host CUDA::cudart_static)
  endforeach()

  pybind11_add_module(_cuda MODULE csrc/bindings/cuda_module.cpp)
  target_link_libraries(_cuda PRIVATE convscope_cuda_kernels)
  list(JOIN CMAKE_CUDA_ARCHITECTURES "," architectures)
  target_compile_definitions(_cuda PRIVATE CONVSCOPE_CUDA_ARCHITECTURES="${architectures}")
  install(TARGETS _cuda DESTINATION convscope)
endif()
