// dlib's extract_fhog_features behind C functions, for hog_rivals.py. The image is put into dlib's form
// once, and the planes are kept: what is timed is the extraction alone.
#include <cstddef>
#include <cstdint>

#include <dlib/array.h>
#include <dlib/array2d.h>
#include <dlib/image_transforms/fhog.h>
#include <dlib/pixel.h>

namespace {

struct Job {
  virtual ~Job() = default;
  virtual void run() = 0;
};

template <class Pixel>
struct JobOf : Job {
  dlib::array2d<Pixel> image;
  dlib::array<dlib::array2d<float>> planes;
  int cell;

  JobOf(const uint8_t* pixels, long rows, long columns, int size)
      : image(rows, columns), cell(size) {
    const Pixel* from = reinterpret_cast<const Pixel*>(pixels);
    for (long r = 0; r < rows; ++r)
      for (long c = 0; c < columns; ++c) image[r][c] = from[r * columns + c];
  }
  void run() override { dlib::extract_fhog_features(image, planes, cell); }
};

}  // namespace

extern "C" void* dlib_fhog_job(const uint8_t* pixels, long rows, long columns, int colour,
                               int cell) {
  if (colour) return static_cast<Job*>(new JobOf<dlib::rgb_pixel>(pixels, rows, columns, cell));
  return static_cast<Job*>(new JobOf<unsigned char>(pixels, rows, columns, cell));
}
extern "C" void dlib_fhog_run(void* job) { static_cast<Job*>(job)->run(); }
extern "C" void dlib_fhog_free(void* job) { delete static_cast<Job*>(job); }
