#pragma once
#include "cpu/hog_backward/differences.hpp"

// From the gradient of the differences back to that of the pixels, row by row.
EF_LEVEL_BEGIN

template <class T, int kColours, int kN, int kCell, bool kBilinear>
class PixelGradient {
 public:
  PixelGradient(const HogArgs& a, const BackwardPlan& p, const OrientationTable& t,
                const View<const T, 4>& grad, const BackwardScratch<T, Bit<T>>& scratch,
                const View<T, 4>& out)
      : p_(p),
        s_(scratch.pixels),
        differences_(a, p, t, grad, scratch),
        image_(a.image.cast<const T>()),
        out_(out) {
    // Whole vectors run over into the margins.
    std::memset(s_.pixels, 0, sizeof(T) * 3 * p_.colours * s_.width);
    std::memset(s_.gradient, 0, sizeof(T) * 3 * 2 * s_.width);
    std::memset(s_.channel, 0, sizeof(Bit<T>) * 3 * s_.width);
  }

  // Rows [first, last) of image i.
  void run(int64_t i, int64_t first, int64_t last) {
    loaded_ = -1;
    differences_.start(i, first - 1);
    for (int64_t y = first - 1; y <= last; ++y) {
      begin_row(i, y);
      if (y > first) finish_row(i, y - 1);
    }
  }

 private:
  T* pixel_row(int64_t y) const {
    return s_.pixels + (y + 3) % 3 * p_.colours * s_.width + s_.margin;
  }
  // Along x; along y it is `width` later.
  T* gradient_row(int64_t y) const { return s_.gradient + (y + 3) % 3 * 2 * s_.width + s_.margin; }
  Bit<T>* channel_row(int64_t y) const { return s_.channel + (y + 3) % 3 * s_.width + s_.margin; }

  // The gradient of the differences of row y; the outermost rows have none.
  void begin_row(int64_t i, int64_t y) {
    T* gradient = gradient_row(y);
    if (y < 1 || y > p_.h - 2 || p_.w < 3) {
      std::memset(gradient - s_.margin, 0, sizeof(T) * 2 * s_.width);
      return;
    }
    for (int64_t row = std::max(loaded_ + 1, y - 1); row <= y + 1; ++row)
      copy_pixels(image_.at(i, 0, row, 0), image_.stride[1], image_.stride[3], p_.colours,
                  pixel_row(row), s_.width, p_.w);
    loaded_ = y + 1;
    const Rows<T> rows{pixel_row(y - 1), pixel_row(y), pixel_row(y + 1), s_.width};
    differences_.row(y, rows, gradient, gradient + s_.width, channel_row(y));
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
  static EF_INLINE Values<T> where_equal(const Bit<T>* channel, Bit<T> c, Values<T> v) {
    return load(channel) == Bits<T>{} + c ? v : Values<T>{};
  }
  static EF_INLINE void put(Values<T> v, T* to, int64_t step, int64_t room) {
    if (step == 1 && room >= kLanes<T>) return store(to, v);
    for (int64_t l = 0; l < std::min<int64_t>(room, kLanes<T>); ++l) to[l * step] = v[l];
  }

  const BackwardPlan& p_;
  const PixelScratch<T, Bit<T>>& s_;
  DifferenceGradient<T, kColours, kN, kCell, kBilinear> differences_;
  View<const T, 4> image_;
  View<T, 4> out_;
  int64_t loaded_ = -1;  // the lowest image row in the ring
};

EF_LEVEL_END
