# SPDX-License-Identifier: GPL-2.0-or-later
"""
chart.svg: what a command takes, against the floor, and a run against the number of containers alive and of the host's mounts.
Readable on light and on dark pages.
"""
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP = 720, 180, 190, 16, 14
AXIS, HEIGHT = 40, 150     # of the lines: place for numbers, height
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .small { font-size: 12px; fill: #59636e; }
  .floor { fill: #8c959f; } .orlop { fill: #0969da; } .peer { fill: #bf8700; }
  .grid { stroke: #d1d9e0; stroke-width: 1; }
  path { fill: none !important; stroke-width: 2; }
  path.floor { stroke: #8c959f; } path.orlop { stroke: #0969da; } path.peer { stroke: #bf8700; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .small { fill: #9198a1; } .floor { fill: #6e7681; }
    .orlop { fill: #4493f8; } .peer { fill: #d29922; } .grid { stroke: #3d444d; }
    path.floor { stroke: #6e7681; } path.orlop { stroke: #4493f8; } path.peer { stroke: #d29922; }
  }
"""


class Drawing:
    def __init__(self):
        self.y, self.out = 8, []

    def text(self, x, y, text, small=True, anchor="start"):
        self.out.append('<text%s x="%.1f" y="%.1f"%s>%s</text>' % (
            ' class="small"' if small else "", x, y,
            "" if anchor == "start" else ' text-anchor="%s"' % anchor, escape(text)))

    def bars(self, groups):
        """@groups: (title, [(label, class, milliseconds)]).  The slowest of each do not decide the scale:
        a bar too long is drawn with a gap in it."""
        room = WIDTH - LEFT - RIGHT
        scale = 0.85 * room / max(sorted(ms for _, _, ms in bars)[-2:][0] for _, bars in groups)
        for title, bars in groups:
            self.text(0, self.y + 12, title, small=False)
            # without a floor, as exec has none, against the first, which is orlop
            first = bars[0][2]
            for label, kind, ms in bars:
                width = min(max(ms * scale, 1), room)
                ratio = "" if ms == first else " · %.1f×" % (ms / first)
                pieces = [(0, room - 24), (room - 20, 20)] if ms * scale > room else [(0, width)]
                for x, w in pieces:
                    self.out.append('<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d" rx="2"/>'
                                    % (kind, LEFT + x, self.y, w, BAR - 3))
                self.text(LEFT + width + 6, self.y + 11, "%s %.1f ms%s" % (label, ms, ratio))
                self.y += BAR
            self.y += GAP

    def lines(self, title, curves):
        """@curves: (label, class, [(containers, milliseconds)])."""
        self.text(0, self.y + 12, title, small=False)
        self.y += 28
        most = max(ms for _, _, points in curves for _, ms in points)
        step = next(s * 10 ** e for e in range(-3, 6) for s in (1, 2, 5) if most / (s * 10 ** e) <= 4)
        last = max(n for _, _, points in curves for n, _ in points)
        top = step * -(-most // step)
        bottom = self.y + HEIGHT

        def place(n, ms):
            return AXIS + n * (WIDTH - AXIS - RIGHT) / last, bottom - ms * HEIGHT / top

        for i in range(int(round(top / step)) + 1):
            x, y = place(0, i * step)
            self.out.append('<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>' % (x, y, WIDTH - RIGHT, y))
            self.text(x - 6, y + 4, "%g" % (i * step), anchor="end")
        for n in sorted({n * last // 4 for n in range(5)}):
            self.text(place(n, 0)[0], bottom + 16, "%d" % n, anchor="middle")
        taken = []
        for label, kind, points in sorted(curves, key=lambda c: -c[2][-1][1]):
            places = [place(*p) for p in points]
            self.out.append('<path class="%s" d="M%s"/>' % (kind, " L".join("%.1f %.1f" % p for p in places)))
            for x, y in places:
                self.out.append('<circle class="%s" cx="%.1f" cy="%.1f" r="3"/>' % (kind, x, y))
            y = max([places[-1][1]] + [t + 15 for t in taken])     # labels do not cover each other
            taken.append(y)
            self.text(places[-1][0] + 8, y + 4, "%s %.1f ms" % (label, points[-1][1]))
        self.y = bottom + 16 + 2 * GAP

    def finish(self, caption):
        for line in caption:
            self.text(0, self.y + 8, line)
            self.y += 16
        return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">\n'
                '<style>%s</style>\n%s\n</svg>\n'
                % (WIDTH, self.y, "time of a container start", STYLE, "\n".join(self.out)))


def draw(groups, alive, mounts, caption):
    """@mounts may be empty: without the virtual machine nobody has measured them."""
    drawing = Drawing()
    drawing.bars(groups)
    drawing.lines("run: ms, against the number of containers that are alive", alive)
    if mounts:
        drawing.lines("run: ms, against the number of mounts of the host (Linux 7.2, emulated)", mounts)
    return drawing.finish(caption)
