-- Put in front of every script of the rate windows: the counters, as server/limits/sliding-window.ts and token-bucket.ts
-- have them in memory. Times are microseconds of this server's own clock, no other; doubles hold them exactly.
--
-- A counter is a hash. Its field `s` is the whole of a token bucket, and of a window all but the entries that are complete,
-- which stand under their numbers, head to tail - 1. So a use costs one HGET and one HSET, whatever the window holds.

local window_shape = '<dddddddd'
local bucket_shape = '<ddd'
local entry_shape = '<ddd'
local steps_per_window = 256

local function find_now()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function to_field(number)
  return string.format('%d', number)
end

local function load_entry(key, number)
  return struct.unpack(entry_shape, redis.call('HGET', key, to_field(number)))
end

-- What a bucket is asked with: kind ('w' or 'b'), window in ms, limit, refill, look-back in ms.
local arguments_per_bucket = 5

local function load_counter(key, at, now)
  local counter = {
    key = key,
    is_window = ARGV[at] == 'w',
    window = tonumber(ARGV[at + 1]) * 1000,
    limit = tonumber(ARGV[at + 2]),
    refill = tonumber(ARGV[at + 3]),
    look_back = tonumber(ARGV[at + 4]) * 1000,
  }
  local packed = redis.call('HGET', key, 's')
  if counter.is_window then
    if packed then
      counter.seeded, counter.head, counter.tail, counter.used, counter.first, counter.last, counter.amount, counter.oldest =
        struct.unpack(window_shape, packed)
    else
      counter.seeded, counter.head, counter.tail, counter.used = 0, 0, 0, 0
      counter.first, counter.last, counter.amount, counter.oldest = 0, 0, 0, 0
    end
  elseif packed then
    counter.seeded, counter.level, counter.at = struct.unpack(bucket_shape, packed)
  else
    counter.seeded, counter.level, counter.at = 0, counter.limit, now
  end
  return counter
end

local function save_counter(counter)
  local gone = counter.gone or {}
  -- unpack has room for a few thousand.
  for from = 1, #gone, 500 do redis.call('HDEL', counter.key, unpack(gone, from, math.min(from + 499, #gone))) end
  local packed
  local lives_ms
  if counter.is_window then
    packed = struct.pack(window_shape, counter.seeded, counter.head, counter.tail, counter.used, counter.first,
      counter.last, counter.amount, counter.oldest)
    lives_ms = counter.window / 1000 + 1000
  else
    packed = struct.pack(bucket_shape, counter.seeded, counter.level, counter.at)
    -- It is full again by then, and a full one need not be kept.
    local per_us = counter.refill / counter.window
    lives_ms = per_us > 0 and math.max(0, counter.limit - counter.level) / per_us / 1000 + 1000 or 2678400000
  end
  redis.call('HSET', counter.key, 's', packed)
  redis.call('PEXPIRE', counter.key, to_field(math.ceil(math.min(lives_ms, 2678400000))))
end

-- Takes out what is older than the window, or fills the bucket up to now.
local function advance(counter, now)
  if not counter.is_window then
    if now > counter.at then
      counter.level = counter.level + (now - counter.at) * counter.refill / counter.window
      counter.at = now
    end
    counter.level = math.min(counter.limit, counter.level)
    return
  end
  if counter.oldest == 0 or counter.oldest + counter.window > now then return end
  local gone = {}
  counter.gone = gone
  while counter.head < counter.tail do
    local _, last, amount = load_entry(counter.key, counter.head)
    if last + counter.window > now then
      counter.oldest = last
      break
    end
    counter.used = counter.used - amount
    gone[#gone + 1] = to_field(counter.head)
    counter.head = counter.head + 1
  end
  if counter.head < counter.tail then return end
  if counter.last + counter.window <= now then
    counter.used, counter.first, counter.last, counter.amount, counter.oldest = 0, 0, 0, 0, 0
  else
    counter.oldest = counter.last
    counter.used = counter.amount
  end
end

local function add(counter, now, amount)
  if not counter.is_window then
    counter.level = counter.level - amount
    return
  end
  if counter.last > 0 and now - counter.first < counter.window / steps_per_window then
    counter.last = math.max(now, counter.last)
    counter.amount = counter.amount + amount
  else
    if counter.last > 0 then
      redis.call('HSET', counter.key, to_field(counter.tail),
        struct.pack(entry_shape, counter.first, counter.last, counter.amount))
      counter.tail = counter.tail + 1
    end
    counter.first, counter.last, counter.amount = now, now, amount
  end
  if counter.head == counter.tail then counter.oldest = counter.last end
  counter.used = counter.used + amount
end

-- Corrects what was counted at `at`; nothing where that is out already.
local function change(counter, at, delta)
  if not counter.is_window then
    counter.level = math.min(counter.limit, counter.level - delta)
    return
  end
  if counter.last == 0 then return end
  if at >= counter.first then
    if at > counter.last then return end
    counter.amount = counter.amount + delta
    counter.used = counter.used + delta
    return
  end
  local low, high = counter.head, counter.tail - 1
  while low <= high do
    local middle = math.floor((low + high) / 2)
    local first, last, amount = load_entry(counter.key, middle)
    if at < first then
      high = middle - 1
    elseif at > last then
      low = middle + 1
    else
      redis.call('HSET', counter.key, to_field(middle), struct.pack(entry_shape, first, last, amount + delta))
      counter.used = counter.used + delta
      return
    end
  end
end

-- Microseconds until `amount` fits: 0 now, -1 never.
local function find_wait(counter, now, amount)
  if counter.limit <= 0 or amount > counter.limit then return -1 end
  if not counter.is_window then
    if amount <= counter.level then return 0 end
    if counter.refill <= 0 then return -1 end
    return math.ceil((amount - counter.level) * counter.window / counter.refill)
  end
  local excess = counter.used + amount - counter.limit
  if excess <= 0 then return 0 end
  for number = counter.head, counter.tail - 1 do
    local _, last, used = load_entry(counter.key, number)
    excess = excess - used
    if excess <= 0 then return last + counter.window - now end
  end
  return counter.last + counter.window - now
end

local function find_remaining(counter)
  local left = counter.is_window and counter.limit - counter.used or counter.level
  return math.floor(math.max(0, left))
end

local function find_reset(counter, now)
  if counter.is_window then
    return counter.last == 0 and 0 or math.max(0, math.ceil(counter.last + counter.window - now))
  end
  if counter.level >= counter.limit then return 0 end
  return counter.refill > 0 and math.ceil((counter.limit - counter.level) * counter.window / counter.refill) or -1
end

-- Whether uses may count here of which only the ledger knows.
local function is_unknown(counter, epoch, now)
  return counter.seeded == 0 and now - tonumber(epoch) < counter.look_back
end
