// Work on whole rows of link loads.
#pragma once

#include "core.hpp"

#include <cmath>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define BACKSTAY_WIDE __attribute__((target_clones("default", "arch=x86-64-v3")))
#else
#define BACKSTAY_WIDE
#endif

namespace backstay {

// How a row of loads is judged. Loads of at most `least` are rounding error and count as none.
struct Judge {
    std::vector<double> inverse;     // 1 / capacity; 0 for links that cannot be full
    std::vector<Edge> closed;        // links of capacity 0: any load is infinitely too much
    std::vector<Edge> caller;        // the caller's number of a link
    double least = 0.0;
};

struct Verdict {
    double utilisation;
    std::int32_t worst;  // the caller's link, -1 if nothing is used
    std::int32_t over;
};

// Keeps, per link, the worst utilisation and its scenario.
struct LinkWorst {
    std::vector<double> utilisation;
    std::vector<std::int64_t> cause;

    void start(std::size_t links) {
        utilisation.assign(links, -1.0);
        cause.assign(links, -1);
    }
};

// row += a + b + base: the changes of two single failures on the loads without any, added to what they change in
// each other.
void superpose(double* row, const double* a, const double* b, const double* base, std::size_t n);

// Cleans rounding errors out of `loads` and judges it; updates `link_worst` unless it is empty.
Verdict judge(const Judge& judge, double* loads, double limit, std::int64_t scenario, LinkWorst& link_worst);

}  // namespace backstay
