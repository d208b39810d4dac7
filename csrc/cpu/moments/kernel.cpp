#include "cpu/moments/kernel.hpp"

#include "cpu/moments/fill.hpp"
#include "cpu/moments/products.hpp"

// Panel by panel: cells as float64, then their products while they are in the caches.
EF_LEVEL_BEGIN

template <int64_t kCells>
class MomentsRun {
 public:
  explicit MomentsRun(const MomentsArgs& a) : a_(a), panels_(a, a.workspace), q_(a.y.size[1]) {
    clear_rows(panels_.y, q_);
  }

  void run() {
    const int64_t columns = a_.y.size[0] * a_.count;
    for (int64_t first = 0; first < columns; first += kCells) {
      first_ = first;
      last_ = std::min(first + kCells, columns);
      add_y();
      for (const MovedField& m : a_.moved) add_x(m);
    }
    for (const MovedField& m : a_.moved) mirror(m.xx, m.x.size[1]);
  }

 private:
  static constexpr int64_t kPitch = moments_pitch(kCells);

  void add_y() {
    const int64_t width = fill(a_.y, {a_.cells, nullptr, 1}, panels_.y);
    for (int64_t c = 0; c < q_; ++c) {
      const RowSums sums(panels_.y + c * kPitch, width);
      a_.sum_y[c] += sums.sum;
      a_.yy[c] += sums.squares;
    }
  }

  void add_x(const MovedField& m) {
    const int64_t p = m.x.size[1];
    clear_rows(panels_.x, p);
    const int64_t width = fill(m.x, {m.index, m.weight, m.sources}, panels_.x);
    for (int64_t c = 0; c < p; ++c) m.sum_x[c] += RowSums(panels_.x + c * kPitch, width).sum;
    add_products<kPitch>(panels_.x, p, panels_.x, p, width, m.xx);
    add_products<kPitch>(panels_.x, p, panels_.y, q_, width, m.xy);
  }

  int64_t fill(const View<const float, 2>& field, const CellSource& from, double* panel) const {
    return fill_panel(field, from, a_.count, first_, last_, panel, kPitch);
  }

  // Rows that tiles read beyond the channels.
  void clear_rows(double* panel, int64_t channels) const {
    std::fill(panel + channels * kPitch, panel + moments_rows(channels) * kPitch, 0.0);
  }

  static void mirror(double* square, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = 0; j < i; ++j) square[j * size + i] = square[i * size + j];
  }

  const MomentsArgs& a_;
  const MomentsPanels panels_;
  const int64_t q_;
  int64_t first_ = 0, last_ = 0;
};

void moments_kernel(const MomentsArgs& a) {
  switch (moments_cells(a)) {
    case 512:
      return MomentsRun<512>(a).run();
    case 256:
      return MomentsRun<256>(a).run();
    default:
      return MomentsRun<128>(a).run();
  }
}

EF_LEVEL_END
