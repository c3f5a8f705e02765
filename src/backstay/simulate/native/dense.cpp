#include "dense.hpp"

namespace backstay {

BACKSTAY_WIDE void superpose(double* __restrict row, const double* __restrict a, const double* __restrict b,
                             const double* __restrict base, std::size_t n) {
    for (std::size_t e = 0; e < n; ++e) row[e] = (base[e] + row[e]) + (a[e] + b[e]);
}

namespace {

BACKSTAY_WIDE double clean_and_find_highest(double* __restrict loads, const double* __restrict inverse, double least,
                                            std::size_t n) {
    double highest = 0.0;
    for (std::size_t e = 0; e < n; ++e) {
        const double load = loads[e] > least ? loads[e] : 0.0;
        loads[e] = load;
        const double used = load * inverse[e];
        highest = used > highest ? used : highest;
    }
    return highest;
}

BACKSTAY_WIDE std::int64_t count_over(const double* __restrict loads, const double* __restrict inverse, double limit,
                                      std::size_t n) {
    std::int64_t count = 0;
    for (std::size_t e = 0; e < n; ++e) count += loads[e] * inverse[e] > limit ? 1 : 0;
    return count;
}

BACKSTAY_WIDE void keep_worst(const double* __restrict loads, const double* __restrict inverse, std::int64_t scenario,
                              double* __restrict utilisation, std::int64_t* __restrict cause, std::size_t n) {
    for (std::size_t e = 0; e < n; ++e) {
        const double used = loads[e] * inverse[e];
        const bool more = used > utilisation[e];
        utilisation[e] = more ? used : utilisation[e];
        cause[e] = more ? scenario : cause[e];
    }
}

}  // namespace

Verdict judge(const Judge& judge, double* loads, double limit, std::int64_t scenario, LinkWorst& link_worst) {
    const std::size_t n = judge.inverse.size();
    Verdict verdict{clean_and_find_highest(loads, judge.inverse.data(), judge.least, n), -1, 0};
    if (!link_worst.utilisation.empty())
        keep_worst(loads, judge.inverse.data(), scenario, link_worst.utilisation.data(), link_worst.cause.data(), n);
    if (verdict.utilisation > limit)
        verdict.over = static_cast<std::int32_t>(count_over(loads, judge.inverse.data(), limit, n));
    if (verdict.utilisation > 0.0) {
        for (std::size_t e = 0; e < n; ++e) {
            if (loads[e] * judge.inverse[e] != verdict.utilisation) continue;
            const auto link = static_cast<std::int32_t>(judge.caller[e]);
            if (verdict.worst < 0 || link < verdict.worst) verdict.worst = link;
        }
    }
    for (const Edge e : judge.closed) {
        if (loads[e] == 0.0) continue;
        const auto link = static_cast<std::int32_t>(judge.caller[e]);
        if (std::isfinite(verdict.utilisation) || link < verdict.worst) verdict.worst = link;
        verdict.utilisation = std::numeric_limits<double>::infinity();
        verdict.over += limit < std::numeric_limits<double>::infinity();
        if (!link_worst.utilisation.empty() && std::isfinite(link_worst.utilisation[e])) {
            link_worst.utilisation[e] = std::numeric_limits<double>::infinity();
            link_worst.cause[e] = scenario;
        }
    }
    return verdict;
}

}  // namespace backstay
