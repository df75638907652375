-- Draws one from a bucket that fills at a steady rate (the generic cell rate algorithm; the server's own clock).
-- KEYS[1] the bucket   ARGV[1] microseconds between two at that rate   ARGV[2] how many it holds
-- Answers {1, left in it} or {0, microseconds until there is one}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local every, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or '0')
-- Never beyond what this script can have written: a clock that was ahead must not close the bucket for ever.
full_at = math.min(math.max(full_at, now), now + burst * every)
local wait = full_at + every - burst * every - now
if wait > 0 then
  return {0, math.ceil(wait)}
end
full_at = full_at + every
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1)
return {1, math.floor((burst * every - (full_at - now)) / every)}
