# SPDX-License-Identifier: GPL-2.0-or-later
"""chart.svg: what a command takes, against the floor.  Readable on light and on dark pages."""

WIDTH, LEFT, RIGHT, BAR, GAP = 720, 180, 190, 16, 14
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .small { font-size: 12px; fill: #59636e; }
  .floor { fill: #8c959f; } .orlop { fill: #0969da; } .peer { fill: #d4a72c; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .small { fill: #9198a1; } .floor { fill: #6e7681; }
    .orlop { fill: #4493f8; } .peer { fill: #bb8009; }
  }
"""


def draw(groups, caption):
    """@groups: (title, [(label, class, milliseconds)])."""
    most = max(ms for _, bars in groups for _, _, ms in bars)
    scale = (WIDTH - LEFT - RIGHT) / most
    y, out = 8, []
    for title, bars in groups:
        out.append('<text x="0" y="%d">%s</text>' % (y + 12, title))
        first = bars[0][2]
        for label, kind, ms in bars:
            width = max(ms * scale, 1)
            ratio = "" if ms == first else " · %.1f×" % (ms / first)
            out.append('<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>'
                       % (kind, LEFT, y, width, BAR - 3))
            out.append('<text class="small" x="%.1f" y="%d">%s %.1f ms%s</text>'
                       % (LEFT + width + 6, y + 11, label, ms, ratio))
            y += BAR
        y += GAP
    out.append('<text class="small" x="0" y="%d">%s</text>' % (y + 8, caption))
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">\n'
            '<style>%s</style>\n%s\n</svg>\n' % (WIDTH, y + 16, "time of a container start", STYLE, "\n".join(out)))
