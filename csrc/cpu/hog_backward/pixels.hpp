#pragma once
#include <cstring>

#include "cpu/hog/vote.hpp"
#include "cpu/hog_backward/cells.hpp"

// From the gradient of the cells back to that of the pixels. A pixel's gradient d of length l votes
// l (1 - s) into its first bin and l s into its second; with v, w what the cells give back for either vote, d gets
//   (v + s (w - v)) d / l + (w - v) ds/dangle (-dy, dx) / l,
// and 0 where l = 0.
EF_LEVEL_BEGIN

template <class T, int kColours, int kN, int kCell, bool kBilinear>
class PixelGradient {
 public:
  using Scratch = PixelScratch<T, Bit<T>>;

  PixelGradient(const HogArgs& a, const BackwardPlan& p, const OrientationTable& t,
                const View<const T, 4>& grad, const BackwardScratch<T, Bit<T>>& scratch,
                const View<T, 4>& out)
      : p_(p),
        t_(t),
        s_(scratch.pixels),
        cells_(a, p, t, grad, scratch),
        image_(a.image.cast<const T>()),
        out_(out),
        block_(4 * (2 * p.n + 1)) {
    // Whole vectors and blocks run over into the margins.
    std::memset(s_.pixels, 0, sizeof(T) * 3 * p_.colours * s_.width);
    std::memset(s_.gradient, 0, sizeof(T) * 3 * 2 * s_.width);
    std::memset(s_.channel, 0, sizeof(Bit<T>) * 3 * s_.width);
    for (int k = 0; k < 2; ++k) std::memset(s_.place[k], 0, sizeof(Bit<T>) * s_.width);
  }

  // Rows [first, last) of image i.
  void run(int64_t i, int64_t first, int64_t last) {
    loaded_ = table_of_ = -1;
    cells_.start(i, block_row_of(std::max<int64_t>(first - 1, 1)) - 1);
    for (int64_t y = first - 1; y <= last; ++y) {
      row_gradient(i, y);
      if (y > first) finish_row(i, y - 1);
    }
  }

 private:
  int64_t block_row_of(int64_t y) const { return (y + p_.cell - p_.cell / 2) / p_.cell; }
  T* pixel_row(int64_t y) const {
    return s_.pixels + (y + 3) % 3 * p_.colours * s_.width + s_.margin;
  }
  // Along x; along y it is `width` later.
  T* gradient_row(int64_t y) const { return s_.gradient + (y + 3) % 3 * 2 * s_.width + s_.margin; }
  Bit<T>* channel_row(int64_t y) const { return s_.channel + (y + 3) % 3 * s_.width + s_.margin; }

  // With respect to the differences along x and y at every pixel of row y.
  void row_gradient(int64_t i, int64_t y) {
    if (y < 1 || y > p_.h - 2 || p_.w < 3) {
      std::memset(gradient_row(y) - s_.margin, 0, sizeof(T) * 2 * s_.width);
      return;
    }
    for (int64_t row = std::max(loaded_ + 1, y - 1); row <= y + 1; ++row) load_pixels(i, row);
    loaded_ = y + 1;
    describe(y);
    // voc-dpm repeats the last row and the last column that have a gradient.
    const int64_t end = y == p_.h - 2 ? p_.end_y : std::min(y + 1, p_.end_y);
    if (end <= y) std::fill_n(s_.vote[0], s_.width, T(0));  // of voc-dpm, that has one
    for (int64_t voting = y; voting < end; ++voting) collect(voting, voting > y);
    for (int k = 0; k <= static_cast<int>(kBilinear); ++k) trim(s_.vote[k] + s_.margin);
    distribute(y);
  }

  void load_pixels(int64_t i, int64_t y) const {
    T* EF_RESTRICT to = pixel_row(y);
    const int64_t step = image_.stride[3];
    for (int64_t c = 0; c < p_.colours; ++c, to += s_.width) {
      const T* EF_RESTRICT from = image_.at(i, c, y, 0);
      if (step == 1) {
        std::copy_n(from, p_.w, to);
      } else {
        for (int64_t x = 0; x < p_.w; ++x) to[x] = from[x * step];
      }
    }
  }

  // Bins and directions of the pixels of row y. Pointers are copied: stores of places might change them.
  void describe(int64_t y) const {
    constexpr int kPlace = 4 * static_cast<int>(sizeof(T));
    const Rows<T> rows{pixel_row(y - 1), pixel_row(y), pixel_row(y + 1), s_.width};
    const Scratch s = s_;
    const int n = kN ? kN : t_.n;
    const int64_t end = p_.w - 1, colours = p_.colours;
    Bit<T>* channel = channel_row(y);
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

  static EF_INLINE Corners<T> corners_at(const T* from) {
    Corners<T> corners;
    std::memcpy(&corners, from, sizeof corners);
    return corners;
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
  void distribute(int64_t y) const {
    const Scratch s = s_;
    const int64_t end = p_.w - 1;
    T *along_x = gradient_row(y), *along_y = along_x + s.width;
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

  // Every pixel is the right, left, lower and upper neighbour of others, in the channel that is the
  // strongest there.
  void finish_row(int64_t i, int64_t y) const {
    const int64_t step = out_.stride[3], plane = out_.stride[1], width = p_.w,
                  colours = kColours ? kColours : p_.colours;
    const T *here = gradient_row(y), *above = gradient_row(y - 1) + s_.width,
            *below = gradient_row(y + 1) + s_.width;
    const Bit<T>*channel = channel_row(y), *channel_above = channel_row(y - 1),
          *channel_below = channel_row(y + 1);
    T* to = out_.at(i, 0, y, 0);
    for (int64_t x = 0; x < width; x += kLanes<T>) {
      const Values<T> left = load(here + x - 1), right = load(here + x + 1), up = load(above + x),
                      down = load(below + x);
      for (int64_t c = 0; c < colours; ++c) {
        const auto of = [c](Values<T> gradient, const Bit<T>* of_pixel) {
          return kColours == 1 ? gradient : where_equal(of_pixel, static_cast<Bit<T>>(c), gradient);
        };
        const Values<T> sum = (of(left, channel + x - 1) - of(right, channel + x + 1)) +
                              (of(up, channel_above + x) - of(down, channel_below + x));
        put(sum, to + c * plane + x * step, step, width - x);
      }
    }
  }
  static EF_INLINE Values<T> where_equal(const Bit<T>* from, Bit<T> c, Values<T> v) {
    Bits<T> bits;
    std::memcpy(&bits, from, sizeof bits);
    return bits == Bits<T>{} + c ? v : Values<T>{};
  }
  static EF_INLINE void put(Values<T> v, T* to, int64_t step, int64_t room) {
    if (step == 1 && room >= kLanes<T>) return store(to, v);
    for (int64_t l = 0; l < std::min<int64_t>(room, kLanes<T>); ++l) to[l * step] = v[l];
  }

  const BackwardPlan& p_;
  const OrientationTable& t_;
  const Scratch& s_;
  CellGradient<T, kColours, kN, kCell, kBilinear> cells_;
  View<const T, 4> image_;
  View<T, 4> out_;
  const int64_t block_;  // numbers of the table
  int64_t loaded_ = -1;  // the lowest image row in the ring
  int64_t table_of_ = -1;
};

EF_LEVEL_END
