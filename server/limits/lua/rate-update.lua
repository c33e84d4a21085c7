-- Corrects counters and places, many at once.
-- KEYS: epoch, then one for each operation. ARGV: the caller's epoch, lease of a place in ms, then each operation:
--   'c', the bucket's five, at, delta          what was counted at `at` came to more or less
--   'a', the bucket's five, amount             was counted elsewhere; counts from now on
--   's', the bucket's five, n, n steps         what the ledger says, unless somebody said it already: us ago of the first use
--                                              and of the last one, amount; oldest first
--   'l', name / 'r', name                      takes or prolongs a place / gives it back
-- Answers {0, epoch} (another epoch than the caller's: nothing was done) or {1, now in us}.
local now = find_now()
local epoch = redis.call('GET', KEYS[1])
if epoch ~= ARGV[1] then return { 0, epoch or '' } end

local function seed_bucket(counter, at, count)
  local per_us = counter.refill / counter.window
  local level, age = 0, counter.look_back
  for step = 0, count - 1 do
    local last_age, amount = tonumber(ARGV[at + step * 3 + 1]), tonumber(ARGV[at + step * 3 + 2])
    level = math.min(counter.limit, level + math.max(0, age - last_age) * per_us) - amount
    age = math.min(age, last_age)
  end
  -- What was counted here already came after it.
  counter.level = math.min(counter.limit, level + age * per_us) - (counter.limit - counter.level)
end

local function seed_window(counter, at, count)
  if count == 0 then return end
  local first_number = counter.head - count
  if counter.last == 0 then first_number = first_number + 1 end
  for step = 0, count - 1 do
    local from = at + step * 3
    local first, last, amount = now - tonumber(ARGV[from]), now - tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2])
    counter.used = counter.used + amount
    if counter.last == 0 and step == count - 1 then
      counter.first, counter.last, counter.amount = first, last, amount
    else
      redis.call('HSET', counter.key, to_field(first_number + step), struct.pack(entry_shape, first, last, amount))
    end
    if step == 0 then counter.oldest = last end
  end
  counter.head = first_number
end

local at = 3
for number = 2, #KEYS do
  local key, operation = KEYS[number], ARGV[at]
  if operation == 'l' then
    redis.call('ZADD', key, to_field(now + tonumber(ARGV[2]) * 1000), ARGV[at + 1])
    redis.call('PEXPIRE', key, ARGV[2])
    at = at + 2
  elseif operation == 'r' then
    redis.call('ZREM', key, ARGV[at + 1])
    at = at + 2
  else
    local counter = load_counter(key, at + 1, now)
    advance(counter, now)
    at = at + 1 + arguments_per_bucket
    if operation == 'c' then
      change(counter, tonumber(ARGV[at]), tonumber(ARGV[at + 1]))
      at = at + 2
    elseif operation == 'a' then
      add(counter, now, tonumber(ARGV[at]))
      at = at + 1
    else
      local count = tonumber(ARGV[at])
      if counter.seeded == 0 then
        if counter.is_window then seed_window(counter, at + 1, count) else seed_bucket(counter, at + 1, count) end
        counter.seeded = 1
      end
      at = at + 1 + count * 3
    end
    save_counter(counter)
  end
end
return { 1, now }
