// The Python face of `exits.hpp`: arrays in, one row of loads per failure out. The global interpreter lock is released
// meanwhile and taken for a moment every 50 ms to see whether Ctrl-C was pressed.
#include "exits.hpp"
#include "team.hpp"

#include <chrono>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <stdexcept>

namespace nb = nanobind;

namespace backstay::exits {
namespace {

template <class T> using Line = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T> using Table = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Ints = Line<const std::int32_t>;
using IntTable = Table<const std::int32_t>;

template <class To, class From> std::vector<To> copied(const Line<const From>& array) {
    return {array.data(), array.data() + array.size()};
}

void expect(bool condition) {
    if (!condition) throw std::invalid_argument("arrays of different sizes");
}

template <class T> std::span<const T> row(const Line<const T>& flat, const Ints& begin, std::size_t at) {
    return {flat.data() + begin(at), static_cast<std::size_t>(begin(at + 1) - begin(at))};
}

class Exits {
public:
    Exits(std::int32_t nodes, std::int32_t interfaces, const IntTable& edges, const Ints& closed, const Ints& targets,
          const Ints& reflectors, const Ints& peer_order) {
        expect(edges.shape(1) == 4 && closed.size() == static_cast<std::size_t>(nodes));
        net_.nodes = nodes;
        net_.interfaces = interfaces;
        for (std::size_t e = 0; e < edges.shape(0); ++e)
            net_.edges.push_back({edges(e, 0), edges(e, 1), edges(e, 2), edges(e, 3)});
        net_.closed = copied<std::uint8_t>(closed);
        net_.targets = copied<std::int32_t>(targets);
        net_.reflectors = copied<std::int32_t>(reflectors);
        net_.peer_order = copied<std::int32_t>(peer_order);
        net_.index();
    }

    void destinations(const IntTable& candidates, const IntTable& fixed, const IntTable& rules, const Ints& rule_begin,
                      const Ints& branch_begin, const IntTable& branches) {
        expect(candidates.shape(1) == 6 && fixed.shape(1) == 2 && rules.shape(1) == 6 && branches.shape(1) == 2);
        for (std::size_t i = 0; i < candidates.shape(0); ++i)
            net_.candidates.push_back({candidates(i, 0), candidates(i, 1), candidates(i, 2), candidates(i, 3),
                                       candidates(i, 4), candidates(i, 5)});
        for (std::size_t i = 0; i < fixed.shape(0); ++i) {
            net_.fixed_node.push_back(fixed(i, 0));
            net_.fixed_hop.push_back(fixed(i, 1));
        }
        for (std::size_t i = 0; i < rules.shape(0); ++i)
            net_.rules.push_back({rules(i, 0) != 0, rules(i, 1), std::uint32_t(rules(i, 2)), std::uint32_t(rules(i, 3)),
                                  std::uint32_t(rules(i, 4)), std::uint32_t(rules(i, 5))});
        net_.rule_begin = copied<std::uint32_t>(rule_begin);
        net_.branch_begin = copied<std::uint32_t>(branch_begin);
        for (std::size_t i = 0; i < branches.shape(0); ++i) {
            net_.branch_out.push_back(branches(i, 0));
            net_.branch_arrives.push_back(static_cast<std::uint8_t>(branches(i, 1)));
        }
    }

    void watch(const Ints& columns, const Ints& nodes) {
        expect(columns.size() == nodes.size());
        net_.watched_columns = copied<std::int32_t>(columns);
        net_.watched_nodes = copied<std::int32_t>(nodes);
    }

    // Parts sorted by group; fills the loads without any failure and returns what does not arrive.
    double traffic(const IntTable& places, const Table<const double>& amounts, const Ints& part_begin,
                   const Line<double>& loads) {
        expect(places.shape(1) == 3 && amounts.shape(1) == 2 && places.shape(0) == amounts.shape(0));
        expect(part_begin.size() == net_.rule_begin.size() && loads.size() == std::size_t(net_.interfaces));
        for (std::size_t i = 0; i < places.shape(0); ++i)
            net_.parts.push_back({places(i, 0), places(i, 1), places(i, 2), amounts(i, 0), amounts(i, 1)});
        net_.part_begin = copied<std::uint32_t>(part_begin);
        sweep_.emplace_back(net_);
        sweep_[0].prepare();
        double dropped = 0.0;
        for (const auto& flow : sweep_[0].flows()) {
            if (flow.circular) throw std::runtime_error("traffic runs in a circle");
            dropped += flow.dropped;
            for (const auto& [out, load] : flow.loads) loads(out) += load;
        }
        return dropped;
    }

    void answer(const Ints& edge_begin, const Line<const std::uint32_t>& edges, const Ints& node_begin,
                const Ints& nodes, const Ints& withdrawn_begin, const Ints& withdrawn, std::size_t threads,
                const Table<double>& loads, const Line<double>& lost, const Line<double>& apart,
                const Line<std::int32_t>& status, const Table<std::uint8_t>& reached) {
        const std::size_t count = lost.size();
        expect(!sweep_.empty() && edge_begin.size() == count + 1 && node_begin.size() == count + 1);
        expect(withdrawn_begin.size() == count + 1 && loads.shape(0) == count && apart.size() == count);
        expect(loads.shape(1) == std::size_t(net_.interfaces) && status.size() == count);
        expect(reached.shape(0) == count && reached.shape(1) == net_.watched_columns.size());
        while (sweep_.size() < std::max<std::size_t>(threads, 1)) sweep_.push_back(sweep_[0].copy());
        bool interrupted = false;
        {
            const nb::gil_scoped_release released;
            StopFlag stop;
            try {
                share(std::max<std::size_t>(threads, 1), count, stop, signal_pending, [&](std::size_t thread, std::size_t at) {
                    const Failure failure{row(edges, edge_begin, at), row(nodes, node_begin, at),
                                          row(withdrawn, withdrawn_begin, at)};
                    status(at) = sweep_[thread].evaluate(failure, loads.data() + at * net_.interfaces, lost(at), apart(at),
                                                         reached.data() + at * net_.watched_columns.size());
                });
            } catch (const Interrupted&) {
                interrupted = true;
            }
        }
        if (interrupted) throw nb::python_error();
    }

private:
    static bool signal_pending() {
        const nb::gil_scoped_acquire lock;
        return PyErr_CheckSignals() != 0;
    }

    Network net_;
    std::vector<Sweep> sweep_;
};

}  // namespace
}  // namespace backstay::exits

NB_MODULE(_exits, module) {
    using backstay::exits::Exits;
    using namespace backstay::exits;
    nb::class_<Exits>(module, "Exits")
        .def(nb::init<std::int32_t, std::int32_t, const IntTable&, const Ints&, const Ints&, const Ints&, const Ints&>(),
             nb::arg("nodes"), nb::arg("interfaces"), nb::arg("edges"), nb::arg("closed"), nb::arg("targets"),
             nb::arg("reflectors"), nb::arg("peer_order"))
        .def("destinations", &Exits::destinations, nb::arg("candidates"), nb::arg("fixed"), nb::arg("rules"),
             nb::arg("rule_begin"), nb::arg("branch_begin"), nb::arg("branches"))
        .def("watch", &Exits::watch, nb::arg("columns"), nb::arg("nodes"))
        .def("traffic", &Exits::traffic, nb::arg("places"), nb::arg("amounts"), nb::arg("part_begin"), nb::arg("loads"))
        .def("answer", &Exits::answer, nb::arg("edge_begin"), nb::arg("edges"), nb::arg("node_begin"), nb::arg("nodes"),
             nb::arg("withdrawn_begin"), nb::arg("withdrawn"), nb::arg("threads"), nb::arg("loads"), nb::arg("lost"),
             nb::arg("apart"), nb::arg("status"), nb::arg("reached"));
}
