#pragma once
#include "cpu/hog/bins.hpp"
#include "cpu/hog/plan.hpp"

// Votes into the blocks of a strip, and blocks into cells. A strip's histogram is
// [2 n + 1 bins][kStripBlocks][4 corners]: one bin and one block are four neighbouring numbers, TL, TR,
// BL, BR, so that a pixel votes with one load, one multiply-add and one store.
EF_LEVEL_BEGIN

template <class T>
struct CornersOf;
template <>
struct CornersOf<float> {
  typedef float type __attribute__((vector_size(16)));
};
template <>
struct CornersOf<double> {
  typedef double type __attribute__((vector_size(32)));
};
template <class T>
using Corners = typename CornersOf<T>::type;

EF_INLINE void add_vote(char* at, float vote, Corners<float> weight) {
#if defined(__FMA__)
  float* corners = reinterpret_cast<float*>(at);
  _mm_store_ps(corners, _mm_fmadd_ps(_mm_set1_ps(vote), weight, _mm_load_ps(corners)));
#else
  *reinterpret_cast<Corners<float>*>(at) += vote * weight;
#endif
}
EF_INLINE void add_vote(char* at, double vote, Corners<double> weight) {
  *reinterpret_cast<Corners<double>*>(at) += vote * weight;
}

// Votes and, as places in the histogram in bytes, bins of one pixel row of a strip.
template <class T>
struct Votes {
  T* vote[2];
  Bit<T>* place[2];
};

// What the share of a pixel is in its four corners: the product of one factor of its row and one of
// its column, the place j = 0 .. cell - 1 within the block.
template <class T>
EF_INLINE Corners<T> row_weight(int64_t j, int64_t cell) {
  const T below = block_weight<T>(j, cell);
  return Corners<T>{1 - below, 1 - below, below, below};
}
template <class T>
EF_INLINE Corners<T> column_weight(int64_t j, int64_t cell) {
  const T right = block_weight<T>(j, cell);
  return Corners<T>{1 - right, right, 1 - right, right};
}

// What a vector of pixels votes: its gradient at x of the rows.
template <int kColours, int kN, bool kBilinear, class T, class In>
EF_INLINE void vector_votes(const Rows<In>& rows, int64_t x, int64_t colours,
                            const OrientationTable& t, const Votes<T>& out) {
  constexpr int kPlace = 4 * kStripBlocks * static_cast<int>(sizeof(T));
  const Gradient<T> g = strongest_gradient<kColours, T>(rows, x, colours);
  const Folded<T> f = folded<T>(g.fx, g.fy);
  const Bits<T> bin = folded_bins<kN>(f, t);
  Values<T> vote = length_of(g);
  if (kBilinear) {
    const Second<T> second = second_votes(f, g, bin, t);
    const Values<T> other = vote * second.share;
    vote -= other;
    store(out.vote[1] + x, other);
    store(out.place[1] + x, directed_bins<T>(second.bin, f, t.n) * kPlace);
  }
  store(out.vote[0] + x, vote);
  store(out.place[0] + x, (bin + (f.turned & (kN ? kN : t.n))) * kPlace);
}

// The first pixel of every block votes. Pixels at the same place of consecutive blocks follow one
// another, so that no vote waits for the one before it. kCell: the cell size, 0: any.
template <int kCell, class T>
EF_INLINE void cast_votes(const T* EF_RESTRICT vote, const Bit<T>* EF_RESTRICT place, int64_t cell,
                          int64_t count, Corners<T> weight, T* histogram) {
  using Place = std::make_unsigned_t<Bit<T>>;  // without its sign it needs no extension
  const int64_t step = kCell ? kCell : cell;
  char* to = reinterpret_cast<char*>(histogram);
  int64_t b = 0;
  for (; b + 4 <= count; b += 4, vote += 4 * step, place += 4 * step, to += 4 * sizeof(weight)) {
    for (int64_t k = 0; k < 4; ++k)
      add_vote(to + static_cast<Place>(place[k * step]) + k * sizeof(weight), vote[k * step],
               weight);
  }
  for (; b < count; ++b, vote += step, place += step, to += sizeof(weight))
    add_vote(to + static_cast<Place>(*place), *vote, weight);
}

// Adds the corners of a strip of `count` blocks to the cells above and below, and clears it. Block b of the
// strip has cells b - 1 and b on its left and right, which stand at b and b + 1 of a row.
template <class T>
void spread_strip(int64_t bins, int64_t count, int64_t pitch, T* EF_RESTRICT histogram,
                  T* EF_RESTRICT above, T* EF_RESTRICT below) {
  constexpr Lane<T> lane{};
  const Values<T> zero{};
  for (int64_t k = 0; k < bins; ++k, above += pitch, below += pitch) {
    Values<T> last_top{}, last_bottom{};
    for (int64_t b = 0; b <= count; b += kLanes<T>) {
      Values<T> part[4];
      for (int i = 0; i < 4; ++i) {
        T* from = histogram + 4 * (k * kStripBlocks + b) + i * kLanes<T>;
        part[i] = load(from);
        store(from, zero);
        if (k > 0) continue;
        from += 4 * bins * kStripBlocks;  // bin 2 n is bin 0
        part[i] += load(from);
        store(from, zero);
      }
      const Values<T> left = even_lanes(part[0], part[1], lane),
                      left2 = even_lanes(part[2], part[3], lane),
                      right = odd_lanes(part[0], part[1], lane),
                      right2 = odd_lanes(part[2], part[3], lane);
      const Values<T> tl = even_lanes(left, left2, lane), bl = odd_lanes(left, left2, lane),
                      tr = even_lanes(right, right2, lane), br = odd_lanes(right, right2, lane);
      store(above + b, load(above + b) + (tl + shifted(last_top, tr, lane)));
      store(below + b, load(below + b) + (bl + shifted(last_bottom, br, lane)));
      last_top = tr;
      last_bottom = br;
    }
  }
}

EF_LEVEL_END
