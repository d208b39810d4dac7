#pragma once
#include <stdexcept>
#include <string>

#include "core/carver.hpp"
#include "cpu/parallel.hpp"
#include "cpu/pose_argmax/field.hpp"
#include "cpu/pose_argmax/margin.hpp"
#include "cpu/pose_argmax/table.hpp"

// Some images on their way through the kernel: their fields, the share of each pose that does not depend on the window,
// and the table that a route fills.
EF_LEVEL_BEGIN

class PoseGroup {
 public:
  PoseGroup(const PoseArgmaxArgs& args, const PosePlan& plan, Carver& carver)
      : a(args),
        p(plan),
        centred(plan.tiled),
        field(carver.take<float>(plan.group * plan.field_size())),
        wide_(carver.take<double>(widened() ? plan.group * plan.field_size() : 0)),
        coarse_(carver.take<int16_t>(coarse() ? plan.group * plan.field_size() : 0)),
        step_(carver.take<float>(plan.group)),
        left_(carver.take<float>(coarse() ? plan.group * plan.cells() : 0)),
        energy(carver.take<float>(plan.group * plan.cells())),
        mean(carver.take<float>(plan.group * plan.cp)),
        offset(carver.take<float>((same_offsets() ? 1 : plan.group) * plan.padded_poses())),
        offset_length(carver.take<double>(plan.group)),
        exact_error_(carver.take<double>(plan.group)),
        projection_(carver.take<float>(plan.group * plan.entries * args.panels.rank)),
        beyond_(carver.take<float>(args.panels.rank ? plan.group * plan.entries : 0)),
        within_(carver.take<float>(args.panels.rank ? plan.group * plan.entries : 0)),
        cluster_offset_(carver.take<float>((same_offsets() ? 1 : plan.group) * cluster_lanes())),
        table(carver.take<float>(plan.group * plan.entries * kEntry)),
        margin(carver.take<double>(plan.group * plan.entries)) {
    for (int64_t g = 0; g < a.poses; ++g) longest = std::max(longest, a.panels.norm[g]);
    longest += 1e-19 * std::sqrt(static_cast<double>(p.kh * p.kw * p.cp));  // as in length_in
  }

  void prepare(int64_t begin, int threads) {
    first = begin;
    count = std::min(p.group, p.n - begin);
    if (same_offsets()) fill_offsets(0);
    parallel_for(count, threads, [&](int64_t i, int) { prepare_image(i); });
  }

  const float* field_of(int64_t i) const { return field + i * p.field_size(); }
  // Location mode scores every window exactly. Where each number is read by many, all are widened once.
  bool widened() const { return !a.over_image && p.widened(); }
  const double* wide_field_of(int64_t i) const { return wide_ + i * p.field_size(); }
  // Multiples of a step, where poses of windows are first compared so.
  bool coarse() const { return kMultipliesPairs && a.panels.coarse && !a.over_image; }
  const int16_t* coarse_of(int64_t i) const { return coarse_ + i * p.field_size(); }
  float step_of(int64_t i) const { return step_[i]; }
  const float* left_of(int64_t i) const { return left_ + i * p.cells(); }
  const float* mean_of(int64_t i) const { return mean + i * p.cp; }
  const float* energy_of(int64_t i) const { return energy + i * p.cells(); }
  const float* offset_of(int64_t i) const {
    return offset + (same_offsets() ? 0 : i * p.padded_poses());
  }
  // Low rank: products of a window with the basis, the length that the basis leaves of it, and their length.
  float* projection_of(int64_t i, int64_t e) const {
    return projection_ + (i * p.entries + e) * a.panels.rank;
  }
  float& beyond_of(int64_t i, int64_t e) const { return beyond_[i * p.entries + e]; }
  float& within_of(int64_t i, int64_t e) const { return within_[i * p.entries + e]; }
  // A search first compares clusters of poses, whose offset is the highest of theirs.
  bool clustered() const { return a.over_image && a.panels.cluster_blocks > 0; }
  const float* cluster_offset_of(int64_t i) const {
    return cluster_offset_ + (same_offsets() ? 0 : i * cluster_lanes());
  }
  float* entry_of(int64_t i, int64_t e) const { return table + (i * p.entries + e) * kEntry; }
  double& margin_of(int64_t i, int64_t e) const { return margin[i * p.entries + e]; }

  // What is added to the sum of pose g, in the order of the definition.
  double shifted(double sum, int64_t i, int64_t g) const {
    if (a.bias) sum += static_cast<double>(a.bias[g]);
    if (a.prior) sum += static_cast<double>(a.prior[(first + i) * a.prior_stride + g]);
    return sum;
  }

  // Of a window that holds nothing but the channel means.
  double mean_length(int64_t i) const {
    double sum = 0;
    for (int64_t c = 0; c < p.c; ++c) sum += static_cast<double>(mean_of(i)[c]) * mean_of(i)[c];
    return std::sqrt(sum * static_cast<double>(p.kh * p.kw)) * 1.0001;
  }

  // Low rank: at most this is the score of pose g; infinity where nothing is certain.
  double upper(int64_t i, int64_t e, int64_t g) const {
    const int64_t rank = a.panels.rank, lane = g % kPoseBlock;
    const float* mix = a.panels.mix + g / kPoseBlock * rank * kPoseBlock + lane;
    const float* y = projection_of(i, e);
    double sum = static_cast<double>(offset_of(i)[g]) +
                 static_cast<double>(a.panels.residual[g]) * beyond_of(i, e) + margin_of(i, e);
    for (int64_t r = 0; r < rank; ++r) sum += static_cast<double>(mix[r * kPoseBlock]) * y[r];
    return std::isnan(sum) ? std::numeric_limits<double>::infinity() : sum;
  }

  // A bound of |exact score - real number| for any window of image i.
  double exact_margin(int64_t i) const { return exact_error_[i]; }

  const PoseArgmaxArgs& a;
  const PosePlan& p;
  const bool centred;
  int64_t first = 0, count = 0;
  double longest = 0;  // template

 private:
  void prepare_image(int64_t i) {
    float* to = field + i * p.field_size();
    copy_field(a.features, first + i, p, to);
    if (!channel_means(to, p, mean + i * p.cp))
      throw std::invalid_argument(
          "pose_argmax: features must be finite, got NaN or infinity in image " +
          std::to_string(first + i));
    cell_energies(to, nullptr, p, energy + i * p.cells());
    const double length = length_in(energy_of(i), p, 0, 0, p.h, p.w);
    if (centred) cell_energies(to, mean_of(i), p, energy + i * p.cells());
    for (int64_t k = 0; k < p.cells() * p.cp && widened(); ++k)
      wide_[i * p.field_size() + k] = static_cast<double>(to[k]);
    if (!same_offsets()) {
      fill_offsets(i);
    } else if (i > 0) {
      offset_length[i] = offset_length[0];
    }
    exact_error_[i] = exact_factor(p.kh * p.kw * p.cp) * (length * longest + offset_length[i]);
    exact_error_[i] = certain(exact_error_[i] + kTiny, 0, offset_length[i]);
    clear_entries(entry_of(i, 0), p.entries);
    if (!coarse()) return;
    step_[i] = coarse_step(to, p, longest_window(i));
    round_field(to, p, step_[i], coarse_ + i * p.field_size(), left_ + i * p.cells());
  }

  double longest_window(int64_t i) const {
    double longest_yet = 0;
    for (int64_t e = 0; e < p.entries; ++e) {
      const Corner at = corner_of(a, p, first + i, e);
      longest_yet = std::max(longest_yet, length_in(energy_of(i), p, at.y, at.x, p.kh, p.kw));
    }
    return longest_yet;
  }

  int64_t cluster_lanes() const { return clustered() ? a.panels.cluster_blocks * kPoseBlock : 0; }
  bool same_offsets() const { return !centred && a.prior_stride == 0; }

  void fill_offsets(int64_t i) {
    float* EF_RESTRICT to = offset + i * p.padded_poses();
    double largest = 0;
    for (int64_t g = 0; g < a.poses; ++g) {
      double sum = 0, size = 0;
      for (int64_t c = 0; centred && c < p.c; ++c) {
        const double share = a.panels.sums[g * p.c + c] * mean_of(i)[c];
        sum += share;
        size += std::abs(share);
      }
      if (a.bias) size += std::abs(static_cast<double>(a.bias[g]));
      if (a.prior) size += std::abs(static_cast<double>(a.prior[(first + i) * a.prior_stride + g]));
      to[g] = static_cast<float>(shifted(sum, i, g));
      largest = std::max(largest, size);
    }
    for (int64_t g = a.poses; g < p.padded_poses(); ++g) to[g] = to[a.poses - 1];
    offset_length[i] = largest;
    if (clustered()) fill_cluster_offsets(i);
  }

  void fill_cluster_offsets(int64_t i) {
    const float* from = offset + i * p.padded_poses();
    float* to = cluster_offset_ + i * cluster_lanes();
    std::fill_n(to, cluster_lanes(), -std::numeric_limits<float>::infinity());
    for (int64_t g = 0; g < a.poses; ++g) {
      float& highest = to[a.panels.cluster[g]];
      highest = std::max(highest, from[g]);
    }
  }

  float* field;
  double* wide_;
  int16_t* coarse_;
  float *step_, *left_;
  float *energy, *mean, *offset;

 public:
  double* offset_length;  // bounds what is added to any score

 private:
  double* exact_error_;
  float *projection_, *beyond_, *within_, *cluster_offset_;
  float* table;
  double* margin;
};

EF_LEVEL_END
