#pragma once
#include "cpu/pose_argmax/dft.hpp"
#include "cpu/pose_argmax/group.hpp"
#include "cpu/pose_argmax/products.hpp"

// Correlation of a field with a bank by overlapping tiles: a tile's transform, its products with the cached spectrum
// of the bank, and the inverse transform, from whose registers the scores go to the table. No score is stored.
EF_LEVEL_BEGIN

template <int kTile>
class TileProducts {
 public:
  static constexpr int kHalf = kTile / 2 + 1;
  // Tiles that fit the second-level cache together.
  static constexpr int64_t kBlock = 3 * kTileRows;

  // Of the poses of the spectrum in the panels: those of the bank, or those of the basis.
  TileProducts(const PoseGroup& group, int64_t blocks, int threads, void* memory = nullptr)
      : g_(group), p_(group.p), blocks_(blocks), carver_(memory) {
    tiles_ = g_.count * p_.tiles();
    slots_ = share_of(tiles_, threads);
    most_ = std::min(limit(), whole_blocks(p_.group * p_.tiles(), threads));
    field_ = carver_.template take<float>(p_.frequencies * most_ * 3 * p_.cp);
    half_ = carver_.template take<float>(kHalf * kTile * kComplex);
    column_ = carver_.template take<float>(kBlock * kTileGroups * kTile * kComplex);
    rows_ = carver_.template take<float>(kBlock * kTileGroups * p_.valid_rows * kHalf * kComplex);
  }
  size_t bytes() const { return carver_.bytes(); }
  int64_t tasks() const { return (tiles_ + slots_ - 1) / slots_; }
  int64_t most_entries() const { return most_ * p_.tile_windows(); }

  // visit(image, first entry, last entry + 1) for what a task fills
  template <class Visit>
  void ranges(int64_t task, const Visit& visit) const {
    for (int64_t t = first(task); t < first(task + 1); ++t) {
      const int64_t begin = t % p_.tiles() * p_.tile_windows();
      visit(t / p_.tiles(), begin, begin + p_.tile_windows());
    }
  }

  // |error| <= length of the template * this, for each of a range's entries.
  void errors(int64_t i, int64_t begin, int64_t end, double* error) const {
    const Corner at = p_.tile_corner(begin / p_.tile_windows());
    const double length = length_in(g_.energy_of(i), p_, at.y, at.x, kTile, kTile);
    std::fill_n(error, end - begin, certain(fft_factor(kTile, p_.c) * length, length, g_.longest));
  }
  double offset_error() const { return fft_offset_factor(kTile); }

  // sink(image, entry, vector of poses, scores); `shifted`: with the offsets of the poses.
  template <class Sink>
  void run(int64_t task, bool shifted, const Sink& sink) {
    begin_ = first(task);
    used_ = first(task + 1) - begin_;
    for (int64_t slot = 0; slot < used_; ++slot) transform_field(slot);
    const int64_t vectors = blocks_ * kParts;
    int64_t v = 0;
    for (; v + kTileGroups <= vectors; v += kTileGroups) run_poses<kTileGroups>(v, shifted, sink);
    for (; v < vectors; ++v) run_poses<1>(v, shifted, sink);
  }

 private:
  using V = Values<float>;
  static constexpr int64_t kComplex = 2 * kLanes<float>;

  // The tiles of task t are first(t) .. first(t + 1) - 1.
  int64_t first(int64_t task) const { return std::min(task * slots_, tiles_); }

  struct Tile {
    int64_t image;
    Corner corner;
  };

  // Columns 0 and kTile / 2 are their own mirror images: half of each is kept.
  static constexpr bool mirrored(int kx) { return kx == 0 || kx == kTile / 2; }
  static constexpr int rows_of(int kx) { return mirrored(kx) ? kHalf : kTile; }
  static constexpr int first_of(int kx) { return kx ? kHalf + (kx - 1) * kTile : 0; }

  // A task reads the whole bank. Where that comes from memory, many tiles share it, up to 16 MiB a thread; small
  // banks stay in the caches, as long as the tiles leave them there.
  int64_t limit() const {
    constexpr int64_t kFloats = 4 << 20;
    const int64_t shared = kFloats / (p_.frequencies * 3 * p_.cp * kBlock);
    return blocks_ > 8 ? std::clamp<int64_t>(shared, 1, 5) * kBlock : kBlock;
  }

  // Tiles of a task: whole blocks for one thread, and the same number for each of several.
  int64_t share_of(int64_t tiles, int threads) const {
    if (threads == 1) return std::min(limit(), whole_blocks(tiles, 1));
    const int64_t share = std::max<int64_t>((tiles + threads - 1) / threads, 1);
    const int64_t parts = (share + limit() - 1) / limit();
    return (share + parts - 1) / parts;
  }
  static int64_t whole_blocks(int64_t tiles, int threads) {
    const int64_t share = std::max<int64_t>((tiles + threads - 1) / threads, 1);
    return (share + kBlock - 1) / kBlock * kBlock;
  }

  // Real and imaginary parts of a tile at one frequency and their sums, p_.cp numbers each. Tiles of a block lie
  // together.
  float* frequency(int64_t f, int64_t slot) const {
    const int64_t block = slot / kBlock * p_.frequencies + f;
    return field_ + (block * kBlock + slot % kBlock) * 3 * p_.cp;
  }
  float* row_of(int64_t slot, int group, int64_t row) const {
    return rows_ + ((slot % kBlock * kTileGroups + group) * p_.valid_rows + row) * kHalf * kComplex;
  }

  float* column_of(int64_t slot, int group) const {
    return column_ + (slot % kBlock * kTileGroups + group) * kTile * kComplex;
  }

  template <int kGroups, class Sink>
  void run_poses(int64_t v, bool shifted, const Sink& sink) {
    for (int64_t begin = 0; begin < used_; begin += kBlock) {
      const int64_t end = std::min(begin + kBlock, used_);
      for (int kx = 0; kx < kHalf; ++kx) multiply_column<kGroups>(v, kx, begin, end);
      for (int64_t slot = begin; slot < end; ++slot)
        for (int group = 0; group < kGroups; ++group)
          invert_rows(slot, group, v + group, shifted, sink);
    }
  }

  void transform_field(int64_t slot) {
    const int64_t tile = begin_ + slot;
    const Tile at = {tile / p_.tiles(), p_.tile_corner(tile % p_.tiles())};
    for (int64_t c = 0; c < p_.cp; c += kLanes<float>) {
      for (int y = 0; y < kTile; y += 2) transform_two_rows(at, y, c);
      for (int kx = 0; kx < kHalf; ++kx) transform_column(slot, kx, c);
    }
  }

  void load_row(const Tile& at, int64_t y, int64_t c, V* to) const {
    const V mean = load(g_.mean_of(at.image) + c);
    const int64_t row = at.corner.y + y, left = at.corner.x;
    const float* from = g_.field_of(at.image) + (row * p_.w + left) * p_.cp + c;
    const int64_t inside = row < p_.h ? std::min<int64_t>(p_.w - left, kTile) : 0;
    for (int64_t x = 0; x < inside; ++x) to[x] = load(from + x * p_.cp) - mean;
    for (int64_t x = inside; x < kTile; ++x) to[x] = V{};
  }

  // Two real rows share one complex transform: their spectra are its even and its odd part.
  void transform_two_rows(const Tile& at, int y, int64_t c) {
    V re[kTile], im[kTile];
    load_row(at, y, c, re);
    load_row(at, y + 1, c, im);
    forward_dft<kTile>(re, im);
    for (int k = 0; k < kHalf; ++k) {
      const int m = (kTile - k) % kTile;
      float* to = half_ + (k * kTile + y) * kComplex;
      store(to, .5f * (re[k] + re[m]));
      store(to + kLanes<float>, .5f * (im[k] - im[m]));
      store(to + kComplex, .5f * (im[k] + im[m]));
      store(to + kComplex + kLanes<float>, .5f * (re[m] - re[k]));
    }
  }

  void transform_column(int64_t slot, int kx, int64_t c) {
    V re[kTile], im[kTile];
    for (int y = 0; y < kTile; ++y) {
      re[y] = load(half_ + (kx * kTile + y) * kComplex);
      im[y] = load(half_ + (kx * kTile + y) * kComplex + kLanes<float>);
    }
    forward_dft<kTile>(re, im);
    for (int ky = 0; ky < rows_of(kx); ++ky) {
      float* to = frequency(first_of(kx) + ky, slot) + c;
      store(to, re[ky]);
      store(to + p_.cp, im[ky]);
      store(to + 2 * p_.cp, re[ky] + im[ky]);
    }
  }

  // The frequencies of column kx of kTileRows tiles and kTileGroups vectors of poses, and their transform along y.
  template <int kGroups>
  void multiply_column(int64_t v, int kx, int64_t begin, int64_t end) {
    const float* w[kGroups];
    const int64_t numbers = p_.c * 2;  // of a pose at one frequency
    for (int group = 0; group < kGroups; ++group)
      w[group] = panel_of(g_.a.panels.spectrum, v + group, p_.frequencies * numbers) +
                 first_of(kx) * numbers * kPoseBlock;
    for (int ky = 0; ky < rows_of(kx); ++ky) {
      const bool mirror = mirrored(kx) && ky > 0 && ky < kTile / 2;
      int64_t slot = begin;
      for (; slot + kTileRows <= end; slot += kTileRows)
        multiply_frequency<kTileRows, kGroups>(w, slot, kx, ky, mirror);
      for (; slot < end; ++slot) multiply_frequency<1, kGroups>(w, slot, kx, ky, mirror);
      for (int group = 0; group < kGroups; ++group) w[group] += numbers * kPoseBlock;
    }
    for (int64_t slot = begin; slot < end; ++slot)
      for (int group = 0; group < kGroups; ++group) invert_column(group, kx, slot);
  }

  template <int kRows, int kGroups>
  EF_INLINE void multiply_frequency(const float* const* w, int64_t slot, int kx, int ky,
                                    bool mirror) {
    V re[kRows][kGroups], im[kRows][kGroups];
    multiply_tiles<kRows, kGroups>(frequency(first_of(kx) + ky, slot), 3 * p_.cp, p_.cp, w, p_.c,
                                   slot % kBlock == 0, re, im);
    for (int j = 0; j < kRows; ++j)
      for (int group = 0; group < kGroups; ++group) {
        float* to = column_of(slot + j, group) + ky * kComplex;
        store(to, re[j][group]);
        store(to + kLanes<float>, im[j][group]);
        if (!mirror) continue;
        to += (kTile - 2 * ky) * kComplex;
        store(to, re[j][group]);
        store(to + kLanes<float>, -im[j][group]);
      }
  }

  void invert_column(int group, int kx, int64_t slot) {
    const float* from = column_of(slot, group);
    V re[kTile], im[kTile];
    for (int ky = 0; ky < kTile; ++ky) {
      re[ky] = load(from + ky * kComplex);
      im[ky] = load(from + ky * kComplex + kLanes<float>);
    }
    inverse_dft<kTile>(re, im);
    float* to = row_of(slot, group, 0) + kx * kComplex;
    for (int64_t y = 0; y < p_.valid_rows; ++y, to += kHalf * kComplex) {
      store(to, re[y]);
      store(to + kLanes<float>, im[y]);
    }
  }

  // Two rows of real scores share one complex transform. Real parts of the spectra of real rows stand alone at the
  // ends; what rounding left of the imaginary ones there is dropped.
  template <class Sink>
  void invert_rows(int64_t slot, int group, int64_t vector, bool shifted, const Sink& sink) {
    const int64_t tile = begin_ + slot;
    const int64_t image = tile / p_.tiles(), columns = p_.valid_columns;
    const V offset = shifted ? load(g_.offset_of(image) + vector * kLanes<float>) : V{};
    int64_t entry = tile % p_.tiles() * p_.tile_windows();
    for (int64_t y = 0; y < p_.valid_rows; y += 2, entry += 2 * columns) {
      const bool both = y + 1 < p_.valid_rows;
      const float* a = row_of(slot, group, y);
      const float* b = both ? a + kHalf * kComplex : a;
      V re[kTile], im[kTile];
      combine(a, b, offset, re, im);
      inverse_dft<kTile>(re, im);
      for (int64_t x = 0; x < columns; ++x) sink(image, entry + x, vector, re[x]);
      for (int64_t x = 0; both && x < columns; ++x) sink(image, entry + columns + x, vector, im[x]);
    }
  }

  // The spectrum of row a + i row b; `offset` goes to all their scores.
  static EF_INLINE void combine(const float* a, const float* b, V offset, V* re, V* im) {
    for (int k = 0; k < kHalf; ++k, a += kComplex, b += kComplex) {
      const V ar = load(a), ai = load(a + kLanes<float>), br = load(b),
              bi = load(b + kLanes<float>);
      if (k == 0 || k == kTile / 2) {
        re[k] = k ? ar : ar + offset;
        im[k] = k ? br : br + offset;
        continue;
      }
      re[k] = ar - bi;
      im[k] = ai + br;
      re[kTile - k] = ar + bi;
      im[kTile - k] = br - ai;
    }
  }

  const PoseGroup& g_;
  const PosePlan& p_;
  int64_t blocks_, tiles_, slots_, most_, begin_ = 0, used_ = 0;
  Carver carver_;
  float *field_, *half_, *column_, *rows_;
};

EF_LEVEL_END
