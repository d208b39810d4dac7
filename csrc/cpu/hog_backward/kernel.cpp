#include "cpu/hog_backward/kernel.hpp"

#include "cpu/hog/table.hpp"
#include "cpu/hog_backward/pixels.hpp"
#include "cpu/parallel.hpp"

// From what a call asks for to the code compiled for it.
EF_LEVEL_BEGIN

template <class T, int kColours, int kN, int kCell, bool kBilinear>
void run_backward(const HogGradients& g) {
  const HogArgs& a = g.forward;
  const BackwardPlan plan(a);
  const OrientationTable& table = hog_table(a);
  const View<const T, 4> grad = g.grad_out.cast<const T>();
  const View<T, 4> out = g.grad_image.cast<T>();
  const size_t bytes = BackwardScratch<T, Bit<T>>::bytes(plan);
  parallel_for(a.image.size[0] * plan.parts, a.threads, [&](int64_t task, int worker) {
    const int64_t i = task / plan.parts, first = task % plan.parts * plan.part;
    const BackwardScratch<T, Bit<T>> scratch(plan,
                                             static_cast<char*>(a.workspace) + bytes * worker);
    PixelGradient<T, kColours, kN, kCell, kBilinear> pixels(a, plan, table, grad, scratch, out);
    pixels.run(i, first, std::min(first + plan.part, plan.h));
  });
}

template <class T, int kColours, int kN, int kCell>
void run_assignment(const HogGradients& g) {
  g.forward.bilinear ? run_backward<T, kColours, kN, kCell, true>(g)
                     : run_backward<T, kColours, kN, kCell, false>(g);
}

// The most common setting is compiled for itself, and for its numbers of channels.
void hog_backward_kernel(const HogGradients& g) {
  const HogArgs& a = g.forward;
  if (a.image_dtype == Dtype::float64) return run_assignment<double, 0, 0, 0>(g);
  if (a.orientations != 9 || a.cell != 8) return run_assignment<float, 0, 0, 0>(g);
  switch (a.image.size[1]) {
    case 1:
      return run_assignment<float, 1, 9, 8>(g);
    case 3:
      return run_assignment<float, 3, 9, 8>(g);
    default:
      return run_assignment<float, 0, 0, 0>(g);
  }
}

EF_LEVEL_END
