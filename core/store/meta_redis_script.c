/* SPDX-License-Identifier: MIT */
/*
 * The steps of a meta store on a server, in Lua.  KEYS[1] is what all keys
 * begin with; the keys are drawn in meta_redis.c, the records in meta_record.h.
 * A script reads and checks first, gathers what it will write, and writes at
 * the end, where nothing can fail any more: types and rights have been
 * checked, and a server that is out of memory, read-only or without its disk
 * refuses the first write, which is therefore one that asks for memory, but
 * in the steps that free some.
 *
 * Lua's numbers are doubles: all counters stay below 2^53.  Clocks are the
 * server's.
 */
#include "store/meta_redis.h"

/* fail: end with that answer.  call: a command, whose errors end the script as
 * they are.  apply: a list of writing commands, all or none. */
#define BASE \
	"local M = KEYS[1]\n" \
	"local function fail(...) error({snek = {...}}, 0) end\n" \
	"local function call(...)\n" \
	"  local r = redis.pcall(...)\n" \
	"  if type(r) ~= 'table' or not r.err then return r end\n" \
	"  if string.find(r.err, 'WRONGTYPE', 1, true) then\n" \
	"    fail('damaged', (select(2, ...)))\n" \
	"  end\n" \
	"  r.err = string.gsub(r.err, '^@[^:]*: *%d+: *%-?', '')\n" \
	"  error({snek = r}, 0)\n" \
	"end\n" \
	"local TYPE = {H = 'hash', Z = 'zset', S = 'set'}\n" \
	"local function apply(w)\n" \
	"  for _, c in ipairs(w) do\n" \
	"    local want = TYPE[string.sub(c[1], 1, 1)]\n" \
	"    local is = want and call('TYPE', c[2])\n" \
	"    is = is and (is.ok or is)\n" \
	"    if want and is ~= want and is ~= 'none' then\n" \
	"      fail('damaged', c[2])\n" \
	"    end\n" \
	"    if redis.acl_check_cmd and not redis.acl_check_cmd(unpack(c)) then\n" \
	"      fail('denied', c[1], c[2])\n" \
	"    end\n" \
	"  end\n" \
	"  for _, c in ipairs(w) do call(unpack(c)) end\n" \
	"end\n" \
	"local MAX = 9007199254740992\n" \
	"local function number(v, key)\n" \
	"  local n = v and string.match(v, '^%d+$') and tonumber(v)\n" \
	"  if not n or n >= MAX then fail('damaged', key) end\n" \
	"  return n\n" \
	"end\n" \
	"local function text(n) return string.format('%.0f', n) end\n" \
	"local function add(a, b)\n" \
	"  if a + b >= MAX then fail('limit') end\n" \
	"  return text(a + b)\n" \
	"end\n" \
	"local function now() return tonumber(call('TIME')[1]) end\n"

/* category: the fields of its record, and its key; nil if there is none. */
#define CATEGORY \
	"local FIELDS = {'name', 'placement', 'version', 'epoch', 'writes',\n" \
	"  'records', 'bytes'}\n" \
	"local function category(id)\n" \
	"  local key = M .. 'category:' .. id\n" \
	"  local c = call('HMGET', key, unpack(FIELDS))\n" \
	"  local n = 0\n" \
	"  for i = 1, 7 do if c[i] then n = n + 1 end end\n" \
	"  if n == 0 then return nil, key end\n" \
	"  if n < 7 then fail('damaged', key) end\n" \
	"  return c, key\n" \
	"end\n" \
	"local function named(name)\n" \
	"  local id = call('HGET', M .. 'name', name)\n" \
	"  if not id then return end\n" \
	"  number(id, M .. 'name')\n" \
	"  local c, key = category(id)\n" \
	"  if not c or c[1] ~= name then fail('damaged', key) end\n" \
	"  return c, key, id\n" \
	"end\n" \
	"local function visible(name)\n" \
	"  local c, key, id = named(name)\n" \
	"  if not c or c[3] == '0' then fail('none') end\n" \
	"  return c, key, id\n" \
	"end\n" \
	"local function whole(id, c)\n" \
	"  return {'ok', id, unpack(c)}\n" \
	"end\n"

/* owner: "ID FIRST" of the entry that names the write, if its category lives.
 * place: are all those shards of the placement? */
#define WRITE \
	"local function owner(w)\n" \
	"  local o = call('HGET', M .. 'named', w)\n" \
	"  local id = o and string.match(o, '^(%d+) %d+$')\n" \
	"  if not o then return end\n" \
	"  if not id then fail('damaged', M .. 'named') end\n" \
	"  if call('EXISTS', M .. 'category:' .. id) == 1 then return o end\n" \
	"end\n" \
	"local function fresh(w)\n" \
	"  if call('HEXISTS', M .. 'aborted', w) == 1 then fail('aborted') end\n" \
	"  local o = owner(w)\n" \
	"  if o then fail('named', o) end\n" \
	"end\n" \
	"local function place(c, key, shards)\n" \
	"  local p, has = c[2], {}\n" \
	"  if #p == 0 or #p % 4 ~= 0 then fail('damaged', key) end\n" \
	"  for i = 1, #p, 4 do\n" \
	"    if (struct.unpack('<I4', p, i)) > 1023 then fail('damaged', key) end\n" \
	"    has[string.sub(p, i, i + 3)] = true\n" \
	"  end\n" \
	"  for i = 1, #shards, 4 do\n" \
	"    local s = string.sub(shards, i, i + 3)\n" \
	"    if not has[s] then fail('shard', text((struct.unpack('<I4', s)))) end\n" \
	"  end\n" \
	"  return p\n" \
	"end\n"

/* The record of a request id, within the window of ARGV[i] seconds. */
#define REQUEST \
	"local function request(id, rid, window)\n" \
	"  local key = M .. 'request:' .. id\n" \
	"  local r = call('HGET', key, rid)\n" \
	"  if not r then return end\n" \
	"  if #r ~= 65 then fail('damaged', key) end\n" \
	"  if (struct.unpack('<I8', r, 2)) <= now() - window then return end\n" \
	"  return r\n" \
	"end\n"

#define FUNCTION \
	"local F = M .. 'function'\n" \
	"local function functions()\n" \
	"  local f, t = call('HGETALL', F), {}\n" \
	"  for i = 1, #f, 2 do t[f[i]] = f[i + 1] end\n" \
	"  return t\n" \
	"end\n" \
	"local function plugin(r)\n" \
	"  local n = string.byte(r, 10)\n" \
	"  if not n or #r < 13 + n or string.byte(r) ~= 1 then\n" \
	"    fail('damaged', F)\n" \
	"  end\n" \
	"  return string.sub(r, 11, 10 + n)\n" \
	"end\n"

#define MAIN "local function main()\n"
#define END \
	"end\n" \
	"local ok, r = pcall(main)\n" \
	"if ok then return r end\n" \
	"if type(r) == 'table' and r.snek then return r.snek end\n" \
	"if type(r) == 'table' and r.err then return r end\n" \
	"return redis.error_reply('ERR ' .. tostring(r))\n"

/* ---- the cluster ---- */

#define TRACES "{'name', 'names', 'named', 'aborted', 'expiry', 'dead',\n" \
	"  'function', 'shard', 'destroyed'}"

/* ARGV: format, uuid, shards, level, draw, address ... */
static const char create[] = BASE MAIN
	"  local key = M .. 'cluster'\n"
	"  if call('EXISTS', key) == 1 then fail('exists') end\n"
	"  for _, k in ipairs(" TRACES ") do\n"
	"    if call('EXISTS', M .. k) == 1 then fail('lost', M .. k) end\n"
	"  end\n"
	"  local w = {{'HSET', key, 'format', ARGV[1], 'uuid', ARGV[2],\n"
	"    'shards', ARGV[3], 'level', ARGV[4], 'draw', ARGV[5],\n"
	"    'next', '1'}}\n"
	"  for i = 6, #ARGV do\n"
	"    w[#w + 1] = {'HSET', M .. 'shard', text(i - 6), ARGV[i]}\n"
	"  end\n"
	"  apply(w)\n"
	"  return {'ok'}\n"
	END;

/* ARGV: what the keys of shards begin with, how many shards there can be. */
static const char cluster[] = BASE MAIN
	"  local c = call('HMGET', M .. 'cluster', 'format', 'uuid', 'shards',\n"
	"    'level', 'draw', 'next')\n"
	"  for i = 1, 6 do if c[i] then\n"
	"    if not c[1] then fail('damaged', M .. 'cluster') end\n"
	"    for k = 1, 6 do c[k] = c[k] or '' end\n"
	"    return {'ok', unpack(c)}\n"
	"  end end\n"
	"  if call('EXISTS', M .. 'cluster') == 1 then\n"
	"    fail('damaged', M .. 'cluster')\n"
	"  end\n"
	"  if call('EXISTS', M .. 'destroyed') == 1 then\n"
	"    fail('lost', M .. 'destroyed')\n"
	"  end\n"
	"  for _, k in ipairs(" TRACES ") do\n"
	"    if call('EXISTS', M .. k) == 1 then fail('lost', M .. k) end\n"
	"  end\n"
	"  for i = 0, tonumber(ARGV[2]) - 1 do\n"
	"    local k = ARGV[1] .. text(i) .. ':stamp'\n"
	"    if call('EXISTS', k) == 1 then fail('lost', k) end\n"
	"  end\n"
	"  fail('none')\n"
	END;

static const char shards[] = BASE MAIN
	"  return {'ok', unpack(call('HGETALL', M .. 'shard'))}\n"
	END;

/* ARGV: level or 0, address ... */
static const char grow[] = BASE MAIN
	"  local key = M .. 'cluster'\n"
	"  local c = call('HMGET', key, 'shards', 'level')\n"
	"  local n, level = number(c[1], key), number(c[2], key)\n"
	"  if ARGV[1] ~= '0' then level = tonumber(ARGV[1]) end\n"
	"  local total = n + #ARGV - 1\n"
	"  if total > 1024 or level > total then\n"
	"    fail('many', text(total), text(level))\n"
	"  end\n"
	"  local have = call('HGETALL', M .. 'shard')\n"
	"  local w = {}\n"
	"  for i = 2, #ARGV do\n"
	"    for k = 2, #have, 2 do\n"
	"      if have[k] == ARGV[i] then fail('exists', ARGV[i]) end\n"
	"    end\n"
	"    w[#w + 1] = {'HSET', M .. 'shard', text(n + i - 2), ARGV[i]}\n"
	"  end\n"
	"  w[#w + 1] = {'HSET', key, 'shards', text(total), 'level', text(level)}\n"
	"  apply(w)\n"
	"  return {'ok', text(n)}\n"
	END;

/* ARGV: write id or nothing.  A write, for WAIT to wait for. */
static const char settle[] = BASE WRITE MAIN
	"  if ARGV[1] ~= '' and not owner(ARGV[1]) then fail('lost') end\n"
	"  if call('EXISTS', M .. 'cluster') == 0 then fail('lost') end\n"
	"  apply({{'HSET', M .. 'cluster', 'settled', text(now())}})\n"
	"  return {'ok'}\n"
	END;

static const char destroy[] = BASE MAIN
	"  if call('EXISTS', M .. 'cluster') == 1 then\n"
	"    apply({{'RENAME', M .. 'cluster', M .. 'destroyed'}})\n"
	"    return {'ok'}\n"
	"  end\n"
	"  for _, k in ipairs(" TRACES ") do\n"
	"    if call('EXISTS', M .. k) == 1 then return {'ok'} end\n"
	"  end\n"
	"  fail('none')\n"
	END;

/* ---- categories ---- */

/* ARGV: name. */
static const char make[] = BASE CATEGORY MAIN
	"  local c, key, id = named(ARGV[1])\n"
	"  if c then return whole(id, c) end\n"
	"  key = M .. 'cluster'\n"
	"  local r = call('HMGET', key, 'shards', 'level', 'draw', 'next')\n"
	"  local n, level = number(r[1], key), number(r[2], key)\n"
	"  local draw, new = number(r[3], key), number(r[4], key)\n"
	"  if n < 1 or n > 1024 or level < 1 or level > n then\n"
	"    fail('damaged', key)\n"
	"  end\n"
	"  id = text(new)\n"
	"  for _, k in ipairs({'category:', 'manifest:', 'request:'}) do\n"
	"    if call('EXISTS', M .. k .. id) == 1 then\n"
	"      fail('damaged', M .. k .. id)\n"
	"    end\n"
	"  end\n"
	"  local p = {}\n"
	"  for i = 0, level - 1 do\n"
	"    p[#p + 1] = struct.pack('<I4', (draw % n + i) % n)\n"
	"  end\n"
	"  c = {ARGV[1], table.concat(p), '0', '0', '0', '0', '0'}\n"
	"  local w = {'HSET', M .. 'category:' .. id}\n"
	"  for i = 1, 7 do w[#w + 1] = FIELDS[i]; w[#w + 1] = c[i] end\n"
	"  apply({{'HSET', key, 'draw', add(draw, 1), 'next', add(new, 1)}, w,\n"
	"    {'HSET', M .. 'name', ARGV[1], id},\n"
	"    {'ZADD', M .. 'names', '0', ARGV[1]}})\n"
	"  return whole(id, c)\n"
	END;

static const char get[] = BASE CATEGORY MAIN
	"  local c, key, id = visible(ARGV[1])\n"
	"  return whole(id, c)\n"
	END;

/* ARGV: where in the names to begin.  After "ok", the last name seen. */
static const char list[] = BASE CATEGORY MAIN
	"  local names = call('ZRANGEBYLEX', M .. 'names', ARGV[1], '+',\n"
	"    'LIMIT', '0', '64')\n"
	"  local out = {'ok', names[#names] or ''}\n"
	"  for _, name in ipairs(names) do\n"
	"    local c, key, id = named(name)\n"
	"    if not c then fail('damaged', M .. 'names') end\n"
	"    if c[3] ~= '0' then\n"
	"      out[#out + 1] = id\n"
	"      for i = 1, 7 do out[#out + 1] = c[i] end\n"
	"    end\n"
	"  end\n"
	"  return out\n"
	END;

static const char removing[] = BASE CATEGORY MAIN
	"  local c, key, id = visible(ARGV[1])\n"
	"  apply({{'HDEL', M .. 'name', ARGV[1]}, {'ZREM', M .. 'names', ARGV[1]},\n"
	"    {'UNLINK', key}, {'UNLINK', M .. 'request:' .. id},\n"
	"    {'SADD', M .. 'dead', id}})\n"
	"  return {'ok'}\n"
	END;

/* Some of what a removed category left.  "1": there may be more. */
static const char purge[] = BASE MAIN
	"  local id = call('SRANDMEMBER', M .. 'dead')\n"
	"  if not id then return {'ok', '0'} end\n"
	"  number(id, M .. 'dead')\n"
	"  local m = M .. 'manifest:' .. id\n"
	"  local w, e = {}, call('ZRANGE', m, '0', '31')\n"
	"  for _, v in ipairs(e) do\n"
	"    local x = string.sub(v, 19, 34)\n"
	"    local o = call('HGET', M .. 'named', x)\n"
	"    if o and string.match(o, '^%d+') == id then\n"
	"      w[#w + 1] = {'HDEL', M .. 'named', x}\n"
	"    end\n"
	"  end\n"
	"  if #e == 32 then w[#w + 1] = {'ZREMRANGEBYRANK', m, '0', '31'} else\n"
	"    w[#w + 1] = {'UNLINK', m}\n"
	"    w[#w + 1] = {'SREM', M .. 'dead', id}\n"
	"  end\n"
	"  apply(w)\n"
	"  return {'ok', '1'}\n"
	END;

/* ARGV: name, from, and for another page the id, the epoch and the rank where
 * it begins.  Ranks stay as they are while the epoch does. */
static const char snapshot[] = BASE CATEGORY MAIN
	"  local c, key, id = visible(ARGV[1])\n"
	"  local m, rank = M .. 'manifest:' .. id, ARGV[5] and tonumber(ARGV[5])\n"
	"  if rank and (id ~= ARGV[3] or c[4] ~= ARGV[4]) then fail('moved') end\n"
	"  local out = whole(id, c)\n"
	"  if tonumber(ARGV[2]) > number(c[3], key) then\n"
	"    out[10] = '0'\n"
	"    return out\n"
	"  end\n"
	"  rank = rank or math.max(0, call('ZCOUNT', m, '-inf', ARGV[2]) - 1)\n"
	"  local bytes, n = 0, 0\n"
	"  while n < 2000 and bytes < 262144 do\n"
	"    local e = call('ZRANGE', m, text(rank + n), text(rank + n + 3))\n"
	"    for i = 1, #e do\n"
	"      out[10 + n + i] = e[i]\n"
	"      bytes = bytes + #e[i]\n"
	"    end\n"
	"    n = n + #e\n"
	"    if #e < 4 then break end\n"
	"  end\n"
	"  out[10] = text(rank + n)\n"
	"  return out\n"
	END;

/* ---- writes ---- */

/* ARGV: category, request id, window. */
static const char request[] = BASE REQUEST MAIN
	"  local r = request(ARGV[1], ARGV[2], tonumber(ARGV[3]))\n"
	"  if not r then fail('none') end\n"
	"  return {'ok', r}\n"
	END;

/*
 * ARGV: 1 category, 2 request id or nothing, 3 window, 4 write id, 5 records,
 * 6 bytes, 7 shards of its parts, or nothing if it is inlined, 8 the entry up
 * to `last`, 9 from there to the first part's shard if it is inlined, else to
 * the end, 10 the rest of an inlined one, 11 the request from `records` on.
 */
static const char commit[] = BASE CATEGORY WRITE REQUEST MAIN
	"  local id, rid, wid = ARGV[1], ARGV[2], ARGV[4]\n"
	"  local c, key = category(id)\n"
	"  if not c then fail('none') end\n"
	"  local old = rid ~= '' and request(id, rid, tonumber(ARGV[3]))\n"
	"  if old then return {'request', old} end\n"
	"  fresh(wid)\n"
	"  local p = place(c, key, ARGV[7])\n"
	"  local v = number(c[3], key) + 1\n"
	"  local version = add(v, 0)\n"
	"  local m = M .. 'manifest:' .. id\n"
	"  if call('ZCOUNT', m, version, '+inf') ~= 0 then fail('damaged', m) end\n"
	"  local shard = ''\n"
	"  if ARGV[10] ~= '' then\n"
	"    local at = 4 * (v % (#p / 4))\n"
	"    shard = string.sub(p, at + 1, at + 4)\n"
	"  end\n"
	"  local last, t = struct.pack('<I8', v), now()\n"
	"  local w = {{'HSET', key, 'version', version,\n"
	"    'writes', add(number(c[5], key), 1),\n"
	"    'records', add(number(c[6], key), tonumber(ARGV[5])),\n"
	"    'bytes', add(number(c[7], key), tonumber(ARGV[6]))},\n"
	"    {'ZADD', m, version, struct.pack('>I8', v) .. ARGV[8] .. last ..\n"
	"      ARGV[9] .. shard .. ARGV[10]},\n"
	"    {'HSET', M .. 'named', wid, id .. ' ' .. version}}\n"
	"  if rid ~= '' then\n"
	"    w[4] = {'HSET', M .. 'request:' .. id, rid,\n"
	"      '\\1' .. struct.pack('<I8', t) .. last .. ARGV[11]}\n"
	"    w[5] = {'ZADD', M .. 'expiry', text(t), id .. ' ' .. rid}\n"
	"  end\n"
	"  apply(w)\n"
	"  return {'ok', version}\n"
	END;

/*
 * ARGV: 1 category, 2 write ids of the old entries, 3 first, 4 last, 5 records,
 * 6 bytes, 7 shards of the parts, 8 write id, 9 the entry after its be64 first.
 */
static const char fold[] = BASE CATEGORY WRITE MAIN
	"  local id, old, wid = ARGV[1], ARGV[2], ARGV[8]\n"
	"  local c, key = category(id)\n"
	"  if not c then fail('lost') end\n"
	"  local m, n, i = M .. 'manifest:' .. id, #old / 16, 0\n"
	"  local rank = call('ZCOUNT', m, '-inf', '(' .. ARGV[3])\n"
	"  local first, records, bytes = tonumber(ARGV[3]), 0, 0\n"
	"  local at, w = first, {}\n"
	"  w[1] = {'ZREMRANGEBYRANK', m, text(rank), text(rank + n - 1)}\n"
	"  while i < n do\n"
	"    local e = call('ZRANGE', m, text(rank + i),\n"
	"      text(math.min(rank + i + 15, rank + n - 1)))\n"
	"    if #e == 0 then fail('lost') end\n"
	"    for _, v in ipairs(e) do\n"
	"      if #v < 70 then fail('damaged', m) end\n"
	"      local x = string.sub(v, 19, 34)\n"
	"      if (struct.unpack('>I8', v)) ~= at or\n"
	"          x ~= string.sub(old, 16 * i + 1, 16 * i + 16) then\n"
	"        fail('lost')\n"
	"      end\n"
	"      at = struct.unpack('<I8', v, 11) + 1\n"
	"      records = records + struct.unpack('<I8', v, 51)\n"
	"      bytes = bytes + struct.unpack('<I8', v, 59)\n"
	"      w[#w + 1] = {'HDEL', M .. 'named', x}\n"
	"      i = i + 1\n"
	"    end\n"
	"  end\n"
	"  if at ~= tonumber(ARGV[4]) + 1 then fail('lost') end\n"
	"  if records ~= tonumber(ARGV[5]) then fail('records', text(records)) end\n"
	"  place(c, key, ARGV[7])\n"
	"  fresh(wid)\n"
	"  local sum = number(c[7], key) - bytes\n"
	"  if sum < 0 then fail('damaged', key) end\n"
	"  w[#w + 1] = {'ZADD', m, ARGV[3], struct.pack('>I8', first) .. ARGV[9]}\n"
	"  w[#w + 1] = {'HSET', M .. 'named', wid, id .. ' ' .. ARGV[3]}\n"
	"  w[#w + 1] = {'HSET', key, 'epoch', add(number(c[4], key), 1),\n"
	"    'bytes', add(sum, tonumber(ARGV[6]))}\n"
	"  apply(w)\n"
	"  return {'ok'}\n"
	END;

/* ARGV of the next three: write id. */
static const char is_named[] = BASE WRITE MAIN
	"  return {'ok', owner(ARGV[1]) and '1' or '0'}\n"
	END;

/* HDEL: a write that asks for no memory, so that a full server can be swept. */
static const char aborting[] = BASE WRITE MAIN
	"  local o = owner(ARGV[1])\n"
	"  if o then fail('named', o) end\n"
	"  local key = M .. 'aborted'\n"
	"  apply({{'HDEL', key, ARGV[1]}, {'HSET', key, ARGV[1], text(now())}})\n"
	"  return {'ok'}\n"
	END;

static const char forget[] = BASE MAIN
	"  apply({{'HDEL', M .. 'aborted', ARGV[1]}})\n"
	"  return {'ok'}\n"
	END;

/* ARGV: age in seconds.  "1": there may be more. */
static const char expire[] = BASE MAIN
	"  local key = M .. 'expiry'\n"
	"  local e = call('ZRANGEBYSCORE', key, '-inf',\n"
	"    '(' .. text(now() - tonumber(ARGV[1])), 'LIMIT', '0', '256')\n"
	"  local w = {}\n"
	"  for _, x in ipairs(e) do\n"
	"    local id, rid = string.match(x, '^(%d+) (.*)$')\n"
	"    if not id then fail('damaged', key) end\n"
	"    w[#w + 1] = {'HDEL', M .. 'request:' .. id, rid}\n"
	"    w[#w + 1] = {'ZREM', key, x}\n"
	"  end\n"
	"  apply(w)\n"
	"  return {'ok', #e == 256 and '1' or '0'}\n"
	END;

/* ---- functions ---- */

/* ARGV: plugin, {name, record from `plugin` on} ...  Then, "1": changed. */
static const char function_put[] = BASE FUNCTION MAIN
	"  local have, keep, w = functions(), {}, {}\n"
	"  for i = 2, #ARGV, 2 do keep[ARGV[i]] = true end\n"
	"  for i = 2, #ARGV, 2 do\n"
	"    local r = have[ARGV[i]]\n"
	"    if r then plugin(r) end\n"
	"    if not r or string.sub(r, 10) ~= ARGV[i + 1] then\n"
	"      local g = r and struct.unpack('<I8', r, 2) + 1 or 1\n"
	"      w[#w + 1] = {'HSET', F, ARGV[i],\n"
	"        '\\1' .. struct.pack('<I8', g) .. ARGV[i + 1]}\n"
	"    end\n"
	"  end\n"
	"  for name, r in pairs(have) do\n"
	"    if plugin(r) == ARGV[1] and not keep[name] then\n"
	"      w[#w + 1] = {'HDEL', F, name}\n"
	"    end\n"
	"  end\n"
	"  apply(w)\n"
	"  return {'ok', #w > 0 and '1' or '0'}\n"
	END;

static const char function_get[] = BASE MAIN
	"  local r = call('HGET', M .. 'function', ARGV[1])\n"
	"  if not r then fail('none') end\n"
	"  return {'ok', r}\n"
	END;

/* ARGV: the last name seen.  Some names beyond it, in order of their bytes
 * (Lua's < goes by the server's locale), and their records. */
static const char function_list[] = BASE FUNCTION MAIN
	"  local function less(a, b)\n"
	"    for i = 1, math.min(#a, #b) do\n"
	"      local x, y = string.byte(a, i), string.byte(b, i)\n"
	"      if x ~= y then return x < y end\n"
	"    end\n"
	"    return #a < #b\n"
	"  end\n"
	"  local have, names, out = functions(), {}, {'ok'}\n"
	"  for name in pairs(have) do\n"
	"    if less(ARGV[1], name) then names[#names + 1] = name end\n"
	"  end\n"
	"  table.sort(names, less)\n"
	"  for i = 1, math.min(#names, 512) do\n"
	"    out[2 * i] = names[i]\n"
	"    out[2 * i + 1] = have[names[i]]\n"
	"  end\n"
	"  return out\n"
	END;

static const char function_remove[] = BASE FUNCTION MAIN
	"  local have, w = functions(), {}\n"
	"  for name, r in pairs(have) do\n"
	"    if plugin(r) == ARGV[1] then w[#w + 1] = {'HDEL', F, name} end\n"
	"  end\n"
	"  if #w == 0 and not have[ARGV[1]] then fail('none') end\n"
	"  if #w == 0 then w[1] = {'HDEL', F, ARGV[1]} end\n"
	"  apply(w)\n"
	"  return {'ok'}\n"
	END;

const struct sk_rmeta_script sk_rmeta_script[STEP_COUNT] = {
	[STEP_CREATE] = { STEP_CHANGES, "create", create },
	[STEP_CLUSTER] = { STEP_READS, "cluster", cluster },
	[STEP_SHARDS] = { STEP_READS, "shards", shards },
	[STEP_GROW] = { STEP_CHANGES, "grow", grow },
	[STEP_SETTLE] = { STEP_REPEATS, "settle", settle },
	[STEP_DESTROY] = { STEP_REPEATS, "destroy", destroy },
	[STEP_MAKE] = { STEP_REPEATS, "make", make },
	[STEP_GET] = { STEP_READS, "get", get },
	[STEP_LIST] = { STEP_READS, "list", list },
	[STEP_REMOVE] = { STEP_CHANGES, "remove", removing },
	[STEP_PURGE] = { STEP_REPEATS, "purge", purge },
	[STEP_SNAPSHOT] = { STEP_READS, "snapshot", snapshot },
	[STEP_REQUEST] = { STEP_READS, "request", request },
	[STEP_COMMIT] = { STEP_CHANGES, "commit", commit },
	[STEP_FOLD] = { STEP_CHANGES, "fold", fold },
	[STEP_NAMED] = { STEP_READS, "named", is_named },
	[STEP_ABORT] = { STEP_REPEATS, "abort", aborting },
	[STEP_FORGET] = { STEP_REPEATS, "forget", forget },
	[STEP_EXPIRE] = { STEP_REPEATS, "expire", expire },
	[STEP_FUNCTION_PUT] = { STEP_CHANGES, "function_put", function_put },
	[STEP_FUNCTION_GET] = { STEP_READS, "function_get", function_get },
	[STEP_FUNCTION_LIST] = { STEP_READS, "function_list", function_list },
	[STEP_FUNCTION_REMOVE] = { STEP_CHANGES, "function_remove",
	    function_remove },
};
