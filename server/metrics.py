"""What an operator watches: figures of this process, read when `/metrics` is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.telemetry import REGISTRY


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric: `hubbub_` is put before its name, `_total` behind a counter's."""

    name: str
    meaning: str
    read: Callable[[], float]
    counts: bool = False  # only ever grows


class Figures(Collector):
    """Reads figures from the objects that have them, so that counting costs nothing on the hot path."""

    def __init__(self, *figures: Figure) -> None:
        self._figures = figures
        REGISTRY.register(self)

    def collect(self) -> Iterator[Metric]:
        """The present values, in the order given."""
        for figure in self._figures:
            family = CounterMetricFamily if figure.counts else GaugeMetricFamily
            metric = family(f"hubbub_{figure.name}", figure.meaning)
            metric.add_metric([], figure.read())
            yield metric

    def close(self) -> None:
        """Report no more."""
        REGISTRY.unregister(self)
