#include "cpu/pose_argmax/kernel.hpp"

#include "cpu/pose_argmax/locate.hpp"
#include "cpu/pose_argmax/low_rank.hpp"
#include "cpu/pose_argmax/search.hpp"

// Group after group: fields in, a route fills the table, locate or search reads it. Where there are enough groups
// each thread takes whole ones, otherwise the threads share one.
EF_LEVEL_BEGIN

template <class Screen>
class PoseArgmax {
 public:
  explicit PoseArgmax(const PoseArgmaxArgs& args) : a_(args), p_(args) {
    const int threads = std::max(a_.threads, 1);
    outer_ = p_.groups >= threads ? threads : 1;
    inner_ = outer_ > 1 ? 1 : threads;
    Carver carver;
    PoseGroup group(a_, p_, carver);
    group_bytes_ = carver.bytes();
    screen_bytes_ = Screen(group, inner_).bytes();
  }

  size_t bytes() const {
    return static_cast<size_t>(outer_) *
           (group_bytes_ + static_cast<size_t>(inner_) * screen_bytes_);
  }

  void run() {
    char* memory = static_cast<char*>(a_.workspace);
    std::fill_n(a_.rescored, p_.n, int64_t{0});
    parallel_for(p_.groups, outer_, [&](int64_t g, int worker) {
      char* mine = memory + static_cast<size_t>(worker) *
                                (group_bytes_ + static_cast<size_t>(inner_) * screen_bytes_);
      Carver carver(mine);
      PoseGroup group(a_, p_, carver);
      group.prepare(g * p_.group, inner_);
      run_group(group, mine + group_bytes_);
    });
  }

 private:
  void run_group(PoseGroup& group, char* scratch) {
    const Locate locate(group);
    for (int64_t i = 0; i < group.count && !a_.over_image; ++i) locate.clear(i);
    const int64_t tasks = Screen(group, inner_).tasks();
    parallel_for(tasks, inner_, [&](int64_t task, int worker) {
      Screen screen(group, inner_, scratch + static_cast<size_t>(worker) * screen_bytes_);
      screen.run(task);
      if (a_.over_image) return;
      screen.ranges(task, [&](int64_t i, int64_t begin, int64_t end) {
        const int64_t scored = locate.run(i, begin, end);
        __atomic_fetch_add(a_.rescored + group.first + i, scored, __ATOMIC_RELAXED);
      });
    });
    if (!a_.over_image) return;
    parallel_for(group.count, inner_, [&](int64_t i, int) {
      Search search(group);
      a_.rescored[group.first + i] = search.run(i);
    });
  }

  const PoseArgmaxArgs& a_;
  const PosePlan p_;
  int outer_, inner_;
  size_t group_bytes_, screen_bytes_;
};

template <template <class> class Screen, class Do>
auto with_products(const PoseArgmaxArgs& a, const Do& run) {
  const PosePlan p(a);
  if (p.tiled && p.tile == 32) return run(PoseArgmax<Screen<TileProducts<32>>>(a));
  if (p.tiled) return run(PoseArgmax<Screen<TileProducts<16>>>(a));
  return run(PoseArgmax<Screen<WindowProducts<FloatWindows>>>(a));
}

template <class Do>
auto with_route(const PoseArgmaxArgs& a, const Do& run) {
  if (a.panels.route == PoseRoute::low_rank) return with_products<LowRankScreen>(a, run);
#if defined(__AVX512VNNI__)
  if (a.panels.coarse && !a.over_image) return run(PoseArgmax<CoarseScreen>(a));
#endif
  return with_products<FullScreen>(a, run);
}

void pose_argmax_kernel(const PoseArgmaxArgs& a) {
  with_route(a, [](auto&& route) { return route.run(); });
}

size_t pose_argmax_bytes(const PoseArgmaxArgs& a) {
  return with_route(a, [](const auto& route) { return route.bytes(); });
}

EF_LEVEL_END
