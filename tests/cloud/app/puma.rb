# frozen_string_literal: true
# SPDX-License-Identifier: GPL-2.0-or-later
# One process, four threads; SIGTERM lets it finish what it has begun, and then it ends with status 0.
bind "tcp://127.0.0.1:#{ENV.fetch("PORT")}"
threads 4, 4
environment "production"
raise_exception_on_sigterm false
quiet
