"""The panels as one page, drawn from the same queries: for a look where no Grafana runs."""

import html
import time

COLOURS = ["#5794f2", "#73bf69", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#ffee52", "#e0b400"]
WIDTH, HEIGHT = 380, 110
STYLE = (
    "body{background:#111217;color:#ccc;font:13px sans-serif;margin:16px}h2{margin:22px 0 8px;color:#fff}"
    "div{display:inline-block;vertical-align:top;width:390px;margin:4px;background:#181b1f;padding:8px;border-radius:4px}"
    "b{color:#fff}p{font-size:11px;color:#888;margin:2px 0 4px}i{font-style:normal;font-size:11px;margin-right:8px}"
)


def write(file, watch, panels):
    """Answers with the file's name."""
    parts, last = [f"<!doctype html><meta charset=utf-8><title>Panels</title><style>{STYLE}</style>"], None
    shown = {}
    for board, title, panel, expression in panels:
        shown.setdefault((board, panel["id"]), (title, panel, []))[2].append(expression)
    for (board, _), (title, panel, expressions) in shown.items():
        if board != last:
            parts.append(f"<h2>{html.escape(board)}</h2>")
            last = board
        parts.append(draw(watch, title, panel, expressions))
    file.write_text("\n".join(parts))
    return file


def draw(watch, title, panel, expressions):
    now = time.time()
    series = []
    for target, expression in zip(panel["targets"], expressions):
        found = watch.ask("query_range", query=expression, start=now - 240, end=now, step=4)["result"]
        series += [(legend(target["legendFormat"], one["metric"]), points(one["values"])) for one in found]
    series = [(name, values) for name, values in series if values]
    top = max([value for _, values in series for _, value in values], default=0)
    low = min([value for _, values in series for _, value in values] + [0])
    unit = panel["fieldConfig"]["defaults"]["unit"]
    lines = [line(values, now, low, top, COLOURS[at % 8]) for at, (_, values) in enumerate(series[:40])]
    names = "".join(
        f'<i style="color:{COLOURS[at % 8]}">{html.escape(name)} {values[-1][1]:.4g}</i>' for at, (name, values) in enumerate(series[:8])
    )
    return (
        f"<div><b>{html.escape(title)}</b> {unit}, up to {top:.4g}<p>{html.escape(panel['description'])}</p>"
        f'<svg width={WIDTH} height={HEIGHT}>{"".join(lines)}</svg><br>{names or "nothing"}</div>'
    )


def points(values):
    return [(at, float(value)) for at, value in values if value not in ("NaN", "+Inf", "-Inf")]


def legend(form, labels):
    for name, value in labels.items():
        form = form.replace("{{" + name + "}}", value)
    return form


def line(values, now, low, top, colour):
    place = lambda at, value: f"{(at - now + 240) / 240 * WIDTH:.1f},{HEIGHT - 4 - (value - low) / ((top - low) or 1) * (HEIGHT - 8):.1f}"
    return f'<polyline fill=none stroke="{colour}" points="{" ".join(place(*point) for point in values)}"/>'
