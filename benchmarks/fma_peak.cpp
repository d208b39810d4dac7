// Fused multiply-adds in registers: what the arithmetic of a core can do at most. Compiled by fma_peak.py.
#if defined(__AVX512F__)
typedef float Vector __attribute__((vector_size(64)));
#else
typedef float Vector __attribute__((vector_size(32)));
#endif

constexpr int kSums = 12;  // more than latency times ports of current cores, and fewer than registers

// kSums * steps vector operations of two operations a number; returns numbers of a vector.
extern "C" int fma_run(long steps, float factor, float offset, float* out) {
  constexpr int lanes = sizeof(Vector) / sizeof(float);
  Vector sum[kSums];
  for (int k = 0; k < kSums; ++k) sum[k] = Vector{} + offset * k;
  const Vector a = Vector{} + factor, b = Vector{} + offset;
  for (long step = 0; step < steps; ++step) {
#pragma GCC unroll 12
    for (int k = 0; k < kSums; ++k) sum[k] = sum[k] * a + b;
  }
  Vector total{};
  for (int k = 0; k < kSums; ++k) total += sum[k];
  *out = total[0];
  return kSums * lanes;
}
