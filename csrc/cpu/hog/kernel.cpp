#include "cpu/hog/kernel.hpp"

#include <cstring>

#include "cpu/hog/bins.hpp"
#include "cpu/hog/gradient.hpp"
#include "cpu/hog/normalise.hpp"
#include "cpu/hog/vote.hpp"
#include "cpu/parallel.hpp"

// Rows stream through: image -> blocks of one block row -> a ring of three cell rows -> normalised
// row.
EF_LEVEL_BEGIN

template <class In, class T>
class HogImage {
 public:
  HogImage(const HogArgs& a, const HogPlan& p, const OrientationTable& t, char* memory)
      : a_(a),
        p_(p),
        t_(t),
        s_(p, memory),
        image_(a.image.cast<const In>()),
        out_(a.out.cast<T>()) {
    // Rows are computed in whole vectors, also from pixels that were not loaded.
    std::memset(s_.pixels, 0, sizeof(T) * 3 * p_.colours * p_.strip_pixels());
  }

  // Output rows [first, last) of image i.
  void run(int64_t i, int64_t first, int64_t last) {
    first += p_.dropped;
    last += p_.dropped;
    const int64_t begin = std::max<int64_t>(first - 1, 0), end = std::min(last + 1, p_.rows);
    for (int64_t block_row = begin; block_row <= end; ++block_row) {
      if (block_row < end) std::memset(cells(block_row), 0, sizeof(T) * 3 * p_.n * p_.pitch);
      for (int64_t b = 0; b <= p_.columns; b += kStripBlocks) {
        const int64_t count = std::min(kStripBlocks, p_.columns + 1 - b);
        vote_strip(i, block_row, b, count);
        if (block_row > begin) spread_blocks(p_, s_.blocks, b, count, 0, cells(block_row - 1));
        if (block_row < end) spread_blocks(p_, s_.blocks, b, count, 2, cells(block_row));
      }
      const int64_t done = block_row - 1;  // the last complete row of cells
      if (done < begin) continue;
      fold_cells(p_, cells(done), energy(done));
      if (done - 1 >= first) finish_row(i, done - 1, std::min(done, p_.rows - 1));
      if (done == p_.rows - 1 && done < last) finish_row(i, done, done);
    }
  }

 private:
  T* cells(int64_t r) const { return s_.cells + r % 3 * 3 * p_.n * p_.pitch; }
  T* energy(int64_t r) const { return s_.energy + r % 3 * p_.pitch; }
  T* pixels(int64_t y) const { return s_.pixels + y % 3 * p_.colours * p_.strip_pixels(); }

  void vote_strip(int64_t i, int64_t block_row, int64_t b, int64_t count) {
    std::memset(s_.blocks, 0, sizeof(T) * count * 2 * p_.n * 4);
    if (p_.h < 3 || p_.w < 3) return;
    const int64_t x0 = block_begin(b, p_.cell), width = count * p_.cell;
    const int64_t y0 = block_begin(block_row, p_.cell);
    int64_t loaded = -1;  // the lowest image row in the ring
    for (int64_t j = 0; j < p_.cell; ++j) {
      const int64_t y = y0 + j;
      if (y < 1 || y >= p_.end_y) continue;
      gradient_row(i, std::min(y, p_.h - 2), x0, width, &loaded);
      const T below = block_weight<T>(j, p_.cell);
      cast_votes(p_, s_.vote[0], s_.bin[0], count, below, s_.blocks);
      if (a_.bilinear) cast_votes(p_, s_.vote[1], s_.bin[1], count, below, s_.blocks);
    }
  }

  // Votes of pixels x0 .. x0 + width - 1 of row y at the same places of vote and bin; zero where a
  // pixel does not vote. Pixels beyond the image (dpm) repeat the last gradient column.
  void gradient_row(int64_t i, int64_t y, int64_t x0, int64_t width, int64_t* loaded) {
    const int64_t first = std::min(std::max<int64_t>(x0, 1), p_.w - 2);
    const int64_t count = std::max<int64_t>(std::min(x0 + width, p_.w - 1) - first, 1);
    const int64_t start = std::max<int64_t>(first - x0, 0);
    for (int64_t row = std::max(*loaded + 1, y - 1); row <= y + 1; ++row)
      load_row<In, T>(p_, image_, i, row, first - 1, first + count + 1, pixels(row) + start);
    *loaded = y + 1;
    // Whole vectors; votes at places that do not vote are cleared below.
    const int64_t lanes = padded(start + count);
    strongest_gradient(p_, pixels(y - 1), pixels(y), pixels(y + 1), lanes, s_);
    lengths(s_.exact_gx, s_.exact_gy, lanes, s_.vote[0]);
    passed_by(s_.gx, s_.gy, lanes, t_, s_.bin[0]);
    if (a_.bilinear) split_votes(s_, lanes, t_);
    directed_bins(s_.gy, lanes, t_.n, s_.bin[0]);
    for (int k = 0; k <= static_cast<int>(a_.bilinear); ++k) {
      T* vote = s_.vote[k];
      int32_t* bin = s_.bin[k];
      const int64_t stop = std::min(std::max<int64_t>(p_.end_x - x0, 0), width);
      std::fill_n(vote, start, T(0));
      std::fill_n(bin, start, 0);
      for (int64_t x = start + count; x < stop; ++x) vote[x] = vote[x - 1], bin[x] = bin[x - 1];
      std::fill(vote + stop, vote + width, T(0));
      std::fill(bin + stop, bin + width, 0);
    }
  }

  void finish_row(int64_t i, int64_t r, int64_t below) {
    const int64_t above = std::max<int64_t>(r - 1, 0);
    block_inverses(p_, energy(above), energy(r), s_.inverse);
    block_inverses(p_, energy(r), energy(below), s_.inverse + p_.pitch);
    normalise_row(p_, a_.variant, cells(r), s_.inverse, s_.inverse + p_.pitch, s_.row);
    store_row(p_, s_.row, out_, i, r - p_.dropped);
  }

  const HogArgs& a_;
  const HogPlan& p_;
  const OrientationTable& t_;
  HogScratch<T> s_;
  View<const In, 4> image_;
  View<T, 4> out_;
};

template <class In, class T>
void run_hog(const HogArgs& a) {
  const HogPlan plan(a);
  const OrientationTable table =
      make_orientation_table(a.orientations, a.variant == HogVariant::dpm);
  const size_t bytes = HogScratch<T>::bytes(plan);
  parallel_for(a.image.size[0] * plan.chunks, a.threads, [&](int64_t task, int worker) {
    const int64_t i = task / plan.chunks, first = task % plan.chunks * plan.chunk;
    HogImage<In, T> image(a, plan, table, static_cast<char*>(a.workspace) + bytes * worker);
    image.run(i, first, std::min(first + plan.chunk, plan.out_rows));
  });
}

void hog_kernel(const HogArgs& a) {
  switch (a.image_dtype) {
    case Dtype::uint8:
      return run_hog<uint8_t, float>(a);
    case Dtype::float32:
      return run_hog<float, float>(a);
    default:
      return run_hog<double, double>(a);
  }
}

// The vector form of the decision by itself, for the tests.
void orientation_bins(const float* gx, const float* gy, int64_t count, int orientations,
                      bool four_digits, int32_t* bins) {
  const OrientationTable table = make_orientation_table(orientations, four_digits);
  passed_by(gx, gy, count, table, bins);
  directed_bins(gy, count, orientations, bins);
}

EF_LEVEL_END
