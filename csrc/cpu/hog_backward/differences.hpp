#pragma once
#include <cstring>

#include "cpu/hog/vote.hpp"
#include "cpu/hog_backward/cells.hpp"

// From the gradient of the cells back to that of the differences between pixels. A difference d of length l
// votes l (1 - s) into its first bin and l s into its second; with v, w what the cells give back for either
// vote, d gets
//   (v + s (w - v)) d / l + (w - v) ds/dangle (-dy, dx) / l,
// and 0 where l = 0.
EF_LEVEL_BEGIN

template <class T, int kColours, int kN, int kCell, bool kBilinear>
class DifferenceGradient {
 public:
  DifferenceGradient(const HogArgs& a, const BackwardPlan& p, const OrientationTable& t,
                     const View<const T, 4>& grad, const BackwardScratch<T, Bit<T>>& scratch)
      : p_(p),
        t_(t),
        s_(scratch.pixels),
        cells_(a, p, t, grad, scratch),
        block_(4 * (2 * p.n + 1)) {
    // Whole blocks run over into the margins.
    for (int k = 0; k < 2; ++k) std::memset(s_.place[k], 0, sizeof(Bit<T>) * s_.width);
  }

  // Pixel rows of image i from `first` on will be asked for in order.
  void start(int64_t i, int64_t first) {
    table_of_ = -1;
    cells_.start(i, block_row_of(std::max<int64_t>(first, 1)) - 1);
  }

  // Of row y, 1 .. h - 2: with respect to the differences along x and y of its strongest channels.
  void row(int64_t y, const Rows<T>& rows, T* along_x, T* along_y, Bit<T>* channel) {
    describe(rows, channel);
    // voc-dpm repeats the last row and the last column that have a gradient.
    const int64_t end = y == p_.h - 2 ? p_.end_y : std::min(y + 1, p_.end_y);
    if (end <= y) std::fill_n(s_.vote[0], s_.width, T(0));  // of voc-dpm, that has one
    for (int64_t voting = y; voting < end; ++voting) collect(voting, voting > y);
    for (int k = 0; k <= static_cast<int>(kBilinear); ++k) trim(s_.vote[k] + s_.margin);
    distribute(along_x, along_y);
  }

 private:
  int64_t block_row_of(int64_t y) const { return (y + p_.cell - p_.cell / 2) / p_.cell; }

  // Bins and directions of the pixels of a row. Pointers are copied: stores of places might change them.
  void describe(const Rows<T>& rows, Bit<T>* channel) const {
    constexpr int kPlace = 4 * static_cast<int>(sizeof(T));
    const PixelScratch<T, Bit<T>> s = s_;
    const int n = kN ? kN : t_.n;
    const int64_t end = p_.w - 1, colours = p_.colours;
    for (int64_t x = 1; x < end; x += kLanes<T>) {
      const int64_t at = s.margin + x;
      const Gradient<T> g = strongest_gradient<kColours, T>(rows, x, colours);
      const Folded<T> f = folded<T>(g.fx, g.fy);
      const Bits<T> bin = folded_bins<kN>(f, t_);
      const Values<T> length = length_of(g), zero{};
      const Values<T> inverse = length == zero ? zero : T(1) / length;
      store(s.unit[0] + at, g.dx * inverse);
      store(s.unit[1] + at, g.dy * inverse);
      if (kColours != 1) store(channel + x, g.channel);
      store(s.place[0] + at, (bin + (f.turned & n)) * kPlace);
      if (!kBilinear) continue;
      const Second<T> second = second_vote(beside_centre<kN>(f, bin, t_), narrowed(root(g.length2)),
                                           all(static_cast<T>(t_.bins_per_radian)));
      store(s.place[1] + at, directed_bins<T>(bin - 1 - 2 * second.next, f, n) * kPlace);
      store(s.share + at, second.share);
      store(s.turn + at, second.turn);
    }
    for (int k = 0; k <= static_cast<int>(kBilinear); ++k) {
      Bit<T>* place = s.place[k] + s.margin;
      std::fill(place + end, place + s.width - s.margin, place[end - 1]);
    }
  }

  // What the cells around each pixel give back for its votes in row y; `more`: in addition to what
  // they gave.
  void collect(int64_t y, bool more) {
    const int64_t block_row = block_row_of(y);
    if (table_of_ != block_row) fill_table(block_row);
    table_of_ = block_row;
    const Corners<T> factor = row_weight<T>(y - block_begin(block_row, p_.cell), p_.cell);
    for (int64_t j = 0; j < p_.cell; ++j)
      store(s_.factor + 4 * j, column_weight<T>(j, p_.cell) * factor);
    const int64_t first = s_.margin + block_begin(0, p_.cell);
    for (int k = 0; k <= static_cast<int>(kBilinear); ++k)
      (more ? collect_row<true> : collect_row<false>)(s_.table, s_.factor, block_, p_.columns + 1,
                                                      kCell ? kCell : p_.cell, s_.place[k] + first,
                                                      s_.vote[k] + first);
  }

  // The gradients of the four cells of every block of a row, bin by bin.
  void fill_table(int64_t block_row) {
    const T *above = cells_.row(block_row - 1), *below = cells_.row(block_row);
    for (int64_t k = 0; k <= 2 * p_.n; ++k) {
      const int64_t bin = k == 2 * p_.n ? 0 : k;
      const T *upper = above + bin * p_.pitch, *lower = below + bin * p_.pitch;
      T* to = s_.table + 4 * k;
      for (int64_t b = 0; b <= p_.columns; ++b, to += block_) {
        std::memcpy(to, upper + b, 2 * sizeof(T));
        std::memcpy(to + 2, lower + b, 2 * sizeof(T));
      }
    }
  }

  template <bool kMore>
  static void collect_row(const T* EF_RESTRICT table, const T* EF_RESTRICT factor, int64_t block,
                          int64_t blocks, int64_t any_cell, const Bit<T>* EF_RESTRICT place,
                          T* EF_RESTRICT vote) {
    const int64_t cell = kCell ? kCell : any_cell;
    for (int64_t b = 0; b < blocks; ++b, table += block, place += cell, vote += cell) {
      int64_t j = 0;
      for (; j + 4 <= cell; j += 4) {
        Corners<T> sum = sums(given_back(table, place[j], factor + 4 * j),
                              given_back(table, place[j + 1], factor + 4 * j + 4),
                              given_back(table, place[j + 2], factor + 4 * j + 8),
                              given_back(table, place[j + 3], factor + 4 * j + 12));
        if (kMore) sum += corners_at(vote + j);
        store(vote + j, sum);
      }
      for (; j < cell; ++j) {
        const Corners<T> part = given_back(table, place[j], factor + 4 * j);
        vote[j] = (kMore ? vote[j] : T(0)) + ((part[0] + part[1]) + (part[2] + part[3]));
      }
    }
  }

  static EF_INLINE Corners<T> given_back(const T* table, Bit<T> place, const T* factor) {
    using Place = std::make_unsigned_t<Bit<T>>;  // without its sign it needs no extension
    const char* at = reinterpret_cast<const char*>(table) + static_cast<Place>(place);
    return corners_at(reinterpret_cast<const T*>(at)) * corners_at(factor);
  }
  // The sums of the numbers of each.
  static EF_INLINE Corners<T> sums(Corners<T> a, Corners<T> b, Corners<T> c, Corners<T> d) {
    constexpr std::make_integer_sequence<int, 4> lane{};
    const Corners<T> ab = even_lanes(a, b, lane) + odd_lanes(a, b, lane),
                     cd = even_lanes(c, d, lane) + odd_lanes(c, d, lane);
    return even_lanes(ab, cd, lane) + odd_lanes(ab, cd, lane);
  }

  // Pixels beyond the last one with a gradient repeat it (dpm); or the last ones do not vote.
  void trim(T* vote) const {
    for (int64_t x = p_.w - 1; x < p_.end_x; ++x) vote[p_.w - 2] += vote[x];
    for (int64_t x = std::max<int64_t>(p_.end_x, 0); x < p_.w - 1; ++x) vote[x] = T(0);
  }

  // To the differences of the strongest channel.
  void distribute(T* along_x, T* along_y) const {
    const PixelScratch<T, Bit<T>> s = s_;
    const int64_t end = p_.w - 1;
    for (int64_t x = 1; x < end; x += kLanes<T>) {
      const int64_t at = s.margin + x;
      const Values<T> ux = load(s.unit[0] + at), uy = load(s.unit[1] + at);
      Values<T> along = load(s.vote[0] + at), across{};
      if (kBilinear) {
        const Values<T> apart = load(s.vote[1] + at) - along;
        along += load(s.share + at) * apart;
        across = load(s.turn + at) * apart;
      }
      store(along_x + x, along * ux - across * uy);
      store(along_y + x, along * uy + across * ux);
    }
    std::fill_n(along_x + end, kLanes<T>, T(0));
    std::fill_n(along_y + end, kLanes<T>, T(0));
  }

  const BackwardPlan& p_;
  const OrientationTable& t_;
  const PixelScratch<T, Bit<T>>& s_;
  CellGradient<T, kColours, kN, kCell, kBilinear> cells_;
  const int64_t block_;  // numbers of the table
  int64_t table_of_ = -1;
};

EF_LEVEL_END
