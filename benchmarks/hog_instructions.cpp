// Calls hog on one image, for hog_instructions.py: CASE CALLS prints the nanoseconds of the fastest call and
// the clock in GHz.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cpu/memory.hpp"
#include "ops/hog.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A chain of additions, one a cycle.
double gigahertz() {
  constexpr long kSteps = 4'000'000;
  long x = 1;
  const auto start = Clock::now();
  for (long i = 0; i < kSteps; ++i) asm volatile("add %0, %0" : "+r"(x));
  return kSteps / seconds_since(start) / 1e9;
}

template <class T>
ef::View<T, 4> dense(void* data, int64_t c, int64_t h, int64_t w) {
  ef::View<void, 4> v;
  const int64_t size[4] = {1, c, h, w}, stride[4] = {c * h * w, h * w, w, 1};
  v.data = data;
  std::copy_n(size, 4, v.size);
  std::copy_n(stride, 4, v.stride);
  return v.cast<T>();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto is = [&](const char* name) { return std::strstr(argv[1], name) != nullptr; };
  const int calls = std::atoi(argv[2]);
  const int64_t h = 480, w = 640, colours = is("rgb") ? 3 : 1;
  ef::HogArgs args{};
  args.cell = 8;
  args.orientations = 9;
  args.threads = 1;
  args.bilinear = is("bilinear");
  args.variant = is("dalal-triggs") ? ef::HogVariant::dalal_triggs : ef::HogVariant::uoctti;
  args.image_dtype = is("uint8") ? ef::Dtype::uint8 : ef::Dtype::float32;
  const ef::HogShape shape = ef::hog_shape(h, w, args.cell, args.orientations, args.variant);
  const auto count = static_cast<size_t>(shape.channels * shape.height * shape.width);
  std::vector<float> pixels(static_cast<size_t>(colours * h * w)), out(count), grad(count, 0.5f);
  std::vector<uint8_t> bytes(pixels.size());
  std::vector<float> grad_pixels(pixels.size());
  for (size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = bytes[i] = static_cast<uint8_t>(std::rand() >> 8);
  void* image = is("uint8") ? static_cast<void*>(bytes.data()) : pixels.data();
  args.image = dense<const void>(image, colours, h, w);
  args.out = dense<void>(out.data(), shape.channels, shape.height, shape.width);
  ef::HogGradients back{args,
                        dense<const void>(grad.data(), shape.channels, shape.height, shape.width),
                        dense<void>(grad_pixels.data(), colours, h, w)};
  const bool backward = is("backward");
  double fastest = 1e9;
  for (int i = 0; i < calls; ++i) {
    const auto start = Clock::now();
    const ef::Workspace workspace(backward ? ef::hog_backward_workspace(back)
                                           : ef::hog_workspace(args));
    args.workspace = back.forward.workspace = workspace.get();
    backward ? ef::hog_backward_cpu(back) : ef::hog_cpu(args);
    fastest = std::min(fastest, seconds_since(start));
  }
  double clock = 0;  // the fastest of several, as of the calls
  for (int i = 0; i < calls / 100; ++i) clock = std::max(clock, gigahertz());
  std::printf("%.0f %.3f\n", fastest * 1e9, clock);
}
