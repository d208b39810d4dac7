#include <pybind11/stl.h>

#include <array>

#include "bindings/arguments.hpp"
#include "core/errors.hpp"
#include "cpu/dispatch.hpp"
#include "cpu/memory.hpp"
#include "cpu/parallel.hpp"
#include "ops/cuda.hpp"
#include "ops/feature_transform.hpp"
#include "ops/hog.hpp"
#include "ops/moments.hpp"
#include "ops/pose_argmax.hpp"
#include "ops/skimage_hog.hpp"

// Pointers, shapes and strides in; views out; the GIL released around each run. Python keeps the
// tensors alive, allocates outputs, and has checked shapes and dtypes before it comes here.
namespace py = pybind11;

namespace {

// Ctrl-C between tasks: Python's handler runs, and if it raised, the kernel stops.
bool interrupted() {
  py::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

template <class Run>
void without_gil(const Run& run) {
  try {
    py::gil_scoped_release released;
    run();
  } catch (const ef::Interrupted&) {
    throw py::error_already_set();
  }
}
template <class Args, void (*run)(const Args&)>
void run_without_gil(const Args& args) {
  without_gil([&] { run(args); });
}

void bind_hog(py::module_& m) {
  using ef::HogArgs;
  m.def("hog_shape", [](int64_t h, int64_t w, int64_t cell, int orientations, int variant) {
    const auto s = ef::hog_shape(h, w, cell, orientations, static_cast<ef::HogVariant>(variant));
    return py::make_tuple(s.channels, s.height, s.width);
  });
  // One call for all of it: every way between Python and C++ costs as much as a thousand pixels.
  m.def("hog", [](uintptr_t image, int dtype, const Dims& shape, const Dims& stride, uintptr_t out,
                  const Dims& out_shape, const Dims& out_stride, int64_t cell, int orientations,
                  int variant, bool bilinear, bool padded, int threads) {
    HogArgs args{view<const void>(image, shape, stride),
                 static_cast<ef::Dtype>(dtype),
                 view<void>(out, out_shape, out_stride),
                 cell,
                 orientations,
                 static_cast<ef::HogVariant>(variant),
                 bilinear,
                 padded,
                 nullptr,
                 threads};
    const ef::Workspace workspace(ef::hog_workspace(args));
    args.workspace = workspace.get();
    run_without_gil<HogArgs, ef::hog_cpu>(args);
  });
  m.def("hog_backward", [](uintptr_t image, int dtype, const Dims& shape, const Dims& stride,
                           uintptr_t grad_out, const Dims& out_shape, const Dims& out_stride,
                           uintptr_t grad_image, const Dims& grad_stride, int64_t cell,
                           int orientations, int variant, bool bilinear, int threads) {
    ef::HogGradients args{{view<const void>(image, shape, stride),
                           static_cast<ef::Dtype>(dtype),
                           {},
                           cell,
                           orientations,
                           static_cast<ef::HogVariant>(variant),
                           bilinear,
                           false,
                           nullptr,
                           threads},
                          view<const void>(grad_out, out_shape, out_stride),
                          view<void>(grad_image, shape, grad_stride)};
    const ef::Workspace workspace(ef::hog_backward_workspace(args));
    args.forward.workspace = workspace.get();
    run_without_gil<ef::HogGradients, ef::hog_backward_cpu>(args);
  });
}

// Cells; the pixels that the caller has to settle; blocks.
void bind_skimage_hog(py::module_& m) {
  using ef::SkimageHogBlocks;
  using ef::SkimageHogCells;
  using Dims3 = Numbers<3>;
  m.def("skimage_hog_pitch", &ef::skimage_hog_pitch);
  m.def("skimage_hog_cells", [](uintptr_t image, int dtype, const Dims3& shape, const Dims3& stride,
                                int orientations, int64_t cell_rows, int64_t cell_columns,
                                uintptr_t histogram, int64_t pitch, int threads) {
    SkimageHogCells args{view<const void>(image, shape, stride),
                         static_cast<ef::Dtype>(dtype),
                         orientations,
                         cell_rows,
                         cell_columns,
                         pointer<float>(histogram),
                         pitch,
                         nullptr,
                         threads};
    const ef::Workspace workspace(ef::skimage_hog_cells_workspace(args));
    args.workspace = workspace.get();
    std::vector<ef::UndecidedPixel> undecided;
    without_gil([&] { undecided = ef::skimage_hog_cells_cpu(args); });
    return py::bytes(reinterpret_cast<const char*>(undecided.data()),
                     undecided.size() * sizeof(ef::UndecidedPixel));
  });
  m.def("skimage_hog_blocks", [](uintptr_t histogram, int64_t pitch, int64_t rows, int64_t columns,
                                 int orientations, int64_t block_rows, int64_t block_columns,
                                 int norm, uintptr_t out, int out_dtype, int threads) {
    SkimageHogBlocks args{pointer<const float>(histogram),
                          pitch,
                          rows,
                          columns,
                          orientations,
                          block_rows,
                          block_columns,
                          static_cast<ef::BlockNorm>(norm),
                          pointer(out),
                          static_cast<ef::Dtype>(out_dtype),
                          nullptr,
                          threads};
    const ef::Workspace workspace(ef::skimage_hog_blocks_workspace(args));
    args.workspace = workspace.get();
    run_without_gil<SkimageHogBlocks, ef::skimage_hog_blocks_cpu>(args);
  });
}

// x, its dtype, sizes and strides; index, weight and their number of sources; then the mix: values, columns,
// row pointers, number of values, m; bias.
ef::FeatureTransformArgs transform_args(uintptr_t x, int dtype, const Dims& shape,
                                        const Dims& stride, const Numbers<3>& sources,
                                        const Numbers<6>& mix, int threads) {
  return {view<const void>(x, shape, stride),
          static_cast<ef::Dtype>(dtype),
          pointer<const int64_t>(sources.of[0]),
          pointer(sources.of[1]),
          sources.of[2],
          {pointer(mix.of[0]), pointer<const int64_t>(mix.of[1]), pointer<const int64_t>(mix.of[2]),
           mix.of[3], mix.of[4]},
          pointer(mix.of[5]),
          {},
          nullptr,
          threads};
}

void bind_feature_transform(py::module_& m) {
  m.def("feature_transform", [](uintptr_t x, int dtype, const Dims& shape, const Dims& stride,
                                const Numbers<3>& sources, const Numbers<6>& mix, uintptr_t out,
                                const Dims& out_shape, const Dims& out_stride, int threads) {
    auto args = transform_args(x, dtype, shape, stride, sources, mix, threads);
    args.out = view<void>(out, out_shape, out_stride);
    const ef::Workspace workspace(ef::feature_transform_workspace(args));
    args.workspace = workspace.get();
    run_without_gil<ef::FeatureTransformArgs, ef::feature_transform_cpu>(args);
  });
  // `grads`: of mix, weight and bias, each 0 where it is not wanted.
  m.def("feature_transform_backward",
        [](uintptr_t x, int dtype, const Dims& shape, const Dims& stride, const Numbers<3>& sources,
           const Numbers<6>& mix, uintptr_t grad_out, const Dims& out_shape, const Dims& out_stride,
           uintptr_t grad_x, const Dims& grad_stride, const Numbers<3>& grads, int threads) {
          ef::FeatureTransformGradients args{
              transform_args(x, dtype, shape, stride, sources, mix, threads),
              view<const void>(grad_out, out_shape, out_stride),
              view<void>(grad_x, shape, grad_stride),
              pointer(grads.of[1]),
              pointer(grads.of[0]),
              pointer(grads.of[2])};
          const ef::Workspace workspace(ef::feature_transform_backward_workspace(args));
          args.forward.workspace = workspace.get();
          run_without_gil<ef::FeatureTransformGradients, ef::feature_transform_backward_cpu>(args);
        });
}

// kind: route, tile, rank, blocks of clusters; at: in the order of PANELS in ops/_pose_panels.py; bounds: leak,
// departure, mix_length, coarse_error.
ef::PosePanels pose_panels(const Numbers<4>& kind, const Numbers<13>& at,
                           const std::array<double, 4>& bounds) {
  return {static_cast<ef::PoseRoute>(kind.of[0]),
          pointer<const float>(at.of[0]),
          pointer<const double>(at.of[1]),
          pointer<const double>(at.of[2]),
          pointer<const float>(at.of[3]),
          pointer<const float>(at.of[4]),
          kind.of[1],
          pointer<const float>(at.of[5]),
          pointer<const float>(at.of[6]),
          bounds[0],
          bounds[1],
          bounds[2],
          kind.of[2],
          pointer<const int64_t>(at.of[7]),
          pointer<const float>(at.of[8]),
          pointer<const float>(at.of[9]),
          pointer<const float>(at.of[10]),
          kind.of[3],
          pointer<const int16_t>(at.of[11]),
          pointer<const float>(at.of[12]),
          bounds[3]};
}

// prior and mask: their stride between images behind them; positions: stride and number too. out: score, pose, y, x
// and rescored.
void bind_pose_argmax(py::module_& m) {
  using ef::PoseArgmaxArgs;
  m.def("pose_argmax",
        [](uintptr_t features, const Dims& shape, const Dims& stride, const Numbers<3>& bank,
           uintptr_t bias, const Numbers<4>& kind, const Numbers<13>& panels,
           const std::array<double, 4>& bounds, const Numbers<2>& prior, const Numbers<2>& mask,
           const Numbers<3>& positions, bool over_image, int64_t top_k, double suppression,
           uintptr_t neighbours, double threshold, int64_t budget, const Numbers<5>& out,
           int threads) {
          PoseArgmaxArgs args{view<const float>(features, shape, stride),
                              bank.of[0],
                              bank.of[1],
                              bank.of[2],
                              pose_panels(kind, panels, bounds),
                              pointer<const float>(bias),
                              pointer<const float>(prior.of[0]),
                              prior.of[1],
                              pointer<const uint8_t>(mask.of[0]),
                              mask.of[1],
                              pointer<const int64_t>(positions.of[0]),
                              positions.of[1],
                              positions.of[2],
                              over_image,
                              top_k,
                              suppression,
                              pointer<const uint8_t>(neighbours),
                              threshold,
                              pointer<float>(out.of[0]),
                              pointer<int64_t>(out.of[1]),
                              pointer<int64_t>(out.of[2]),
                              pointer<int64_t>(out.of[3]),
                              budget,
                              pointer<int64_t>(out.of[4]),
                              nullptr,
                              threads};
          const ef::Workspace workspace(ef::pose_argmax_workspace(args));
          args.workspace = workspace.get();
          run_without_gil<PoseArgmaxArgs, ef::pose_argmax_cpu>(args);
        });
}

// y: its (n, channels) and their strides; its used cells and their number; its sums. moved: for each x the same, then
// index, weight, the number of sources, and the sums of x, x x^T and x y^T.
void bind_moments(py::module_& m) {
  m.def("moments",
        [](uintptr_t y, const Numbers<2>& shape, const Numbers<2>& stride, const Numbers<2>& used,
           const Numbers<2>& sums, const std::vector<Numbers<11>>& moved) {
          ef::MomentsArgs args{view<const float>(y, shape, stride),
                               pointer<const int64_t>(used.of[0]),
                               used.of[1],
                               pointer<double>(sums.of[0]),
                               pointer<double>(sums.of[1]),
                               {},
                               nullptr};
          for (const auto& [of] : moved)
            args.moved.push_back({{pointer<const float>(of[0]), {of[1], of[2]}, {of[3], of[4]}},
                                  pointer<const int64_t>(of[5]),
                                  pointer<const float>(of[6]),
                                  of[7],
                                  pointer<double>(of[8]),
                                  pointer<double>(of[9]),
                                  pointer<double>(of[10])});
          const ef::Workspace workspace(ef::moments_workspace(args));
          args.workspace = workspace.get();
          run_without_gil<ef::MomentsArgs, ef::moments_cpu>(args);
        });
}

py::dict build() {
  py::list levels;
  for (auto level : ef::available_levels()) levels.append(ef::name_of(level));
  py::dict info;
  info["compiler"] = EF_COMPILER;
  info["cpu_level"] = ef::name_of(ef::cpu_level());
  info["cpu_levels"] = levels;
  info["cuda"] = static_cast<bool>(EF_HAS_CUDA);
  info["cuda_architectures"] = EF_CUDA_ARCHITECTURES;
  return info;
}

py::tuple cuda_devices() {
  std::string problem;
  py::list devices;
  for (const auto& device : ef::cuda_devices(&problem))
    devices.append(py::make_tuple(device.name, device.compute_capability, device.memory_bytes,
                                  device.compiled_for));
  return py::make_tuple(devices, problem);
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  m.doc() = "equivfast's kernels: pointers in, numbers out. Use equivfast.ops.";
  ef::set_interrupt_check(&interrupted);
  m.def("build", &build);
  m.def("set_cpu_level", &ef::set_cpu_level);
  m.def("cuda_devices", &cuda_devices);
  m.def("advise_huge_pages",
        [](uintptr_t memory, size_t bytes) { ef::advise_huge_pages(pointer(memory), bytes); });
  bind_hog(m);
  bind_feature_transform(m);
  bind_pose_argmax(m);
  bind_skimage_hog(m);
  bind_moments(m);
}
