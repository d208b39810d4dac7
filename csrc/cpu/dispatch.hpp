#pragma once
#include <string>
#include <vector>

namespace ef {

enum class CpuLevel : int { baseline = 0, avx2 = 1, avx512 = 2, avx512icl = 3 };

const char* name_of(CpuLevel level);

// The levels that this processor (and its operating system) can run, lowest first.
std::vector<CpuLevel> available_levels();

// The level in use: the one set, or that of the environment variable EQUIVFAST_CPU (read at the
// first use), or the highest available one. Both throw std::invalid_argument with the list of
// levels for a name that is not one of them. Setting an empty name returns to the environment's
// choice.
CpuLevel cpu_level();
void set_cpu_level(const std::string& name);

}  // namespace ef

// Calls FUNCTION of the namespace compiled for the level in use.
#if defined(EF_X86_LEVELS)
#define EF_DISPATCH(FUNCTION, ...)                   \
  switch (::ef::cpu_level()) {                       \
    case ::ef::CpuLevel::avx512icl:                  \
      return ::ef::avx512icl::FUNCTION(__VA_ARGS__); \
    case ::ef::CpuLevel::avx512:                     \
      return ::ef::avx512::FUNCTION(__VA_ARGS__);    \
    case ::ef::CpuLevel::avx2:                       \
      return ::ef::avx2::FUNCTION(__VA_ARGS__);      \
    default:                                         \
      return ::ef::baseline::FUNCTION(__VA_ARGS__);  \
  }
#define EF_DECLARE_LEVELS(DECLARATION) \
  namespace ef::baseline {             \
  DECLARATION;                         \
  }                                    \
  namespace ef::avx2 {                 \
  DECLARATION;                         \
  }                                    \
  namespace ef::avx512 {               \
  DECLARATION;                         \
  }                                    \
  namespace ef::avx512icl {            \
  DECLARATION;                         \
  }
#else
#define EF_DISPATCH(FUNCTION, ...) return ::ef::baseline::FUNCTION(__VA_ARGS__)
#define EF_DECLARE_LEVELS(DECLARATION) \
  namespace ef::baseline {             \
  DECLARATION;                         \
  }
#endif
