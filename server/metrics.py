"""What an operator watches: figures of this process, read when `/metrics` is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.telemetry import REGISTRY

#: The values of a figure's labels, in their order, and what was read for them.
Labelled: TypeAlias = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric: `hubbub_` is put before its name, `_total` behind a counter's.

    With `labels` it has as many values as `read` gives; what labels may say is a short fixed list.
    """

    name: str
    meaning: str
    read: Callable[[], float | Iterable[Labelled]]
    counts: bool = False  # only ever grows
    labels: tuple[str, ...] = ()

    def family(self) -> Metric:
        """The metric as it is now."""
        kind = CounterMetricFamily if self.counts else GaugeMetricFamily
        family = kind(f"hubbub_{self.name}", self.meaning, labels=self.labels)
        found = self.read()
        for labels, value in [((), found)] if isinstance(found, (int, float)) else found:
            family.add_metric(labels, value)
        return family


class Figures(Collector):
    """Reads figures from the objects that have them, so that counting costs nothing on the hot path."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        self._figures = tuple(figures)
        REGISTRY.register(self)

    def collect(self) -> Iterator[Metric]:
        """The present values, in the order given."""
        return (figure.family() for figure in self._figures)

    def close(self) -> None:
        """Report no more."""
        REGISTRY.unregister(self)
