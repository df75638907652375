-- Counts acts in a fixed window that starts with the first.
-- KEYS[1] the counter   ARGV[1] length of the window in milliseconds   ARGV[2] how many acts
-- Answers {count, milliseconds left}. One script: a crash cannot leave a counter without an end.
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
