#pragma once
#include "cpu/partial.hpp"

// The core of a matrix product: a tile of rows by one to three vectors of columns, held in registers.
EF_LEVEL_BEGIN

// Rows of a tile come in units. Eight pointers to rows still stay in registers, and by two vectors their
// sums hide the latency of a multiply-add: twelve rows are slower.
#if defined(__AVX512F__)
constexpr int kUnit = 4, kUnits = 2, kWidest = 3;
#else
constexpr int kUnit = 2, kUnits = 3, kWidest = 2;
#endif
constexpr int64_t kTileRows = kUnits * kUnit;
constexpr int64_t whole_units(int64_t rows) { return (rows + kUnit - 1) / kUnit * kUnit; }

// A function of its own: inlined, the loop around it would take registers from the sums.
#define EF_APART __attribute__((noinline))

// Row r, step k of the left factor: rows that lie anywhere, or neighbours in the cells of a field.
template <class T, int kRows>
struct LooseRows {
  const T* row[kRows];
  EF_INLINE explicit LooseRows(const T* const* rows) {
    for (int r = 0; r < kRows; ++r) row[r] = rows[r];
  }
  EF_INLINE T at(int r, int64_t k) const { return row[r][k]; }
};
template <class T>
struct NeighbourRows {
  const T* first;
  int64_t step;
  EF_INLINE T at(int r, int64_t k) const { return first[k * step + r]; }
};

// sums[r][v] += sum_k left(r, k) panel[k][v], for a panel of kVectors vectors for each step k
template <class T, int kRows, int kVectors, class Left>
EF_INLINE void multiply(const Left& left, int64_t steps, const T* panel,
                        Values<T> (&sums)[kRows][kVectors]) {
  for (int64_t k = 0; k < steps; ++k, panel += kVectors * kLanes<T>) {
    Values<T> right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = load(panel + v * kLanes<T>);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Values<T> value = all(left.at(r, k));
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) sums[r][v] = product_plus(value, right[v], sums[r][v]);
    }
  }
}

// Where a tile's sums go: `rows` rows of the first `columns` lanes.
template <class T>
struct TileTarget {
  T* data;
  int64_t step, rows, columns;
};

template <class T, int kRows, int kVectors>
EF_INLINE void put(const Values<T> (&sums)[kRows][kVectors], TileTarget<T> to) {
  constexpr int last = kVectors - 1;
  const First<T> rest(to.columns - last * kLanes<T>);
  const bool whole = to.columns == kVectors * kLanes<T>;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    if (r >= to.rows) return;
    T* row = to.data + r * to.step;
#pragma GCC unroll 3
    for (int v = 0; v < last; ++v) store(row + v * kLanes<T>, sums[r][v]);
    if (whole) {
      store(row + last * kLanes<T>, sums[r][last]);
    } else {
      rest.store(row + last * kLanes<T>, sums[r][last]);
    }
  }
}

// Calls body with the number of rows of the next tile, as a constant, for `rows` rows that are left.
template <class Body>
EF_INLINE int64_t with_tile_rows(int64_t rows, const Body& body) {
  if constexpr (kUnits == 3) {
    if (rows > 2 * kUnit) {
      body(std::integral_constant<int, 3 * kUnit>{});
      return 3 * kUnit;
    }
  }
  if (rows > kUnit) {
    body(std::integral_constant<int, 2 * kUnit>{});
    return 2 * kUnit;
  }
  body(std::integral_constant<int, kUnit>{});
  return kUnit;
}

EF_LEVEL_END
