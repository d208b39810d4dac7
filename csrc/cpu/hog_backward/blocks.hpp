#pragma once
#include "cpu/hog/normalise.hpp"
#include "cpu/hog_backward/plan.hpp"

// From the gradient of the channels back to that of the cells, row by row. With a, b the two directed
// bins of an undirected one and u = a + b, every channel is a sum of min(0.2, v / l) over blocks of
// length l, where v is a, b or u; and l^2 = sum over four cells of u^2.
EF_LEVEL_BEGIN

// Adds what flows back through one clipped quotient: to v, and to 1 / l.
template <class T>
struct Back {
  Values<T> inverse[4], share[4];

  // grad: with respect to the clipped quotient of block q.
  EF_INLINE Values<T> through(int q, Values<T> value, Values<T> grad) {
    const Values<T> zero{};
    const Values<T> passed = value * inverse[q] > all<T>(T(kClip)) ? zero : grad;
    share[q] += passed * value;
    return passed * inverse[q];
  }
  // The same gradient for all four blocks.
  EF_INLINE Values<T> through(Values<T> value, Values<T> grad) {
    return (through(0, value, grad) + through(1, value, grad)) +
           (through(2, value, grad) + through(3, value, grad));
  }
};

// One vector of cells at x: their bins' direct gradients, and shares of their blocks. Blocks are
// TL TR BL BR.
template <HogVariant kVariant, class T>
EF_INLINE void vector_back(const HogPlan& p, const T* cells, const T* grad, Back<T>& back,
                           T* direct) {
  const int64_t n = p.n, pitch = p.pitch;
  if (kVariant == HogVariant::dalal_triggs) {
    for (int64_t k = 0; k < n; ++k) {
      const Values<T> both = load(cells + k * pitch) + load(cells + (k + n) * pitch);
      Values<T> sum{};
      for (int q = 0; q < 4; ++q) sum += back.through(q, both, load(grad + (q * n + k) * pitch));
      store(direct + k * pitch, sum);
      store(direct + (k + n) * pitch, sum);
    }
    return;
  }
  constexpr bool kDpm = kVariant == HogVariant::dpm;  // textures BR TR BL TL, of directed bins
  constexpr int order[4] = {kDpm ? 3 : 0, 1, 2, kDpm ? 0 : 3};
  Values<T> texture[4];
  const T scale = static_cast<T>(kDpm ? kTextureDpm : kTextureUoctti);
  for (int q = 0; q < 4; ++q) texture[q] = load(grad + (3 * n + order[q]) * pitch) * scale;
  for (int64_t k = 0; k < n; ++k) {
    const Values<T> a = load(cells + k * pitch), b = load(cells + (k + n) * pitch), both = a + b;
    const Values<T> grad_a = load(grad + k * pitch) * T(0.5),
                    grad_b = load(grad + (k + n) * pitch) * T(0.5),
                    grad_both = load(grad + (k + 2 * n) * pitch) * T(0.5);
    Values<T> to_a{}, to_b{}, to_both{};
    for (int q = 0; q < 4; ++q) {
      to_a += back.through(q, a, kDpm ? grad_a + texture[q] : grad_a);
      to_b += back.through(q, b, kDpm ? grad_b + texture[q] : grad_b);
      to_both += back.through(q, both, kDpm ? grad_both : grad_both + texture[q]);
    }
    store(direct + k * pitch, to_a + to_both);
    store(direct + (k + n) * pitch, to_b + to_both);
  }
}

template <HogVariant kVariant, class T>
void row_back(const HogPlan& p, const T* cells, const CellScratch<T>& s, T* direct) {
  const T *above = s.inverse, *below = s.inverse + p.pitch;
  for (int64_t x = 0; x < p.columns; x += kLanes<T>) {
    Back<T> back{{load(above + x), load(above + x + 1), load(below + x), load(below + x + 1)}, {}};
    vector_back<kVariant, T>(p, cells + x + 1, s.grad + x + 1, back, direct + x + 1);
    for (int q = 0; q < 4; ++q) store(s.share[q] + x + 1, back.share[q]);
  }
}

template <class T>
void row_back(const HogPlan& p, HogVariant variant, const T* cells, const CellScratch<T>& s,
              T* direct) {
  constexpr auto kUoctti = HogVariant::uoctti, kDalalTriggs = HogVariant::dalal_triggs,
                 kDpm = HogVariant::dpm;
  constexpr decltype(&row_back<kUoctti, T>) rows[3] = {
      row_back<kUoctti, T>, row_back<kDalalTriggs, T>, row_back<kDpm, T>};
  rows[static_cast<int>(variant)](p, cells, s, direct);
}

// Copies row r of the given gradient to [channels][pitch], with zeros for cells that are not returned.
template <class T>
void load_row(const HogPlan& p, const View<const T, 4>& grad, int64_t i, int64_t r, T* row) {
  const int64_t first = 1 + p.dropped, columns = p.out_columns;
  const int64_t from_channel = grad.stride[1], from_column = grad.stride[3];
  for (int64_t d = 0; d < p.out_channels; ++d) row[d * p.pitch + 1] = T(0);
  for (int64_t d = 0; d < p.out_channels; ++d) row[d * p.pitch + p.columns] = T(0);
  const T* from = grad.at(i, 0, r, 0);
  if (from_channel == 1) {  // channels are neighbours
    for (int64_t x = 0; x < columns; ++x)
      for (int64_t d = 0; d < p.out_channels; ++d)
        row[d * p.pitch + first + x] = from[x * from_column + d];
    return;
  }
  for (int64_t d = 0; d < p.out_channels; ++d) {
    T* EF_RESTRICT to = row + d * p.pitch + first;
    const T* EF_RESTRICT plane = from + d * from_channel;
    if (from_column == 1) {
      std::copy_n(plane, columns, to);
    } else {
      for (int64_t x = 0; x < columns; ++x) to[x] = plane[x * from_column];
    }
  }
}

EF_LEVEL_END
