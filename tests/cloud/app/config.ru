# frozen_string_literal: true
# SPDX-License-Identifier: GPL-2.0-or-later
# The application: a page from PostgreSQL and a counter in redis. $BASE is the first of its ports.
require "pg"
require "redis"
require "sinatra/base"

BASE = Integer(ENV.fetch("BASE"))

class Application < Sinatra::Base
  helpers do
    # each of the server's threads has a connection of its own
    def redis
      Thread.current[:redis] ||= Redis.new(host: "127.0.0.1", port: BASE + 1)
    end

    def pages
      Thread.current[:pages] ||= PG.connect(host: "127.0.0.1", port: BASE + 2, user: "postgres").tap do |c|
        c.prepare("page", "SELECT words FROM pages WHERE id = $1")
      end
    end
  end

  get "/" do
    content_type "text/plain"
    count = redis.incr("count")
    "#{pages.exec_prepared("page", [count % 1000]).getvalue(0, 0)} #{count}\n"
  end

  # Takes until it gets no more, and ends with what it has.
  get "/hoard/:what" do
    taken = []
    begin
      loop { taken << (params["what"] == "memory" ? "x" * (16 << 20) : File.open("/dev/null")) }
    rescue SystemCallError, NoMemoryError => e
      warn e.class
      exit! 70
    end
  end
end

run Application
