-- wrk: POST one body with fixed headers; where BENCH_KEYS_FILE is set, each request carries the next key of that file.
-- The result is one line of JSON, because wrk's own text rounds.
wrk.method = "POST"
wrk.body = os.getenv("BENCH_BODY")
for line in string.gmatch(os.getenv("BENCH_HEADERS") or "", "[^\n]+") do
  local name, value = string.match(line, "^([^:]+): (.*)$")
  wrk.headers[name] = value
end

local keysFile = os.getenv("BENCH_KEYS_FILE")
if keysFile then
  local requests, next = {}, 0
  function init()
    for key in io.lines(keysFile) do
      wrk.headers["authorization"] = "Bearer " .. key
      requests[#requests + 1] = wrk.format()
    end
  end
  function request()
    next = next % #requests + 1
    return requests[next]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nBENCH {"requests":%d,"microseconds":%d,"connectErrors":%d,"readErrors":%d,"writeErrors":%d,"statusErrors":%d,"timeouts":%d,"p50Us":%d,"p99Us":%d}\n',
    summary.requests, summary.duration, errors.connect, errors.read, errors.write, errors.status, errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
