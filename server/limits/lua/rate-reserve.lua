-- Counts calls, one after the other: each in all of its buckets and with its places, or in none of them.
-- KEYS: epoch; for each call a counter for each bucket, then a sorted set for each kind of place.
-- ARGV: the caller's epoch, lease of a place in ms; for each call number of buckets, number of kinds of places, '1' to count or
-- '0' to look, name of the call among the places, for each bucket its five and the amount, for each kind of place how many there are.
-- Answers {0, epoch}: another epoch than the caller's, nothing was done. Else {1, now in us, an answer for each call}, which is
-- {2, numbers…}: these buckets must be seeded first. {3, number or 0, wait in us, state…}: does not fit (0: the places).
-- {1, state…}: counted. A state is what remains, and the us until all is free.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local epoch = redis.call('GET', KEYS[1])
if not epoch then
  epoch = time[1] .. string.format('%06d', time[2])
  redis.call('SET', KEYS[1], epoch)
end
if epoch ~= ARGV[1] then return { 0, epoch } end

-- Each counter is read once and written once, however many of the calls count in it.
local loaded, changed = {}, {}

local function find_counter(key, at)
  local counter = loaded[key]
  if counter then
    counter.limit = tonumber(ARGV[at + 2])
  else
    counter = load_counter(key, at, now)
    advance(counter, now)
    loaded[key] = counter
  end
  return counter
end

local function count_call(keys_at, buckets, slots, counts, name, at)
  local counters, amounts, unknown = {}, {}, { 2 }
  for number = 1, buckets do
    local from = at + (number - 1) * (arguments_per_bucket + 1)
    local counter = find_counter(KEYS[keys_at + number], from)
    if is_unknown(counter, epoch, now) then unknown[#unknown + 1] = number end
    counters[number] = counter
    amounts[number] = tonumber(ARGV[from + arguments_per_bucket])
  end
  if #unknown > 1 then return unknown end

  local slots_at = at + buckets * (arguments_per_bucket + 1)
  local excess, longest = nil, 0
  for number = 1, slots do
    local key = KEYS[keys_at + buckets + number]
    redis.call('ZREMRANGEBYSCORE', key, '-inf', to_field(now))
    if redis.call('ZCARD', key) >= tonumber(ARGV[slots_at + number - 1]) then excess = 0 end
  end
  if not excess then
    for number, counter in ipairs(counters) do
      local wait = find_wait(counter, now, amounts[number])
      if wait ~= 0 and longest ~= -1 and (wait == -1 or wait > longest) then
        excess, longest = number, wait
      end
    end
  end

  local answer = excess and { 3, excess, longest } or { 1 }
  local is_counted = counts and not excess
  for number, counter in ipairs(counters) do
    if is_counted then
      add(counter, now, amounts[number])
      changed[counter.key] = counter
    end
    answer[#answer + 1] = find_remaining(counter)
    answer[#answer + 1] = find_reset(counter, now)
  end
  if is_counted then
    for number = 1, slots do
      local key = KEYS[keys_at + buckets + number]
      redis.call('ZADD', key, to_field(now + tonumber(ARGV[2]) * 1000), name)
      redis.call('PEXPIRE', key, ARGV[2])
    end
  end
  return answer
end

local answers = { 1, now }
local keys_at, at = 1, 3
while at <= #ARGV do
  local buckets, slots = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  answers[#answers + 1] = count_call(keys_at, buckets, slots, ARGV[at + 2] == '1', ARGV[at + 3], at + 4)
  keys_at = keys_at + buckets + slots
  at = at + 4 + buckets * (arguments_per_bucket + 1) + slots
end
for _, counter in pairs(changed) do save_counter(counter) end
return answers
