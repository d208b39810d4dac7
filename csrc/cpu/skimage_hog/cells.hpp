#pragma once
#include "cpu/skimage_hog/rows.hpp"
#include "cpu/skimage_hog/votes.hpp"

// Rows of pixels vote, rows of cells are finished.
EF_LEVEL_BEGIN

// Pixels at the same place of consecutive cells vote one after the other, so that no vote waits for the
// one before it. kCell: pixels between them, 0: any; kStride: bytes of a cell's sums, 0: any.
template <int kCell, int kStride>
EF_INLINE void cast_cell_votes(const float* EF_RESTRICT vote, const int32_t* EF_RESTRICT place,
                               int64_t cell, int64_t stride, int64_t count, float* sums) {
  const int64_t step = kCell ? kCell : cell, far = kStride ? kStride : stride;
  char* to = reinterpret_cast<char*>(sums);
  const auto add = [&](int64_t k) {
    float* sum = reinterpret_cast<float*>(to + k * far + static_cast<uint32_t>(place[k * step]));
    *sum += vote[k * step];
  };
  int64_t c = 0;
  for (; c + 4 <= count; c += 4, vote += 4 * step, place += 4 * step, to += 4 * far) {
    for (int64_t k = 0; k < 4; ++k) add(k);
  }
  for (; c < count; ++c, vote += step, place += step, to += far) add(0);
}

// kColours, kN, kCell: the number of channels and of orientations and the columns of a cell, 0: any.
template <class In, class T, int kColours, int kN, int kCell, bool kDiagonal>
class CellRows {
 public:
  CellRows(const SkimageHogCells& a, const CellsPlan& p, const HalfTurn& t, char* memory,
           std::vector<UndecidedPixel>& undecided)
      : a_(a),
        p_(p),
        t_(t),
        s_(p, memory),
        image_(a.image.cast<const In>()),
        rows_(p, image_, s_.ring),
        undecided_(undecided) {
    std::fill_n(s_.sums, p.columns * p.stride, 0.0f);
  }

  // Rows [first, last) of cells.
  void run(int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      const int64_t y0 = r * p_.cell_rows, end = y0 + p_.cell_rows;
      make_votes(rows_.rows(y0), y0, 0, vectors());
      for (int64_t y = y0; y < end; ++y) vote_row(y, y + 1 < end);
      finish_row(a_.histogram + r * a_.pitch);
    }
  }

 private:
  static constexpr bool kWhole = sizeof(In) == 1;
  static constexpr int kStride = (kN + 15) / 16 * 16 * 4;

  int64_t vectors() const { return (p_.width + kLanes<float> - 1) / kLanes<float>; }

  // Casts the votes of row y and makes those of the next one in between: votes wait for memory,
  // gradients for arithmetic.
  void vote_row(int64_t y, bool more) {
    const int64_t cell = kCell ? kCell : p_.cell_columns, vectors = more ? this->vectors() : 0;
    Rows<T> next{};
    if (more) next = rows_.rows(y + 1);
    const float* vote = s_.vote[y % 2];
    const int32_t* place = s_.place[y % 2];
    for (int64_t j = 0, made = 0, due = 0; j < cell; ++j) {
      cast_cell_votes<kCell, kStride>(vote + j, place + j, cell, p_.stride * 4, p_.columns,
                                      s_.sums);
      due += vectors;
      make_votes(next, y + 1, made, made + due / cell);
      made += due / cell;
      due %= cell;
    }
  }

  EF_INLINE void make_votes(const Rows<T>& rows, int64_t y, int64_t begin, int64_t end) {
    float* vote = s_.vote[y % 2];
    int32_t* place = s_.place[y % 2];
    for (int64_t v = begin; v < end; ++v) {
      const int64_t x = v * kLanes<float>;
      const VectorVotes votes =
          vector_votes<kColours, kN, kWhole, kDiagonal>(rows, x, p_.colours, t_);
      store(vote + x, votes.vote);
      store(place + x, votes.bin * 4);
      const uint32_t unsure = signs_of(votes.unsure);
      if (__builtin_expect(unsure != 0, 0)) vote_singly(rows, y, x, unsure);
    }
  }

  __attribute__((noinline)) void vote_singly(const Rows<T>& rows, int64_t y, int64_t first,
                                             uint32_t lanes) {
    for (; lanes; lanes &= lanes - 1) {
      const int64_t x = first + __builtin_ctz(lanes);
      if (x >= p_.width) return;
      const PixelGradient<T> g(rows, x, p_.colours, rows_.inside(y), x > 0 && x < p_.w - 1);
      const int bin = half_turn_bin(g.x, g.y, t_);
      if (bin < 0) {
        const int64_t cell = y / p_.cell_rows * a_.pitch + x / p_.cell_columns * p_.n;
        const double area = static_cast<double>(p_.cell_rows * p_.cell_columns);
        undecided_.push_back({cell, g.y, g.x, g.length / area});
      }
      s_.vote[y % 2][x] = bin < 0 ? 0.0f : static_cast<float>(g.length);
      s_.place[y % 2][x] = 4 * std::max(bin, 0);
    }
  }

  // Sums to means, from `stride` numbers of a cell to n.
  void finish_row(float* to) {
    const Values<float> area = all(static_cast<float>(p_.cell_rows * p_.cell_columns));
    float* sums = s_.sums;
    for (int64_t c = 0; c < p_.columns; ++c, sums += p_.stride, to += p_.n) {
      for (int64_t k = 0; k < p_.n; k += kLanes<float>) {
        store(to + k, load(sums + k) / area);
        store(sums + k, Values<float>{});
      }
    }
  }

  const SkimageHogCells& a_;
  const CellsPlan& p_;
  const HalfTurn& t_;
  const CellsScratch<T> s_;
  const View<const In, 3> image_;
  ImageRows<In, T> rows_;
  std::vector<UndecidedPixel>& undecided_;
};

EF_LEVEL_END
