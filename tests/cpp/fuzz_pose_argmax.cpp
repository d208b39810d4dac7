#include "fuzz.hpp"
#include "ops/pose_argmax.hpp"

// pose_argmax over random banks and questions. The panels hold any numbers: what a route then finds is wrong, and must
// be so within its arrays.
namespace fuzz {
namespace {

struct Bank {
  int64_t g, c, kh, kw, tile, rank, clusters;
  std::vector<float> templates, direct, spectrum, mix, residual, coarse_step, centres,
      cluster_radius, cluster_residual;
  std::vector<int64_t> cluster;
  std::vector<int16_t> coarse;
  std::vector<double> norm, sums;

  Bank(Random& random, ef::PoseRoute route)
      : g(random.integer(1, random.coin()   ? 5
                            : random.coin() ? 40
                                            : 200)),
        c(random.integer(1, random.coin() ? 4 : 35)),
        kh(random.integer(1, random.coin() ? 4 : 16)),
        kw(random.integer(1, random.coin() ? 4 : 16)),
        tile(random.coin() ? 16 : 32),
        rank(route == ef::PoseRoute::low_rank ? 16 * random.integer(1, 2) : 0),
        clusters(rank ? random.integer(0, 2) : 0) {
    const int64_t blocks = (g + 15) / 16, cp = (c + 15) / 16 * 16,
                  parts = rank ? rank / 16 : blocks;
    templates = finite<float>(random, g * kh * kw * cp);
    direct = finite<float>(random, parts * kh * kw * c * 16);
    spectrum = finite<float>(random, parts * (tile * tile / 2 + 2) * c * 32);
    mix = finite<float>(random, blocks * rank * 16);
    residual = finite<float>(random, blocks * 16);
    centres = finite<float>(random, clusters * rank * 16);
    cluster_radius = finite<float>(random, clusters * 16);
    cluster_residual = finite<float>(random, clusters * 16);
    for (int64_t pose = 0; clusters && pose < g; ++pose)
      cluster.push_back(random.integer(0, clusters * 16 - 1));
    coarse = finite<int16_t>(random, blocks * kh * kw * ((c + 1) / 2) * 32);
    coarse_step = finite<float>(random, blocks * 16);
    norm = finite<double>(random, g);
    sums = finite<double>(random, g * c);
  }

  template <class T>
  static std::vector<T> finite(Random& random, int64_t count) {
    std::vector<T> all(static_cast<size_t>(count));
    for (T& v : all) v = static_cast<T>(static_cast<T>(random.integer(-8, 8)) / 4);
    return all;
  }

  ef::PosePanels panels(ef::PoseRoute route, bool tiled, bool coarsely) const {
    const bool spectral = tiled && route != ef::PoseRoute::direct;
    return {route,
            templates.data(),
            norm.data(),
            sums.data(),
            direct.data(),
            spectral ? spectrum.data() : nullptr,
            tile,
            mix.data(),
            residual.data(),
            .1,
            .1,
            4.,
            rank,
            cluster.data(),
            centres.data(),
            cluster_radius.data(),
            cluster_residual.data(),
            clusters,
            route == ef::PoseRoute::direct && coarsely ? coarse.data() : nullptr,
            coarse_step.data(),
            .1};
  }
};

struct Results {
  std::vector<float> score;
  std::vector<int64_t> pose, y, x, rescored;
  Results(int64_t n, int64_t each)
      : score(static_cast<size_t>(n * each)),
        pose(score.size()),
        y(score.size()),
        x(score.size()),
        rescored(static_cast<size_t>(n)) {}
};

}  // namespace

void pose_argmax(Random& random) {
  const auto route = static_cast<ef::PoseRoute>(random.integer(0, 2));
  const Bank bank(random, route);
  // Now and then more than eight blocks of poses on more tiles than one block of them: then tasks are larger.
  const int64_t room = bank.g * bank.c < 1000 ? 70 : 30;
  const int64_t n = random.integer(1, room > 30 ? 2 : 5), h = bank.kh + random.integer(0, room),
                w = bank.kw + random.integer(0, room);
  const int64_t rows = h - bank.kh + 1, columns = w - bank.kw + 1;
  const int64_t size[4] = {n, bank.c, h, w};
  Array<float> features(random, size, true);
  const auto bias = Bank::finite<float>(random, bank.g),
             prior = Bank::finite<float>(random, n * bank.g);
  std::vector<uint8_t> mask(static_cast<size_t>(n * rows * columns)),
      neighbours(static_cast<size_t>(bank.g * bank.g));
  for (uint8_t& m : mask) m = random.coin();
  for (uint8_t& m : neighbours) m = random.coin();
  const int64_t given = random.integer(1, 20);
  std::vector<int64_t> positions;
  for (int64_t k = 0; k < n * given; ++k) {
    positions.push_back(random.integer(0, rows - 1));
    positions.push_back(random.integer(0, columns - 1));
  }
  const bool scattered = random.integer(0, 3) == 0, over_image = random.coin();
  const int64_t top_k = over_image ? random.integer(1, 12) : 1,
                windows = scattered ? given : rows * columns;
  Results out(n, over_image ? top_k : windows);
  ef::PoseArgmaxArgs args{};
  args.features = features.view.cast<const float>();
  args.poses = bank.g;
  args.kh = bank.kh;
  args.kw = bank.kw;
  args.panels = bank.panels(route, random.coin(), random.coin());
  args.bias = random.coin() ? bias.data() : nullptr;
  args.prior = random.coin() ? prior.data() : nullptr;
  args.prior_stride = random.coin() ? bank.g : 0;
  args.mask = random.coin() ? mask.data() : nullptr;
  args.mask_stride = random.coin() ? rows * columns : 0;
  args.positions = scattered ? positions.data() : nullptr;
  args.positions_stride = random.coin() ? 2 * given : 0;
  args.positions_count = scattered ? given : 0;
  args.over_image = over_image;
  args.top_k = top_k;
  args.suppression = random.coin() ? static_cast<double>(random.integer(0, 4)) : -1;
  args.neighbours = random.coin() ? neighbours.data() : nullptr;
  args.threshold = random.coin() ? 0 : -std::numeric_limits<double>::infinity();
  args.score = out.score.data();
  args.pose = out.pose.data();
  args.y = out.y.data();
  args.x = out.x.data();
  args.budget = random.coin() ? 100 : int64_t{1} << 40;
  args.rescored = out.rescored.data();
  args.threads = static_cast<int>(random.integer(1, 3));
  const Workspace workspace(ef::pose_argmax_workspace(args));
  args.workspace = workspace.memory.get();
  try {
    ef::pose_argmax_cpu(args);
  } catch (const std::invalid_argument&) {  // the features hold a NaN now and then
  }
}

}  // namespace fuzz
