#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "cpu/hog/kernel.hpp"
#include "math/orientation.hpp"

// For the tests only: the arithmetic of csrc/math, function by function, and the vector form of
// each decision.
namespace py = pybind11;

namespace {

using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;

void vector_bins(const float* gx, const float* gy, int64_t count, int orientations,
                 bool four_digits, int32_t* bins) {
  EF_DISPATCH(orientation_bins, gx, gy, count, orientations, four_digits, bins);
}

py::array_t<int32_t> orientation_bins(const Floats& gx, const Floats& gy, int orientations,
                                      bool four_digits, bool vector) {
  py::array_t<int32_t> bins(gx.size());
  if (vector) {
    vector_bins(gx.data(), gy.data(), gx.size(), orientations, four_digits, bins.mutable_data());
  } else {
    const auto table = ef::make_orientation_table(orientations, four_digits);
    for (py::ssize_t i = 0; i < gx.size(); ++i)
      bins.mutable_data()[i] = ef::orientation_bin(gx.data()[i], gy.data()[i], table);
  }
  return bins;
}

py::array_t<float> angle_of_cosine(const Floats& cosine) {
  py::array_t<float> angle(cosine.size());
  for (py::ssize_t i = 0; i < cosine.size(); ++i)
    angle.mutable_data()[i] = ef::angle_of_cosine(cosine.data()[i]);
  return angle;
}

}  // namespace

PYBIND11_MODULE(_probe, m) {
  m.def("set_cpu_level", &ef::set_cpu_level);  // its own copy: modules share no state
  m.def("orientation_bins", &orientation_bins);
  m.def("angle_of_cosine", &angle_of_cosine);
}
