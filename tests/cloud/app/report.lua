-- SPDX-License-Identifier: GPL-2.0-or-later
-- What wrk has seen, as words that a program reads.
function done(summary, latency)
	local e = summary.errors
	print(string.format("figures requests=%d rps=%.1f p50=%.2f p99=%.2f failed=%d", summary.requests,
		summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
		e.connect + e.read + e.write + e.status + e.timeout))
end
