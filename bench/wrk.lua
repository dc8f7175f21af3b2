-- For wrk: GET what the URL says, or the lines of a file in turn; print the result as JSON.
--
--   wrk ... -s wrk.lua URL [-- FILE]      each line of FILE: a path, a space, an Authorization

local requests, number = {}, 0

function init(args)
  if not args[1] then return end
  for line in io.lines(args[1]) do
    local path, authorization = line:match("^(%S+) (.+)$")
    requests[#requests + 1] = wrk.format("GET", path, {
      ["Authorization"] = authorization, ["Host"] = wrk.headers["Host"],
      ["Accept"] = "application/vnd.oci.image.manifest.v1+json",
    })
  end
  -- Only if it is needed: without this function wrk always sends the same bytes, which is faster.
  request = function()
    number = number % #requests + 1
    return requests[number]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nresult {"requests":%d,"bytes":%d,"microseconds":%d,"p50":%d,"p99":%d,"failures":%d}\n',
    summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
