-- Counts a call in all of its buckets and takes its places, or does none of it.
-- KEYS: epoch, a counter for each bucket, a sorted set for each kind of place.
-- ARGV: the caller's epoch, number of buckets, '1' to count or '0' to look, name of the call among the places, lease of a
-- place in ms; for each bucket its five and the amount; for each kind of place how many there are.
-- Answers {0, epoch}: another epoch than the caller's. {2, numbers…}: these must be seeded first. {3, number or 0, wait in us,
-- state…}: does not fit (0: the places). {1, now in us, state…}: counted. A state is what remains, and the us until all is free.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local epoch = redis.call('GET', KEYS[1])
if not epoch then
  epoch = time[1] .. string.format('%06d', time[2])
  redis.call('SET', KEYS[1], epoch)
end
if epoch ~= ARGV[1] then return { 0, epoch } end

local buckets = tonumber(ARGV[2])
local slots_at = 6 + buckets * (arguments_per_bucket + 1)
local counters, amounts, unknown = {}, {}, { 2 }
for number = 1, buckets do
  local at = 6 + (number - 1) * (arguments_per_bucket + 1)
  local counter = load_counter(KEYS[1 + number], at, now)
  if is_unknown(counter, epoch, now) then unknown[#unknown + 1] = number end
  advance(counter, now)
  counters[number] = counter
  amounts[number] = tonumber(ARGV[at + arguments_per_bucket])
end
if #unknown > 1 then return unknown end

local excess, longest = nil, 0
for number = 2 + buckets, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[number], '-inf', to_field(now))
  if redis.call('ZCARD', KEYS[number]) >= tonumber(ARGV[slots_at + number - 2 - buckets]) then excess = 0 end
end
if not excess then
  for number, counter in ipairs(counters) do
    local wait = find_wait(counter, now, amounts[number])
    if wait ~= 0 and longest ~= -1 and (wait == -1 or wait > longest) then
      excess, longest = number, wait
    end
  end
end

local answer = excess and { 3, excess, longest } or { 1, now }
local counts = not excess and ARGV[3] == '1'
for number, counter in ipairs(counters) do
  if counts then
    add(counter, now, amounts[number])
    save_counter(counter)
  end
  answer[#answer + 1] = find_remaining(counter)
  answer[#answer + 1] = find_reset(counter, now)
end
if counts then
  local lease_us = tonumber(ARGV[5]) * 1000
  for number = 2 + buckets, #KEYS do
    redis.call('ZADD', KEYS[number], to_field(now + lease_us), ARGV[4])
    redis.call('PEXPIRE', KEYS[number], ARGV[5])
  end
end
return answer
