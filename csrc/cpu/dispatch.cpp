#include "cpu/dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace ef {
namespace {

constexpr int kUnset = -1;
std::atomic<int> chosen{kUnset};

#if defined(EF_X86_LEVELS)
bool runs(CpuLevel level) {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw");
  switch (level) {
    case CpuLevel::baseline:
      return true;
    case CpuLevel::avx2:
      return avx2;
    case CpuLevel::avx512:
      return avx512;
    default:
      return avx512 && __builtin_cpu_supports("avx512vbmi") &&
             __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vnni") &&
             __builtin_cpu_supports("avx512bitalg");
  }
}
#else
bool runs(CpuLevel level) { return level == CpuLevel::baseline; }
#endif

CpuLevel level_named(const std::string& name) {
  std::string known;
  for (auto level : available_levels()) {
    if (name == name_of(level)) return level;
    known += known.empty() ? name_of(level) : std::string(", ") + name_of(level);
  }
  throw std::invalid_argument("EQUIVFAST_CPU must be one of " + known + " on this machine, got '" +
                              name + "'");
}

}  // namespace

const char* name_of(CpuLevel level) {
  constexpr const char* names[] = {"baseline", "avx2", "avx512", "avx512icl"};
  return names[static_cast<int>(level)];
}

std::vector<CpuLevel> available_levels() {
  std::vector<CpuLevel> levels;
  for (auto level : {CpuLevel::baseline, CpuLevel::avx2, CpuLevel::avx512, CpuLevel::avx512icl})
    if (runs(level)) levels.push_back(level);
  return levels;
}

CpuLevel cpu_level() {
  int level = chosen.load(std::memory_order_relaxed);
  if (level == kUnset) {
    const char* wanted = std::getenv("EQUIVFAST_CPU");
    level = static_cast<int>(wanted && *wanted ? level_named(wanted) : available_levels().back());
    chosen = level;
  }
  return static_cast<CpuLevel>(level);
}

void set_cpu_level(const std::string& name) {
  chosen = name.empty() ? kUnset : static_cast<int>(level_named(name));
}

}  // namespace ef
