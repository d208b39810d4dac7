#pragma once
#include "cpu/lanes.hpp"

// Discrete Fourier transforms of 16 and of 32 complex numbers, one in each lane, unscaled and in natural order. Forward
// is the inverse with the real and the imaginary parts exchanged. docs/exact-argmax.md counts their roundings: a path
// from an input to an output meets four additions and one product with a constant (16), one more of each (32).
EF_LEVEL_BEGIN

// (re, im) *= cosine + i sine
EF_INLINE void turn(Values<float>& re, Values<float>& im, float cosine, float sine) {
  if (cosine == 0 && sine == 1) {
    const Values<float> old = re;
    re = -im;
    im = old;
    return;
  }
  const Values<float> c = all(cosine), s = all(sine), old = re;
  re = product_less(old, c, im * s);
  im = product_plus(old, s, im * c);
}

EF_INLINE void butterfly4(Values<float>* re, Values<float>* im, int a, int b, int c, int d) {
  const Values<float> r0 = re[a] + re[c], i0 = im[a] + im[c], r1 = re[a] - re[c],
                      i1 = im[a] - im[c], r2 = re[b] + re[d], i2 = im[b] + im[d],
                      r3 = re[b] - re[d], i3 = im[b] - im[d];
  re[a] = r0 + r2;
  im[a] = i0 + i2;
  re[b] = r1 - i3;
  im[b] = i1 + r3;
  re[c] = r0 - r2;
  im[c] = i0 - i2;
  re[d] = r1 + i3;
  im[d] = i1 - r3;
}

// cos and sin of 2 pi k / 32
constexpr float kCosines[32] = {1.f,
                                0.980785280403f,
                                0.923879532511f,
                                0.831469612303f,
                                0.707106781187f,
                                0.55557023302f,
                                0.382683432365f,
                                0.195090322016f,
                                0.f,
                                -0.195090322016f,
                                -0.382683432365f,
                                -0.55557023302f,
                                -0.707106781187f,
                                -0.831469612303f,
                                -0.923879532511f,
                                -0.980785280403f,
                                -1.f,
                                -0.980785280403f,
                                -0.923879532511f,
                                -0.831469612303f,
                                -0.707106781187f,
                                -0.55557023302f,
                                -0.382683432365f,
                                -0.195090322016f,
                                0.f,
                                0.195090322016f,
                                0.382683432365f,
                                0.55557023302f,
                                0.707106781187f,
                                0.831469612303f,
                                0.923879532511f,
                                0.980785280403f};
constexpr float cosine_of(int k) { return kCosines[k % 32]; }
constexpr float sine_of(int k) { return kCosines[(k + 24) % 32]; }

template <int kSize>
struct Dft;

template <>
struct Dft<16> {
  static EF_INLINE void inverse(Values<float>* re, Values<float>* im) {
    Values<float> r[16], i[16];
#pragma GCC unroll 16
    for (int k = 0; k < 16; ++k) {
      r[k] = re[k];
      i[k] = im[k];
    }
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) butterfly4(r, i, k, k + 4, k + 8, k + 12);
#pragma GCC unroll 4
    for (int m = 1; m < 4; ++m)
#pragma GCC unroll 4
      for (int k = 1; k < 4; ++k)
        turn(r[4 * m + k], i[4 * m + k], cosine_of(2 * m * k), sine_of(2 * m * k));
#pragma GCC unroll 4
    for (int m = 0; m < 4; ++m) {
      butterfly4(r, i, 4 * m, 4 * m + 1, 4 * m + 2, 4 * m + 3);
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) {
        re[m + 4 * q] = r[4 * m + q];
        im[m + 4 * q] = i[4 * m + q];
      }
    }
  }
};

template <>
struct Dft<32> {
  static EF_INLINE void inverse(Values<float>* re, Values<float>* im) {
    Values<float> even_re[16], even_im[16], odd_re[16], odd_im[16];
    for (int k = 0; k < 16; ++k) {
      even_re[k] = re[2 * k];
      even_im[k] = im[2 * k];
      odd_re[k] = re[2 * k + 1];
      odd_im[k] = im[2 * k + 1];
    }
    Dft<16>::inverse(even_re, even_im);
    Dft<16>::inverse(odd_re, odd_im);
#pragma GCC unroll 16
    for (int k = 0; k < 16; ++k) {
      if (k) turn(odd_re[k], odd_im[k], cosine_of(k), sine_of(k));
      re[k] = even_re[k] + odd_re[k];
      im[k] = even_im[k] + odd_im[k];
      re[k + 16] = even_re[k] - odd_re[k];
      im[k + 16] = even_im[k] - odd_im[k];
    }
  }
};

template <int kSize>
EF_INLINE void inverse_dft(Values<float>* re, Values<float>* im) {
  Dft<kSize>::inverse(re, im);
}
template <int kSize>
EF_INLINE void forward_dft(Values<float>* re, Values<float>* im) {
  Dft<kSize>::inverse(im, re);
}

EF_LEVEL_END
