#include "cpu/hog/kernel.hpp"

#include "cpu/hog/image.hpp"
#include "cpu/hog/table.hpp"
#include "cpu/parallel.hpp"

// From what a call asks for to the code compiled for it.
EF_LEVEL_BEGIN

template <class In, class T, int kColours, int kN, int kCell, bool kBilinear>
void run_hog(const HogArgs& a) {
  const HogPlan plan(a);
  const OrientationTable& table = hog_table(a);
  const size_t bytes = HogScratch<In, T, Bit<T>>::bytes(plan);
  parallel_for(a.image.size[0] * plan.chunks, a.threads, [&](int64_t task, int worker) {
    const int64_t i = task / plan.chunks, first = task % plan.chunks * plan.chunk;
    HogImage<In, T, kColours, kN, kCell, kBilinear> image(
        a, plan, table, static_cast<char*>(a.workspace) + bytes * worker);
    image.run(i, first, std::min(first + plan.chunk, plan.out_rows));
  });
}

template <class In, class T, int kColours, int kN, int kCell>
void run_assignment(const HogArgs& a) {
  a.bilinear ? run_hog<In, T, kColours, kN, kCell, true>(a)
             : run_hog<In, T, kColours, kN, kCell, false>(a);
}

// The most common setting is compiled for itself.
template <class In, class T, int kColours>
void run_setting(const HogArgs& a) {
  a.orientations == 9 && a.cell == 8 ? run_assignment<In, T, kColours, 9, 8>(a)
                                     : run_assignment<In, T, kColours, 0, 0>(a);
}

template <class In>
void run_colours(const HogArgs& a) {
  switch (a.image.size[1]) {
    case 1:
      return run_setting<In, float, 1>(a);
    case 3:
      return run_setting<In, float, 3>(a);
    default:
      return run_setting<In, float, 0>(a);
  }
}

void hog_kernel(const HogArgs& a) {
  switch (a.image_dtype) {
    case Dtype::uint8:
      return run_colours<uint8_t>(a);
    case Dtype::float32:
      return run_colours<float>(a);
    default:
      return run_assignment<double, double, 0, 0, 0>(a);
  }
}

// The vector form of the decision by itself, for the tests.
void orientation_bins(const float* gx, const float* gy, int64_t count, int orientations,
                      bool four_digits, int32_t* bins) {
  const OrientationTable table = make_orientation_table(orientations, four_digits);
  for (int64_t i = 0; i < count; i += kLanes<float>) {
    const int64_t lanes = std::min<int64_t>(count - i, kLanes<float>);
    float x[kLanes<float>] = {}, y[kLanes<float>] = {};
    std::copy_n(gx + i, lanes, x);
    std::copy_n(gy + i, lanes, y);
    const Folded<float> f = folded<float>(load(x), load(y));
    const Bits<float> bin =
        (orientations == 9 ? folded_bins<9>(f, table) : folded_bins<0>(f, table)) +
        (f.turned & orientations);
    for (int64_t l = 0; l < lanes; ++l) bins[i + l] = bin[l] == 2 * orientations ? 0 : bin[l];
  }
}

EF_LEVEL_END
