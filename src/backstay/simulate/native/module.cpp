// The Python face of the core: arrays in, arrays filled. The global interpreter lock is released while it works and
// taken for a moment every 50 ms to see whether Ctrl-C was pressed.
#include "core.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

namespace nb = nanobind;

namespace backstay {
namespace {

template <class T> using Input = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T> using Output = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Table = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <class T> std::span<const T> view(const Input<T>& array) { return {array.data(), array.size()}; }

bool signal_pending() {
    const nb::gil_scoped_acquire lock;
    return PyErr_CheckSignals() != 0;
}

template <class Work> void without_lock(const Work& work) {
    bool interrupted = false;
    {
        const nb::gil_scoped_release released;
        try {
            work();
        } catch (const Interrupted&) {
            interrupted = true;
        }
    }
    if (interrupted) throw nb::python_error();
}

Settings settings(std::size_t threads, double limit) { return {threads, limit, signal_pending}; }

// Arrays of one entry per scenario, then those of one entry per link, of the sizes the core relies on.
struct Tables {
    Output<double> max_utilisation;
    Output<std::int32_t> worst;
    Output<double> lost;
    Output<std::int32_t> over;
    Output<double> link_worst;
    Output<std::int64_t> link_cause;
    std::optional<Table> loads;

    Results results(std::size_t scenarios, std::size_t links) const {
        const bool fits = max_utilisation.size() == scenarios && worst.size() == scenarios &&
                          lost.size() == scenarios && over.size() == scenarios && link_worst.size() == links &&
                          link_cause.size() == links &&
                          (!loads || (loads->shape(0) == scenarios && loads->shape(1) == links));
        if (!fits) throw std::invalid_argument("result arrays do not fit the scenarios asked for");
        return {max_utilisation.data(), worst.data(),      lost.data(),      over.data(),
                loads ? loads->data() : nullptr, link_worst.data(), link_cause.data()};
    }
};

class Engine {
public:
    Engine(std::uint32_t nodes, const Input<std::uint32_t>& tails, const Input<std::uint32_t>& heads,
           const Input<std::uint32_t>& metrics, const Input<double>& capacity, const Input<double>& demand)
        : links_(tails.size()), graph_(nodes, view(tails), view(heads), view(metrics)) {
        if (nodes > 65'535 || heads.size() != links_ || metrics.size() != links_ || capacity.size() != links_ ||
            demand.size() != std::size_t{nodes} * nodes)
            throw std::invalid_argument("arrays of different sizes");
        core_ = Core::make(graph_, view(capacity), view(demand));
    }

    void prepare(std::size_t threads) {
        without_lock([&] { core_->prepare(settings(threads, 0.0)); });
    }

    void set_failures(const Input<std::uint64_t>& edge_begin, const Input<std::uint32_t>& edges,
                      const Input<std::uint64_t>& node_begin, const Input<std::uint32_t>& nodes,
                      const Input<std::uint64_t>& less_begin, const Input<std::uint32_t>& lessened,
                      const Input<double>& lost) {
        FailureSets sets;
        for (std::size_t i = 0; i + 1 < edge_begin.size(); ++i)
            sets.add(graph_, view(edges).subspan(edge_begin(i), edge_begin(i + 1) - edge_begin(i)),
                     view(nodes).subspan(node_begin(i), node_begin(i + 1) - node_begin(i)),
                     view(lessened).subspan(less_begin(i), less_begin(i + 1) - less_begin(i)),
                     view(lost).subspan(less_begin(i), less_begin(i + 1) - less_begin(i)));
        core_->set_failures(std::move(sets));
    }

    void singles(std::size_t first, std::size_t last, bool full, std::size_t threads, double limit,
                 const Tables& tables) {
        const Results results = tables.results(last - first, links_);
        without_lock([&] { core_->singles(first, last, method(full), settings(threads, limit), results); });
    }

    void pairs(std::size_t first, std::size_t last, std::size_t until, bool full, std::size_t threads, double limit,
               const Tables& tables) {
        const Results results = tables.results(last - first, links_);
        without_lock([&] { core_->pairs(first, last, until, method(full), settings(threads, limit), results); });
    }

    nb::ndarray<nb::numpy, std::uint64_t, nb::ndim<1>> suspects(std::size_t first, std::size_t last,
                                                                std::size_t threads, double limit) {
        auto found = std::make_unique<std::vector<std::size_t>>();
        without_lock([&] { *found = core_->suspects(first, last, settings(threads, limit)); });
        const std::size_t size = found->size();
        auto* kept = found.release();
        const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<std::size_t>*>(p); });
        return {reinterpret_cast<std::uint64_t*>(kept->data()), {size}, owner};
    }

    void chosen_pairs(const Input<std::uint64_t>& pairs, std::size_t threads, double limit, const Tables& tables) {
        const Results results = tables.results(pairs.size(), links_);
        const std::vector<std::size_t> chosen(pairs.data(), pairs.data() + pairs.size());
        without_lock([&] { core_->chosen_pairs(chosen, settings(threads, limit), results); });
    }

    std::size_t memory() const { return core_->memory(); }

private:
    static Method method(bool full) { return full ? Method::full : Method::incremental; }

    std::size_t links_;
    Graph graph_;
    std::unique_ptr<Core> core_;
};

Tables tables(Output<double> max_utilisation, Output<std::int32_t> worst, Output<double> lost,
              Output<std::int32_t> over, Output<double> link_worst, Output<std::int64_t> link_cause,
              std::optional<Table> loads) {
    return {max_utilisation, worst, lost, over, link_worst, link_cause, loads};
}

}  // namespace
}  // namespace backstay

NB_MODULE(_native, module) {
    using namespace backstay;
    using namespace nb::literals;
    module.doc() = "Link loads under failures; use backstay.simulate.sweep, which checks what goes in.";
    nb::class_<Tables>(module, "Tables")
        .def("__init__",
             [](Tables* self, Output<double> max_utilisation, Output<std::int32_t> worst, Output<double> lost,
                Output<std::int32_t> over, Output<double> link_worst, Output<std::int64_t> link_cause,
                std::optional<Table> loads) {
                 new (self) Tables(tables(max_utilisation, worst, lost, over, link_worst, link_cause, loads));
             },
             "max_utilisation"_a.noconvert(), "worst"_a.noconvert(), "lost"_a.noconvert(), "over"_a.noconvert(),
             "link_worst"_a.noconvert(), "link_cause"_a.noconvert(), "loads"_a.noconvert().none());
    nb::class_<Engine>(module, "Engine")
        .def(nb::init<std::uint32_t, const Input<std::uint32_t>&, const Input<std::uint32_t>&,
                      const Input<std::uint32_t>&, const Input<double>&, const Input<double>&>(),
             "nodes"_a, "tails"_a, "heads"_a, "metrics"_a, "capacity"_a, "demand"_a)
        .def("prepare", &Engine::prepare, "threads"_a)
        .def("set_failures", &Engine::set_failures, "edge_begin"_a, "edges"_a, "node_begin"_a, "nodes"_a,
             "less_begin"_a, "lessened"_a, "lost"_a)
        .def("singles", &Engine::singles, "first"_a, "last"_a, "full"_a, "threads"_a, "limit"_a, "tables"_a)
        .def("pairs", &Engine::pairs, "first"_a, "last"_a, "until"_a, "full"_a, "threads"_a, "limit"_a, "tables"_a)
        .def("suspects", &Engine::suspects, "first"_a, "last"_a, "threads"_a, "limit"_a)
        .def("chosen_pairs", &Engine::chosen_pairs, "pairs"_a, "threads"_a, "limit"_a, "tables"_a)
        .def("memory", &Engine::memory);
}
