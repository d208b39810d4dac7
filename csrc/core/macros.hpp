#pragma once

// Functions of csrc/math are compiled by the C++ and by the CUDA compiler.
#if defined(__CUDACC__)
#define EF_HD __host__ __device__
#else
#define EF_HD
#endif

#define EF_RESTRICT __restrict__

// The name of the CPU level a kernel file is compiled for becomes its namespace.
#if defined(EF_LEVEL)
#define EF_LEVEL_BEGIN \
  namespace ef {       \
  namespace EF_LEVEL {
#define EF_LEVEL_END \
  }                  \
  }
#endif
