-- The epoch says since when the counters here are complete: what was used before is in the ledger alone. It is the instant of
-- its making, in microseconds, and a part of every key's name, so that a new one makes everything older unknown at once.
-- KEYS: epoch. ARGV: the epoch that is to end, or ''.
-- Answers the epoch that holds. Writes always, so that a server that only reads fails here.
local time = redis.call('TIME')
local now = time[1] .. string.format('%06d', time[2])
redis.call('SET', KEYS[1], now, 'NX')
local epoch = redis.call('GET', KEYS[1])
if ARGV[1] ~= '' and ARGV[1] == epoch then
  redis.call('SET', KEYS[1], now)
  epoch = now
end
return epoch
