// moments over random fields: any numbers of channels, cells and fields, moved in any way, the kept panels of all
// widths.
#include "fuzz.hpp"
#include "ops/moments.hpp"

namespace fuzz {

// A field of whole cells, with gaps between channels and images, in memory of exactly its extent.
struct Field {
  std::vector<float> values;
  View<const float, 2> view;

  Field(Random& random, int64_t n, int64_t channels, int64_t cells) {
    const int64_t channel = cells + random.integer(0, 3), image = channels * channel;
    if (n && channels)
      values = random.values<float>((n - 1) * image + (channels - 1) * channel + cells);
    view = {values.data(), {n, channels}, {image, channel}};
  }
};

void moments(Random& random) {
  const auto channels = [&] {
    return random.integer(0, 3) ? random.integer(0, 20) : random.integer(21, 150);
  };
  const int64_t n = random.integer(0, 4), cells = random.integer(1, random.coin() ? 20 : 700),
                count = random.coin() ? cells : random.integer(0, cells), q = channels();
  const auto chosen = [&](int64_t size) {
    std::vector<int64_t> index(static_cast<size_t>(size));
    for (int64_t& source : index) source = random.integer(0, cells - 1);
    return index;
  };
  const Field y(random, n, q, cells);
  const auto used = chosen(count);
  auto sum_y = random.values<double>(q), yy = sum_y;
  ef::MomentsArgs args{
      y.view, random.coin() ? used.data() : nullptr, count, sum_y.data(), yy.data(), {}, nullptr};
  const int64_t fields = random.integer(0, 3);
  std::vector<Field> x;
  std::vector<std::vector<int64_t>> index;
  std::vector<std::vector<float>> weight;
  std::vector<std::vector<double>> sums;
  for (int64_t k = 0; k < fields; ++k) {
    const int64_t p = channels(), kind = random.integer(0, 2),
                  sources = kind == 2 ? random.integer(1, 5) : 1;
    x.emplace_back(random, n, p, cells);
    index.push_back(chosen(count * sources));
    weight.push_back(random.values<float>(count * sources));
    for (const int64_t size : {p, p * p, p * q}) sums.push_back(random.values<double>(size));
    double* const first = sums[sums.size() - 3].data();
    args.moved.push_back({x.back().view, kind ? index.back().data() : nullptr,
                          kind == 2 ? weight.back().data() : nullptr, sources, first,
                          sums[sums.size() - 2].data(), sums.back().data()});
  }
  const Workspace workspace(ef::moments_workspace(args));
  args.workspace = workspace.memory.get();
  ef::moments_cpu(args);
}

}  // namespace fuzz
