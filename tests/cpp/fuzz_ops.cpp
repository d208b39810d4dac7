// Runs the CPU ops over random shapes, strides and settings. It looks at no result: a sanitizer
// watches. Every array is allocated to the element, and the workspace is full of garbage, so that
// one step too far is seen.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "fuzz.hpp"
#include "ops/feature_transform.hpp"
#include "ops/hog.hpp"
#include "ops/skimage_hog.hpp"

namespace {

using fuzz::Array;
using fuzz::Random;
using fuzz::Workspace;

template <class T>
void fuzz_hog_backward(Random& random, ef::HogArgs args, const int64_t (&shape)[4],
                       const int64_t (&out_size)[4]) {
  const Array<T> grad_out(random, out_size, true), grad_image(random, shape, false);
  args.out.data = nullptr;
  ef::HogGradients back{args, grad_out.constant(), grad_image.view};
  const Workspace workspace(ef::hog_backward_workspace(back));
  back.forward.workspace = workspace.memory.get();
  ef::hog_backward_cpu(back);
}

template <class In, class Out>
void fuzz_hog(Random& random, ef::Dtype dtype) {
  ef::HogArgs args{};
  args.cell = random.integer(1, random.coin() ? 20 : 5);
  args.orientations = static_cast<int>(random.integer(0, 19) ? random.integer(1, 16) : 128);
  if (random.coin()) {  // what is compiled for itself
    args.cell = 8;
    args.orientations = 9;
  }
  args.variant = static_cast<ef::HogVariant>(random.integer(0, 2));
  args.bilinear = args.variant != ef::HogVariant::dpm && random.coin();
  const int64_t least =
      args.variant == ef::HogVariant::dpm ? (5 * args.cell + 1) / 2 : (args.cell + 1) / 2;
  // The kernel works in strips of 31 blocks: some images are wide enough for one that touches neither
  // edge.
  const int64_t extra = random.coin() ? 12 : (args.cell <= 8 ? 80 : 20) * args.cell;
  const int64_t shape[4] = {random.integer(0, 3), random.integer(1, 4),
                            random.integer(least, least + std::min<int64_t>(extra, 60)),
                            random.integer(least, least + extra)};
  const ef::HogShape out_shape =
      ef::hog_shape(shape[2], shape[3], args.cell, args.orientations, args.variant);
  const int64_t out_size[4] = {shape[0], out_shape.channels, out_shape.height, out_shape.width};
  const Array<In> image(random, shape, true);
  Array<Out> out(random, out_size, false);
  args.padded = random.coin();
  if (args.padded) out.pad(out_size);
  args.image = image.constant();
  args.image_dtype = dtype;
  args.out = out.view;
  args.threads = static_cast<int>(random.integer(1, 3));
  const Workspace workspace(ef::hog_workspace(args));
  args.workspace = workspace.memory.get();
  ef::hog_cpu(args);
  if (std::is_same<In, Out>::value) fuzz_hog_backward<Out>(random, args, shape, out_size);
}

template <class In>
void fuzz_skimage_hog(Random& random, ef::Dtype dtype) {
  ef::SkimageHogCells cells{};
  const bool common = random.coin();  // what is compiled for itself
  cells.orientations = common ? 9 : static_cast<int>(random.integer(1, 40));
  cells.cell_rows = random.integer(1, random.coin() ? 16 : 3);
  cells.cell_columns = common ? 8 : random.integer(1, random.coin() ? 16 : 3);
  const int64_t rows = random.integer(1, 5), columns = random.integer(1, random.coin() ? 5 : 20);
  const int64_t shape[4] = {
      1, random.coin() ? 1 : random.integer(1, 4),
      rows * cells.cell_rows + random.integer(0, cells.cell_rows - 1),
      columns * cells.cell_columns + random.integer(0, cells.cell_columns - 1)};
  const Array<In> image(random, shape, true);
  cells.image.data = image.view.data;
  for (int axis = 0; axis < 3; ++axis) {
    cells.image.size[axis] = shape[axis + 1];
    cells.image.stride[axis] = image.view.stride[axis + 1];
  }
  cells.image_dtype = dtype;
  cells.pitch = ef::skimage_hog_pitch(columns, cells.orientations);
  const std::unique_ptr<float[]> histogram(new float[static_cast<size_t>(rows * cells.pitch)]);
  cells.histogram = histogram.get();
  cells.threads = static_cast<int>(random.integer(1, 3));
  const Workspace workspace(ef::skimage_hog_cells_workspace(cells));
  cells.workspace = workspace.memory.get();
  ef::skimage_hog_cells_cpu(cells);

  ef::SkimageHogBlocks blocks{};
  blocks.histogram = cells.histogram;
  blocks.pitch = cells.pitch;
  blocks.rows = rows;
  blocks.columns = columns;
  blocks.orientations = cells.orientations;
  blocks.block_rows = random.integer(1, std::min<int64_t>(rows, 4));
  blocks.block_columns = random.integer(1, std::min<int64_t>(columns, 4));
  blocks.norm = static_cast<ef::BlockNorm>(random.integer(0, 3));
  const bool wide = random.coin();
  blocks.out_dtype = wide ? ef::Dtype::float64 : ef::Dtype::float32;
  const int64_t count = (rows - blocks.block_rows + 1) * (columns - blocks.block_columns + 1) *
                        blocks.block_rows * blocks.block_columns * blocks.orientations;
  const std::unique_ptr<char[]> out(new char[static_cast<size_t>(count * (wide ? 8 : 4))]);
  blocks.out = out.get();
  blocks.threads = cells.threads;
  const Workspace more(ef::skimage_hog_blocks_workspace(blocks));
  blocks.workspace = more.memory.get();
  ef::skimage_hog_blocks_cpu(blocks);
}

struct Csr {
  std::vector<int64_t> columns, rows{0};
  Csr(Random& random, int64_t d, int64_t width) {
    for (int64_t r = 0; r < d; ++r) {
      for (int64_t count = width ? random.integer(0, 4) : 0; count > 0; --count)
        columns.push_back(random.integer(0, width - 1));
      rows.push_back(static_cast<int64_t>(columns.size()));
    }
  }
};

// Few channels and any, or as many as fill vectors; filters, sources and sizes of all kinds.
template <class T>
void fuzz_feature_transform(Random& random, ef::Dtype dtype) {
  const auto channels = [&] {
    return random.integer(0, 3) ? random.integer(0, 5) : random.integer(6, 67);
  };
  const int64_t n = random.integer(0, 3), c = channels(), h = random.integer(1, 9),
                w = random.integer(1, 9);
  const int64_t d = channels(), H = random.integer(0, 9),
                W = random.coin() ? random.integer(0, 9) : random.integer(60, 140);
  const int64_t taps = random.integer(1, 6), m = random.coin() ? 1 : 2 * random.integer(0, 3) + 1,
                width = c * m * m;
  std::vector<int64_t> index(static_cast<size_t>(H * W * taps));
  for (int64_t& source : index) source = random.integer(-1, h * w - 1);
  const Csr csr(random, d, width);
  const bool sparse = random.coin();
  const int64_t count = sparse ? static_cast<int64_t>(csr.columns.size()) : d * width;
  const auto mix = random.values<T>(count), weight = random.values<T>(H * W * taps),
             bias = random.values<T>(d);
  const int64_t x_size[4] = {n, c, h, w}, out_size[4] = {n, d, H, W};
  Array<T> x(random, x_size, true), out(random, out_size, false), grad_out(random, out_size, true),
      grad_x(random, x_size, false);
  // Fields in cells are read and written where they lie.
  for (auto* field : {&x, &grad_x})
    if (random.coin()) field->lay_in_cells(random, x_size);
  for (auto* field : {&out, &grad_out})
    if (random.coin()) field->lay_in_cells(random, out_size);
  auto grad_mix = random.values<T>(count), grad_weight = random.values<T>(H * W * taps),
       grad_bias = random.values<T>(d);
  // An empty vector's data may be null, which would say "dense".
  static const int64_t nothing = 0;
  const int64_t* columns = csr.columns.empty() ? &nothing : csr.columns.data();
  ef::FeatureTransformArgs args{
      x.constant(),
      dtype,
      index.data(),
      random.coin() ? weight.data() : nullptr,
      taps,
      {mix.data(), sparse ? columns : nullptr, sparse ? csr.rows.data() : nullptr, count, m},
      random.coin() ? bias.data() : nullptr,
      out.view,
      nullptr,
      static_cast<int>(random.integer(1, 3))};
  const Workspace workspace(ef::feature_transform_workspace(args));
  args.workspace = workspace.memory.get();
  ef::feature_transform_cpu(args);

  args.out.data = nullptr;
  ef::FeatureTransformGradients back{args,
                                     grad_out.constant(),
                                     grad_x.view,
                                     random.coin() ? grad_weight.data() : nullptr,
                                     random.coin() ? grad_mix.data() : nullptr,
                                     random.coin() ? grad_bias.data() : nullptr};
  if (random.coin()) back.grad_x.data = nullptr;
  const Workspace more(ef::feature_transform_backward_workspace(back));
  back.forward.workspace = more.memory.get();
  ef::feature_transform_backward_cpu(back);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  for (int round = 0; round < rounds; ++round) {
    Random random(static_cast<uint64_t>(round));
    fuzz_hog<uint8_t, float>(random, ef::Dtype::uint8);
    fuzz_hog<float, float>(random, ef::Dtype::float32);
    fuzz_hog<double, double>(random, ef::Dtype::float64);
    fuzz_skimage_hog<uint8_t>(random, ef::Dtype::uint8);
    fuzz_skimage_hog<float>(random, ef::Dtype::float32);
    fuzz_skimage_hog<double>(random, ef::Dtype::float64);
    fuzz_feature_transform<float>(random, ef::Dtype::float32);
    fuzz_feature_transform<double>(random, ef::Dtype::float64);
    fuzz::moments(random);
    fuzz::pose_argmax(random);
  }
  std::printf("%d rounds\n", rounds);
}
