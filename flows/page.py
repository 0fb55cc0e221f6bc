"""HTML pages that need nothing else: one template, one style, plots as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

WIDTH = 620
"""Of a plot, in pixels."""
ROW = 26
"""Height of a line of a plot, in pixels."""


def write_html(path: Path, template: str, **values: Any) -> None:
    """Write a page. `template` lies beside this file and extends `page.html.jinja`, which shows the value `title`."""
    environment = Environment(
        loader=PackageLoader("flows", "."),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    path.write_text(environment.get_template(template).render(values), encoding="utf-8")


def svg(chart: Any, step: float | None = None) -> str:
    """A chart as SVG, WIDTH wide unless it says otherwise, with lines of `step` pixels if given."""
    import vl_convert

    spec = chart.to_dict()
    if "facet" not in spec:
        spec.setdefault("width", WIDTH)
    if step is not None:
        spec["height"] = {"step": step}
    spec["padding"] = {"left": 40, "right": 30, "top": 5, "bottom": 5}  # a browser's letters are wider than measured
    whole = {"labelLimit": 0}  # long names often differ at their ends alone
    return vl_convert.vegalite_to_svg(spec, config={"axis": whole, "legend": whole})
