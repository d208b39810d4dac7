#pragma once
#include <cstring>

#include "cpu/hog/bins.hpp"
#include "cpu/hog/plan.hpp"

// Votes into the blocks of a strip, and blocks into cells. A strip's histogram is
// [2 n + 1 bins][kStripBlocks][4 corners]: one bin and one block are four neighbouring numbers, TL, TR,
// BL, BR, so that a pixel votes with one load, one multiply-add and one store. For bilinear
// assignment it is [2 n + 1][kStripBlocks][2 votes][4 corners]: the votes of gradients between bin k
// and the next one, for k and for the next one: as many loads and stores.
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
template <class T>
EF_INLINE Corners<T> corners_at(const T* from) {
  Corners<T> corners;
  std::memcpy(&corners, from, sizeof corners);
  return corners;
}

// Weights of a pixel's corners, the same for each of its votes, and how votes are added.
template <int kVotes, class T>
struct Weights {
  Corners<T> weight;
  EF_INLINE void add(char* at, const T* vote) const {
    *reinterpret_cast<Corners<T>*>(at) += vote[0] * weight;
    if (kVotes == 2) reinterpret_cast<Corners<T>*>(at)[1] += vote[1] * weight;
  }
};
#if defined(__FMA__)
template <>
struct Weights<1, float> {
  Corners<float> weight;
  EF_INLINE void add(char* at, const float* vote) const {
    float* corners = reinterpret_cast<float*>(at);
    _mm_store_ps(corners, _mm_fmadd_ps(_mm_set1_ps(*vote), weight, _mm_load_ps(corners)));
  }
};
template <>
struct Weights<2, float> {
  __m256 weight;
  EF_INLINE Weights(Corners<float> one) : weight(_mm256_set_m128(one, one)) {}
  EF_INLINE void add(char* at, const float* vote) const {
    float* corners = reinterpret_cast<float*>(at);
    const __m256d both = _mm256_broadcast_sd(reinterpret_cast<const double*>(vote));
    const __m256 votes =
        _mm256_permutevar_ps(_mm256_castpd_ps(both), _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1));
    _mm256_store_ps(corners, _mm256_fmadd_ps(votes, weight, _mm256_load_ps(corners)));
  }
};
#endif

// Votes of one pixel row of a strip and, as places in the histogram in bytes, their bins: the nearest
// one; or the lower of the two and votes for it and for the next.
template <class T>
struct Votes {
  T* vote;
  Bit<T>* place;
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
template <int kColours, int kN, class T, class In>
EF_INLINE void vector_votes(const Rows<In>& rows, int64_t x, int64_t colours,
                            const OrientationTable& t, const Votes<T>& out) {
  constexpr int kPlace = 4 * kStripBlocks * static_cast<int>(sizeof(T));
  const Gradient<T> g = strongest_gradient<kColours, T>(rows, x, colours);
  const Folded<T> f = folded<T>(g.fx, g.fy);
  store(out.vote + x, length_of(g));
  store(out.place + x, (folded_bins<kN>(f, t) + (f.turned & (kN ? kN : t.n))) * kPlace);
}

// Bilinear assignment in two steps, each over a whole row before the next one: in one go a vector is a chain
// of operations so long that the processor's queues fill up with those that wait.
template <int kColours, int kN, class T, class In>
EF_INLINE void begin_votes(const Rows<In>& rows, int64_t x, int64_t colours,
                           const OrientationTable& t, const Halfway<T, Bit<T>>& out) {
  const Gradient<T> g = strongest_gradient<kColours, T>(rows, x, colours);
  const Folded<T> f = folded<T>(g.fx, g.fy);
  const Bits<T> bin = folded_bins<kN>(f, t);
  const Beside<T> beside = beside_centre<kN>(f, bin, t);
  store(out.vote + x, length_of(g));
  if (sizeof(T) == sizeof(double)) store(out.length + x, narrowed(root(g.length2)));
  store(out.along + x, beside.along);
  store(out.across + x, beside.across);
  store(out.bin + x, bin + (f.turned & (kN ? kN : t.n)));
}

template <class T>
EF_INLINE void end_votes(const Halfway<T, Bit<T>>& from, int64_t x, const OrientationTable& t,
                         const Votes<T>& out) {
  constexpr int kPlace = 8 * kStripBlocks * static_cast<int>(sizeof(T));
  const Values<T> vote = load(from.vote + x);
  const Second<T> second =
      second_vote<T>({load(from.along + x), load(from.across + x)}, load(from.length + x),
                     all(static_cast<T>(t.bins_per_radian)));
  const Values<T> other = vote * second.share, rest = vote - other;
  const Values<T> low = second.next ? rest : other, high = second.next ? other : rest;
  store(out.vote + 2 * x, interleaved<false>(low, high, Lane<T>{}));
  store(out.vote + 2 * x + kLanes<T>, interleaved<true>(low, high, Lane<T>{}));
  const Bits<T> bin = load(from.bin + x) - 1 - second.next;
  store(out.place + x, (bin + ((bin >> 31) & (2 * t.n))) * kPlace);
}

// The first pixel of every block votes. Pixels at the same place of consecutive blocks follow one
// another, so that no vote waits for the one before it. kCell: the cell size, 0: any.
template <int kCell, int kVotes, class T>
EF_INLINE void cast_votes(const T* EF_RESTRICT vote, const Bit<T>* EF_RESTRICT place, int64_t cell,
                          int64_t count, Corners<T> weight, T* histogram) {
  using Place = std::make_unsigned_t<Bit<T>>;  // without its sign it needs no extension
  constexpr int64_t kBlock = 4 * kVotes * sizeof(T);
  const Weights<kVotes, T> weights{weight};
  const int64_t step = kCell ? kCell : cell;
  char* to = reinterpret_cast<char*>(histogram);
  int64_t b = 0;
  for (; b + 4 <= count; b += 4, vote += 4 * kVotes * step, place += 4 * step, to += 4 * kBlock) {
    for (int64_t k = 0; k < 4; ++k)
      weights.add(to + static_cast<Place>(place[k * step]) + k * kBlock, vote + k * kVotes * step);
  }
  for (; b < count; ++b, vote += kVotes * step, place += step, to += kBlock)
    weights.add(to + static_cast<Place>(*place), vote);
}

// Block b of a histogram in whole vectors: the i-th vector of its and the following blocks' corners.
// kVote 0 or 1: the one or the other vote of bilinear assignment; -1: the only one.
template <int kVote, class T>
EF_INLINE Values<T> corners_of(const T* bin, int64_t b, int i) {
  const int64_t at = 4 * b + i * kLanes<T>;
  const T* from = bin + at / 4 * 8 + at % 4;
  if constexpr (kVote < 0) {
    return load(bin + at);
  } else if constexpr (kLanes<T> <= 4) {
    return load(from + 4 * kVote);
  } else {
    return lanes_of_fours<kVote == 1>(load(from), load(from + kLanes<T>), Lane<T>{});
  }
}

// The corners of one vector of blocks at b, of bin k: TL, TR, BL, BR by themselves.
template <class T>
struct BlockCorners {
  Values<T> tl, tr, bl, br;
  EF_INLINE BlockCorners(Values<T> a, Values<T> b, Values<T> c, Values<T> d) {
    constexpr Lane<T> lane{};
    const Values<T> left = even_lanes(a, b, lane), left2 = even_lanes(c, d, lane),
                    right = odd_lanes(a, b, lane), right2 = odd_lanes(c, d, lane);
    tl = even_lanes(left, left2, lane);
    bl = odd_lanes(left, left2, lane);
    tr = even_lanes(right, right2, lane);
    br = odd_lanes(right, right2, lane);
  }
};

// Adds the corners of a strip of `count` blocks to the cells above and below, and clears it. Block b of the
// strip has cells b - 1 and b on its left and right, which stand at b and b + 1 of a row.
template <bool kBilinear, class T>
void spread_strip(int64_t bins, int64_t count, int64_t pitch, T* EF_RESTRICT histogram,
                  T* EF_RESTRICT above, T* EF_RESTRICT below) {
  constexpr Lane<T> lane{};
  const Values<T> zero{};
  constexpr int64_t kBlock = kBilinear ? 8 : 4, kBin = kStripBlocks * kBlock;
  T* repeated = histogram + bins * kBin;  // bin 2 n is bin 0
  for (int64_t x = 0; x < count * kBlock; x += kLanes<T>) {
    store(histogram + x, load(histogram + x) + load(repeated + x));
    store(repeated + x, zero);
  }
  const T* last = histogram + (bins - 1) * kBin;  // the bin before
  for (int64_t k = 0; k < bins; ++k, above += pitch, below += pitch) {
    T* bin = histogram + k * kBin;
    Values<T> last_top{}, last_bottom{};
    for (int64_t b = 0; b <= count; b += kLanes<T>) {
      Values<T> part[4];
      for (int i = 0; i < 4; ++i) {
        part[i] = corners_of<kBilinear ? 0 : -1>(bin, b, i);
        if (kBilinear) part[i] += corners_of<1>(last, b, i);
        if (!kBilinear) store(bin + 4 * b + i * kLanes<T>, zero);
      }
      const BlockCorners<T> c(part[0], part[1], part[2], part[3]);
      store(above + b, load(above + b) + (c.tl + shifted(last_top, c.tr, lane)));
      store(below + b, load(below + b) + (c.bl + shifted(last_bottom, c.br, lane)));
      last_top = c.tr;
      last_bottom = c.br;
    }
    last = bin;
  }
  for (int64_t k = 0; kBilinear && k < bins; ++k)  // each was read twice
    std::memset(histogram + k * kBin, 0, sizeof(T) * count * kBlock);
}

EF_LEVEL_END
