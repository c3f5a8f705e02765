"""The traffic matrix."""

from tests.read.kit import interface, router, routers

from backstay.model.demand import Demand
from backstay.model.network import Network, Site
from backstay.model.source import Place
from backstay.read.demands import read_demands

NETWORK = Network(
    name="x",
    routers=routers(router("a1", interface("lo", "10.0.0.1/32", kind="loopback")), router("b1")),
    sites={"a": Site(name="a", role="pop", routers=("a1",)), "b": Site(name="b", role="pop", routers=("b1",))},
)


def test_columns_in_any_order_blank_lines_and_comments() -> None:
    text = "\ufefffrom".lstrip("\ufeff") + ",period,mbps,to,class\n# night\n\na,night,12.5, b ,gold\nb1,,0,a1,\n"
    demands, remarks = read_demands(text, NETWORK)
    assert demands == (
        Demand(
            source="a", destination="b", mbps=12.5, traffic_class="gold", period="night", place=Place("demands.csv", 4)
        ),
        Demand(source="b1", destination="a1", mbps=0.0, place=Place("demands.csv", 5)),
    )
    assert remarks == ()


def test_a_repeated_row_counts_twice_and_is_told() -> None:
    demands, remarks = read_demands("from,to,mbps\na,b,1\na,b,2\n", NETWORK)
    assert sum(demand.mbps for demand in demands) == 3
    assert [(remark.code, remark.place) for remark in remarks] == [("demand-twice", Place("demands.csv", 3))]


def test_other_classes_and_periods_are_no_repeats() -> None:
    text = "from,to,mbps,class,period\na,b,1,gold,day\na,b,1,gold,night\na,b,1,bulk,day\n"
    assert read_demands(text, NETWORK)[1] == ()
