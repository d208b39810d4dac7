// hog over random shapes, strides and settings, each array exactly as large as it says: what is read or
// written outside of one, AddressSanitizer reports. Each level is compiled as the baseline of its own program.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "ops/hog.hpp"

namespace {

std::mt19937 generator(0);

int64_t draw(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(generator);
}

// (n, c, h, w) in memory of its own: planes, channels last, rows with a margin, or backwards.
struct Array {
  int64_t size[4], stride[4], elements = 1, first = 0;
  Array(int64_t n, int64_t c, int64_t h, int64_t w, int order) {
    const int64_t margin = order == 2 ? draw(1, 40) : 0, row = w + margin;
    const int64_t sizes[4] = {n, c, h, w};
    const int64_t planes[4] = {c * h * row, h * row, row, 1}, last[4] = {h * w * c, 1, w * c, c};
    for (int i = 0; i < 4; ++i) {
      size[i] = sizes[i];
      stride[i] = order == 1 ? last[i] : planes[i];
      elements += (size[i] - 1) * stride[i];
    }
    if (order == 3) {
      first = (h - 1) * stride[2];
      stride[2] = -stride[2];
    }
  }
  template <class T>
  ef::View<T, 4> view(void* memory, size_t item) const {
    ef::View<T, 4> v;
    v.data = static_cast<char*>(memory) + first * static_cast<int64_t>(item);
    for (int i = 0; i < 4; ++i) v.size[i] = size[i], v.stride[i] = stride[i];
    return v;
  }
};

void fill(std::vector<char>& bytes, ef::Dtype dtype) {
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(draw(0, 255));
  if (dtype == ef::Dtype::float32)
    for (size_t i = 0; i < bytes.size() / 4; ++i)
      reinterpret_cast<float*>(bytes.data())[i] = static_cast<float>(draw(0, 255)) / 7;
  if (dtype == ef::Dtype::float64)
    for (size_t i = 0; i < bytes.size() / 8; ++i)
      reinterpret_cast<double*>(bytes.data())[i] = static_cast<double>(draw(0, 255)) / 7;
}

bool run_once() {
  ef::HogArgs a{};
  a.cell = draw(0, 1) ? 8 : draw(1, 17);
  a.orientations = static_cast<int>(draw(0, 1) ? 9 : draw(1, 20));
  a.variant = static_cast<ef::HogVariant>(draw(0, 2));
  a.bilinear = a.variant != ef::HogVariant::dpm && draw(0, 1);
  a.threads = static_cast<int>(draw(1, 3));
  a.image_dtype = static_cast<ef::Dtype>(draw(0, 2));
  const int64_t n = draw(1, 3), c = draw(0, 1) ? 1 : draw(2, 5), h = draw(1, 90),
                w = draw(0, 1) ? draw(1, 60) : draw(200, 600);
  const ef::HogShape shape = ef::hog_shape(h, w, a.cell, a.orientations, a.variant);
  if (shape.height < 1 || shape.width < 1) return false;

  const Array image(n, c, h, w, static_cast<int>(draw(0, 3)));
  const size_t item = a.image_dtype == ef::Dtype::uint8     ? 1
                      : a.image_dtype == ef::Dtype::float32 ? 4
                                                            : 8;
  std::vector<char> pixels(static_cast<size_t>(image.elements) * item);
  fill(pixels, a.image_dtype);
  a.image = image.view<const void>(pixels.data(), item);

  const Array out(n, shape.channels, shape.height, shape.width, static_cast<int>(draw(0, 3)));
  const size_t out_item = item == 8 ? 8 : 4;
  std::vector<char> field(static_cast<size_t>(out.elements) * out_item);
  a.out = out.view<void>(field.data(), out_item);

  const std::unique_ptr<char[]> workspace(new char[ef::hog_workspace(a)]);
  a.workspace = workspace.get();
  ef::hog_cpu(a);
  return true;
}

// Whether this processor runs what the program was compiled for.
bool runs_here() {
#if defined(__AVX512VBMI2__)
  return __builtin_cpu_supports("avx512vbmi2");
#elif defined(__AVX512F__)
  return __builtin_cpu_supports("avx512f");
#elif defined(__AVX2__)
  return __builtin_cpu_supports("avx2");
#else
  return true;
#endif
}

}  // namespace

int main(int count, char** values) {
  if (!runs_here()) {
    std::printf("SKIPPED: this processor does not run %s\n", values[0]);
    return 0;
  }
  const int wanted = count > 1 ? std::atoi(values[1]) : 400;
  int done = 0;
  while (done < wanted) done += run_once() ? 1 : 0;
  std::printf("%s: %d calls\n", values[0], done);
}
