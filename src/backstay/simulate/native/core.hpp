// Link loads of a network under failures: the interface of the core.
#pragma once

#include "graph.hpp"
#include "team.hpp"

#include <memory>
#include <optional>

namespace backstay {

enum class Method { incremental, full };

// What a sweep writes, one entry per scenario; `loads` may be null, else rows of one entry per link in the caller's
// numbering. `worst` is a link or -1. `link_worst` and `link_cause` (one entry per link) keep the highest utilisation
// and the scenario (first of equal ones) that causes it, over all scenarios handed to the same arrays.
struct Results {
    double* max_utilisation = nullptr;
    std::int32_t* worst = nullptr;
    double* lost = nullptr;
    std::int32_t* over = nullptr;
    double* loads = nullptr;
    double* link_worst = nullptr;
    std::int64_t* link_cause = nullptr;
};

struct Settings {
    std::size_t threads = 1;
    double limit = std::numeric_limits<double>::infinity();
    std::function<bool()> interrupted;
};

class Core {
public:
    // `demand` is a dense matrix, row = source; `capacity` one entry per link in the caller's numbering, infinite
    // where it does not matter. Everything is assumed valid: the Python side has checked.
    static std::unique_ptr<Core> make(Graph graph, std::span<const double> capacity, std::span<const double> demand);
    virtual ~Core() = default;

    // Computes the state without failures.
    virtual void prepare(const Settings& settings) = 0;

    // The failure sets that scenarios are made of.
    virtual void set_failures(FailureSets failures) = 0;

    // Scenarios `first` to `last` of the list without failure (0) and with one failure (1 + its number).
    virtual void singles(std::size_t first, std::size_t last, Method method, const Settings&, Results) = 0;

    // Pairs of failures `first` to `last`, in the order (0,1), (0,2) ... (1,2) ...; `scenario` numbers of pairs go
    // on after those of the singles. Later calls will ask for pairs up to `until`: work that serves them too is kept.
    virtual void pairs(std::size_t first, std::size_t last, std::size_t until, Method method, const Settings&,
                       Results) = 0;

    // Of the same pairs, the numbers of those that may exceed the limit or lose demand: a superset, proven by bounds.
    virtual std::vector<std::size_t> suspects(std::size_t first, std::size_t last, const Settings&) = 0;

    // The pairs named, which must be sorted.
    virtual void chosen_pairs(std::span<const std::size_t> pairs, const Settings&, Results) = 0;

    virtual std::size_t memory() const = 0;
};

}  // namespace backstay
