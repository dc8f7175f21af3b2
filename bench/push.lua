-- For wrk: PUT manifests, each under a tag of its own; print the result as JSON.
--
--   wrk ... -s push.lua URL -- FILE      FILE: a manifest with NUMBER in it; NUMBER is unique

dofile(debug.getinfo(1, "S").source:match("^@(.*)push%.lua$") .. "wrk.lua")

local head, tail, number
local run = ""

function init(args)
  local file = io.open(args[1])
  local whole = file:read("*a")
  file:close()
  head, tail = whole:match("^(.*)NUMBER(.*)$")
  number = 0
  local random = io.open("/dev/urandom", "rb")
  run = random:read(8):gsub(".", function(byte) return string.format("%02x", byte:byte()) end)
  random:close()
end

function request()
  number = number + 1
  local one = run .. "-" .. number
  return wrk.format("PUT", wrk.path .. one, nil, head .. one .. tail)
end
