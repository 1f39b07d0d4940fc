// Losses: what training makes small, and its gradient with respect to the network's outputs.
#pragma once
#include <cmath>
#include <iterator>
#include <limits>
#include <type_traits>

#include "pass.hpp"

namespace deepen {

// What the outputs of a batch should be: class numbers (N,) from 0 to K − 1, or rows (N, K) of probabilities. The
// other one is nullptr. Both begin with the batch's first image.
struct Targets {
  const std::int64_t* classes;
  const real* rows;
};

// What a thread has found of a batch: the mean loss, and how many images were classified rightly.
struct Tally {
  double loss = 0;
  std::int64_t hits = 0;
};

// The targets t of one image as a row, whichever way they are given.
struct TargetRow {
  const real* row;
  std::int64_t label;

  INLINE TargetRow(const Targets& targets, Count image, int classes)
      : row(targets.rows ? targets.rows + image * classes : nullptr),
        label(targets.rows ? -1 : targets.classes[image]) {}
  INLINE real operator[](int k) const { return row ? row[k] : real(k == label); }
};

// The place of the largest of K numbers: the first one wins a tie, and NaN is the largest of all, as in NumPy.
INLINE int largest_at(const real* x, int count) {
  int best = 0;
  for (int k = 0; k < count && !std::isnan(x[best]); ++k)
    if (x[k] > x[best] || std::isnan(x[k])) best = k;
  return best;
}

// A loss is a type with the function
//
//   void run(const Pass&, const real* outputs, const Targets&, real* gradient, double weight, Tally&);
//
// For `pass.count` images with outputs in Y it adds weight · (the images' share of the mean over the batch) to
// `tally.loss`, and writes the gradient of that to `gradient`, or nothing where it is nullptr. `Main` is true for
// the outputs of the network itself: of these the hits are counted too, and the weight is 1. A side output has
// another.
//
// A loss takes this function from here. What is its own is `image`, which returns the loss of one image before the
// division by N, and writes the gradient of that to K numbers.
template <class Y, bool Main, class Loss>
struct LossOverBatch {
  using Gradient = Bordered<Y, 0>;
  static_assert(Y::height == 1 && Y::width == 1, "outputs are features");

  static NOINLINE void run(const Pass& pass, const real* outputs, const Targets& targets, real* gradient,
                           double weight, Tally& tally) {
    for (int i = 0; i < pass.count; ++i) {
      const real* const y = outputs + i * Y::size + Y::at(0, 0);
      const TargetRow t(targets, pass.first + i, Y::channels);
      real* const g = gradient ? gradient + i * Gradient::size : nullptr;
      tally.loss += weight * (Loss::image(y, t, g) / double(pass.batch));
      // The class that is wanted is the one with the largest target.
      if (Main) tally.hits += largest_at(y, Y::channels) == (t.row ? largest_at(t.row, Y::channels) : t.label);
      if (!g) continue;
      for (int k = 0; k < Y::channels; ++k) g[k] = real(weight) * (g[k] / real(pass.batch));
      for (int hole = Y::channels; hole < Y::pixel; ++hole) g[hole] = 0;
    }
  }
};

// The cross-entropy −Σ tₖ log pₖ of p = softmax(z) against a row t over K classes, and its gradient p · Σ t − t.
// The softmax is over one more logit, `none`, which no image has for a target; −∞ is as if there were none.
//
// The largest logit m is subtracted first, so that nothing overflows: log pₖ = zₖ − m − log Σ exp(zⱼ − m).
template <int K, class Row>
INLINE double cross_entropy(const real* z, const Row& t, real none, real* gradient) {
  real m = none;
  for (int k = 0; k < K; ++k) m = z[k] > m ? z[k] : m;
  double sum = std::exp(none - m), all_targets = 0, loss = 0;
  for (int k = 0; k < K; ++k) {
    const real e = std::exp(z[k] - m);
    sum += e;
    all_targets += t[k];
    if (gradient) gradient[k] = e;
  }
  const real log_sum = real(std::log(sum));
  const double share = all_targets / sum;
  for (int k = 0; k < K; ++k) {
    const real wanted = t[k];
    // A class that is not wanted costs nothing, however unlikely: not 0 · −∞, which is NaN.
    if (wanted != 0) loss -= wanted * (z[k] - m - log_sum);
    if (gradient) gradient[k] = real(gradient[k] * share) - wanted;
  }
  return loss;
}

// Softmax and cross-entropy with targets w ((1 − s) t + s / K). Constants, all double: `label_smoothing`, s, and
// `class_weights`, w: one for each class, or a single one for all.
template <class Y, bool Main, class Constants>
struct SoftmaxCrossEntropy : LossOverBatch<Y, Main, SoftmaxCrossEntropy<Y, Main, Constants>> {
  static_assert(std::is_same_v<decltype(Constants::label_smoothing), const double>);

  // t, smoothed and weighted.
  struct Row {
    const TargetRow& t;

    INLINE real operator[](int k) const {
      constexpr double s = Constants::label_smoothing;
      constexpr bool one_for_all = std::size(Constants::class_weights) == 1;
      return (real(1 - s) * t[k] + real(s / Y::channels)) * real(Constants::class_weights[one_for_all ? 0 : k]);
    }
  };

  static double image(const real* z, const TargetRow& t, real* gradient) {
    constexpr real no_other = -std::numeric_limits<real>::infinity();
    return cross_entropy<Y::channels>(z, Row{t}, no_other, gradient);
  }
};

// LeNet-5's own loss: the cross-entropy with one more class of fixed logit −j, which stands for "none of these".
template <class Y, bool Main, class Constants>
struct LeNet5Loss : LossOverBatch<Y, Main, LeNet5Loss<Y, Main, Constants>> {
  static double image(const real* z, const TargetRow& t, real* gradient) {
    return cross_entropy<Y::channels>(z, t, real(-Constants::j), gradient);
  }
};

// The mean of the squared differences: L = 1/K Σ (yₖ − tₖ)², dy = 2 (y − t) / K.
template <class Y, bool Main>
struct MeanSquaredError : LossOverBatch<Y, Main, MeanSquaredError<Y, Main>> {
  static double image(const real* y, const TargetRow& t, real* gradient) {
    double loss = 0;
    for (int k = 0; k < Y::channels; ++k) {
      const real difference = y[k] - t[k];
      loss += double(difference) * difference;
      if (gradient) gradient[k] = 2 * difference / real(Y::channels);
    }
    return loss / Y::channels;
  }
};

// The support vector machine's loss: Σ(j≠y) max(0, sⱼ − s_y + Δ) for class y, and for targets that are
// probabilities its expectation over y. A term above 0 adds 1 to ds at j and subtracts it at y. Δ is `margin`.
template <class Y, bool Main, class Constants>
struct MultiClassHinge : LossOverBatch<Y, Main, MultiClassHinge<Y, Main, Constants>> {
  static constexpr int K = Y::channels;

  static double image(const real* s, const TargetRow& t, real* gradient) {
    if (gradient) clear<Bordered<Y, 0>>(gradient);
    if (!t.row) return for_class(s, int(t.label), 1, gradient);
    double loss = 0;
    for (int y = 0; y < K; ++y)
      if (t[y] != 0) loss += for_class(s, y, t[y], gradient);
    return loss;
  }

  // The loss, times the share that class y has in the target.
  static double for_class(const real* s, int y, real share, real* gradient) {
    const real least = s[y];
    double sum = 0;
    int too_high = 0;
    for (int j = 0; j < K; ++j) {
      const real excess = j == y ? 0 : s[j] - least + real(Constants::margin);
      if (!(excess <= 0)) sum += excess;  // NaN too, which has to be seen in the loss
      if (!(excess > 0)) continue;
      ++too_high;
      if (gradient) gradient[j] += share;
    }
    if (gradient) gradient[y] -= real(too_high) * share;
    return share * sum;
  }
};

}  // namespace deepen
